import { closeSync, readSync } from 'node:fs';
import { isBeneath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { openFile } from '../disk/open-file.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { isWorkName, type SourceEntry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_FINDING_EXAMPLES, SNIFFED_BYTES } from '../limits.ts';
import type { Finding, FindingKind } from '../report.ts';
import { addEntry, noAmount } from './amount.ts';
import { Largest } from './largest.ts';
import { riskOf, type Risk } from './risky-names.ts';

/** What counts as a finding, and what becomes of one. */
export interface FindingOptions {
  /** Bytes of content above which a context is large; 0: it never is. */
  largeBytes: number;
  /** The first finding is an error. */
  strict: boolean;
}

/** A directory such as `.git` that the walk is in: with anything beneath, it is a finding. */
interface EnteredDirectory {
  path: BytePath;
  kind: FindingKind;
  finding?: Finding;
}

/** In the order in which they are reported: what hurts most comes first. */
const KINDS: readonly FindingKind[] = [
  'private-key',
  'credentials',
  'env-file',
  'out',
  'version-control',
  'dependencies',
  'large',
];

/**
 * Looks among the entries of a walk for what is rarely meant to be sent. Goes by names; only a file whose
 * name makes it likely is opened, for its first bytes.
 */
export class Findings {
  readonly #options: FindingOptions;
  readonly #status: WorkerStatus;
  readonly #found = new Map<FindingKind, Finding>();
  readonly #largest = new Largest(MAX_FINDING_EXAMPLES);
  readonly #sent = noAmount();
  #within: EnteredDirectory | undefined;

  constructor(options: FindingOptions, status: WorkerStatus) {
    this.#options = options;
    this.#status = status;
  }

  /**
   * Takes each entry that is sent, in the order of the walk.
   * @throws CtxsyncError context-refused, if strict
   */
  add(entry: SourceEntry): void {
    const { path, kind, size } = entry;
    if (path === '') return;
    addEntry(this.#sent, size);
    this.#largest.add(entry);
    const { largeBytes } = this.#options;
    if (largeBytes > 0 && this.#sent.bytes > largeBytes)
      this.#refuseIfStrict('large', String(largeBytes));
    if (this.#within !== undefined) {
      if (isBeneath(path, this.#within.path)) return this.#addBeneath(this.#within, size);
      this.#within = undefined;
    }
    const risk = riskOf(path, kind);
    if (risk === undefined) return;
    if (kind === 'directory') this.#within = { path, kind: risk.kind };
    else if (this.#isMeant(risk, entry)) this.#note(risk.kind, path, size);
  }

  /** Takes an entry that is not sent: work files of a receiver show that its OUT is in the context. */
  addSkipped(path: BytePath): void {
    const [out, name] = splitPath(path);
    if (!isWorkName(name)) return;
    const known = this.#found.get('out');
    if (known?.examples.some((example) => example.path === toText(out)) !== true)
      this.#note('out', out, 0);
  }

  /** Call it after the last entry. */
  end(): Finding[] {
    this.#largest.end();
    const { largeBytes } = this.#options;
    if (largeBytes > 0 && this.#sent.bytes > largeBytes) this.#found.set('large', this.#large());
    return KINDS.flatMap((kind) => this.#found.get(kind) ?? []);
  }

  #addBeneath(within: EnteredDirectory, size: number): void {
    within.finding ??= this.#note(within.kind, within.path, 0);
    addEntry(within.finding, size);
  }

  #large(): Finding {
    const worst = this.#largest.worst().slice(0, MAX_FINDING_EXAMPLES);
    const examples = worst.map(({ path, bytes }) => ({ path: toText(path), bytes }));
    return { kind: 'large', count: 1, ...this.#sent, examples };
  }

  #note(kind: FindingKind, path: BytePath, bytes: number): Finding {
    this.#refuseIfStrict(kind, path);
    let finding = this.#found.get(kind);
    if (finding === undefined) {
      finding = { kind, count: 0, entries: 0, bytes: 0, examples: [] };
      this.#found.set(kind, finding);
    }
    finding.count += 1;
    addEntry(finding, bytes);
    if (finding.examples.length < MAX_FINDING_EXAMPLES) {
      finding.examples.push({ path: toText(path), bytes });
    }
    return finding;
  }

  #refuseIfStrict(kind: FindingKind, path: BytePath): void {
    if (!this.#options.strict) return;
    const text = toText(path);
    throw new CtxsyncError('context-refused', REFUSALS[kind](text), { remedy: 'strict' });
  }

  #isMeant({ content }: Risk, entry: SourceEntry): boolean {
    if (content === undefined) return true;
    this.#status.enter('reading', entry.path);
    return content.test(firstBytes(entry));
  }
}

/** As latin1. Whoever packs the file finds out why it cannot be read. */
function firstBytes({ fd, fsPath, content }: SourceEntry): string {
  if (content !== undefined)
    return Buffer.from(content.subarray(0, SNIFFED_BYTES)).toString('latin1');
  let own: number | undefined;
  try {
    const bytes = Buffer.alloc(SNIFFED_BYTES);
    const from = fd ?? (own = openFile(fsPath));
    return bytes.toString('latin1', 0, readSync(from, bytes, 0, bytes.length, 0));
  } catch {
    return '';
  } finally {
    if (own !== undefined) closeSync(own);
  }
}

const REFUSALS: Record<FindingKind, (path: string) => string> = {
  'private-key': (path) => `the context holds a private key: ${path}`,
  credentials: (path) => `the context holds credentials: ${path}`,
  'env-file': (path) => `the context holds an environment file: ${path}`,
  out: (path) => `the context holds the OUT of a receiver: ${path === '' ? './' : path}`,
  'version-control': (path) => `the context holds a repository: ${path}`,
  dependencies: (path) => `the context holds installed dependencies: ${path}`,
  large: (bytes) => `the context has more than ${bytes} bytes`,
};
