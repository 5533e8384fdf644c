import { fromText, toText, type BytePath } from '../disk/byte-path.ts';
import { writeAll, type ByteSink } from '../entry/byte-io.ts';
import type { IgnoreRules } from '../ignore/ignore-rules.ts';
import { RECORD_BATCH_BYTES } from '../limits.ts';
import { shortSource } from './rule-source.ts';
import { visitContext, type ContextVisitor, type VisitOptions } from './visit-context.ts';

export interface VerdictListOptions extends VisitOptions {
  /** The name under which the context is sent: it precedes each path; '' for none. */
  name: BytePath;
  /** End lines with NUL, and write paths byte for byte; otherwise as readable text, with LF. */
  nullTerminated: boolean;
}

/**
 * Writes a line for each path of a context: `sent`, `ignored`, `skipped` or `unreadable`, the rule that
 * decides (`file:line:pattern`) or else the reason, and the path, with tabs in between. Directories end
 * with a "/".
 * @throws CtxsyncError as visitContext()
 */
export function listVerdicts(options: VerdictListOptions, sink: ByteSink): void {
  const list = new VerdictList(options, sink);
  visitContext(options, list);
  list.end();
}

class VerdictList implements ContextVisitor {
  readonly #sink: ByteSink;
  readonly #prefix: BytePath;
  readonly #nullTerminated: boolean;
  /** Of each rule, as bytes. */
  readonly #origins: readonly BytePath[];
  /** Lines that were not written yet, as bytes. */
  #lines: BytePath = '';

  constructor({ name, nullTerminated, rules, root }: VerdictListOptions, sink: ByteSink) {
    this.#sink = sink;
    this.#prefix = name === '' ? '' : `${name}/`;
    this.#nullTerminated = nullTerminated;
    this.#origins = originsOf(rules, toText(root));
  }

  onSent({ path, kind }: Parameters<ContextVisitor['onSent']>[0], place: number): void {
    this.#add('sent', this.#origins[place] ?? '', path, kind === 'directory');
  }

  onIgnored(
    { path, isDirectory }: Parameters<ContextVisitor['onIgnored']>[0],
    place: number,
  ): void {
    this.#add('ignored', this.#origins[place] ?? '', path, isDirectory);
  }

  onSkipped(path: BytePath, reason: string): void {
    this.#add('skipped', fromText(reason), path, false);
  }

  onUnreadable(path: BytePath, reason: string): void {
    this.#add('unreadable', fromText(reason), path, false);
  }

  end(): void {
    writeAll(this.#sink, Buffer.from(this.#lines, 'latin1'));
    this.#lines = '';
  }

  #add(verdict: string, why: BytePath, path: BytePath, isDirectory: boolean): void {
    const whole = `${this.#prefix}${path}${isDirectory ? '/' : ''}`;
    const shown = this.#nullTerminated ? whole : fromText(toText(whole));
    this.#lines += `${verdict}\t${why}\t${shown}${this.#nullTerminated ? '\0' : '\n'}`;
    if (this.#lines.length >= RECORD_BATCH_BYTES) this.end();
  }
}

function originsOf(rules: IgnoreRules, directory: string): BytePath[] {
  return rules.list.map(({ source, line, text }) => {
    const file = shortSource(source, directory);
    return fromText(line === undefined ? `${file}:${text}` : `${file}:${line}:${text}`);
  });
}
