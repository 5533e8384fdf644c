import { lstatSync, realpathSync, type BigIntStats } from 'node:fs';
import {
  fromText,
  isBeneath,
  joinPath,
  splitPath,
  toFsPath,
  toText,
  type BytePath,
} from '../disk/byte-path.ts';
import { kindOf } from '../disk/kind-of.ts';
import { isWorkName } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { cleanPath } from '../ignore/ignore-file.ts';
import type { DirectoryMatch, IgnoreRule } from '../ignore/ignore-rules.ts';
import { prefixesOf, tracePath } from '../ignore/trace-path.ts';
import { addEntry, noAmount } from './amount.ts';
import type { PathBeneath, PathExplanation, TouchingRule } from './path-report.ts';
import { visitContext, type VisitOptions } from './visit-context.ts';

/**
 * Explains what becomes of one path of a context, which need not be there.
 * @param asked as text: relative to the root, or else to the working directory, or absolute
 * @throws CtxsyncError usage: it is not in the context; and as visitContext()
 */
export function explainPath(asked: string, options: VisitOptions): PathExplanation {
  const path = findAsked(asked, options.root);
  return path === '' ? explainRoot(options) : new PathQuestion(path, options).answer();
}

class PathQuestion {
  readonly #path: BytePath;
  readonly #options: VisitOptions;

  constructor(path: BytePath, options: VisitOptions) {
    this.#path = path;
    this.#options = options;
  }

  answer(): PathExplanation {
    const { rules } = this.#options;
    const touching = tracePath(rules, this.#path).map(({ place, matched }) =>
      touchingRule(rules.list[place]!, matched),
    );
    const ignored = touching.at(-1)?.exception === false;
    const found = this.#look(this.#path);
    const path = toText(this.#path);
    const size = found?.isFile() === true ? Number(found.size) : undefined;
    const kind = found === undefined ? undefined : kindName(found);
    const reason = this.#whySkipped(found);
    const verdict = reason !== undefined ? 'skipped' : ignored ? 'ignored' : 'sent';
    const explained = { path, kind, size, verdict, reason, rules: touching } as const;
    if (reason !== undefined || found?.isDirectory() !== true) return explained;
    const { isSent, ...beneath } = this.#beneath();
    return { ...explained, verdict: isSent ? 'sent' : 'ignored', beneath };
  }

  #look(path: BytePath): BigIntStats | undefined {
    const { root, status } = this.#options;
    status.enter('scanning', path);
    try {
      return lstatSync(toFsPath(joinPath(root, path)), {
        bigint: true,
        throwIfNoEntry: false,
      });
    } catch {
      return undefined;
    }
  }

  /** Why it is not sent whatever the rules say. */
  #whySkipped(found: BigIntStats | undefined): string | undefined {
    const workName = prefixesOf(this.#path).find((prefix) => isWorkName(splitPath(prefix)[1]));
    if (workName !== undefined) return "a receiver's own work file";
    for (const above of prefixesOf(this.#path).slice(0, -1)) {
      if (this.#look(above)?.isSymbolicLink() !== true) continue;
      return `${toText(above)} is a symlink, which is sent as it is, and not what it leads to`;
    }
    if (found === undefined || found.isFile() || found.isDirectory()) return undefined;
    return found.isSymbolicLink() ? undefined : kindOf(found);
  }

  #beneath(): PathBeneath & { isSent: boolean } {
    const { rules, measureIgnored } = this.#options;
    const [sent, leftOut] = [noAmount(), noAmount()];
    const exceptions = new Set<number>();
    let isSent = false;
    const complete = visitContext(
      { ...this.#options, only: this.#path },
      {
        onSent: ({ path, size }) => {
          if (path === this.#path) isSent = true;
          else addEntry(sent, size);
        },
        onIgnored: ({ path, bytes }) => {
          if (path !== this.#path) addEntry(leftOut, bytes);
        },
        onScanned: (_path, exception) => exceptions.add(exception),
        onSkipped: () => {},
        onUnreadable: () => {},
      },
    );
    const entered = this.#isEntered();
    const exceptionRules = [...exceptions].toSorted((a, b) => a - b);
    return {
      isSent,
      entered,
      exceptions: entered ? exceptionRules.map((place) => originOf(rules.list[place]!)) : [],
      sent,
      leftOut,
      measured: !measureIgnored ? 'none' : complete ? 'all' : 'part',
    };
  }

  /** A transfer looks into it. */
  #isEntered(): boolean {
    const { rules } = this.#options;
    let match: DirectoryMatch = rules.root();
    for (const prefix of prefixesOf(this.#path)) {
      const decision = rules.decide(prefix, match);
      if (decision.ignored && !rules.couldIncludeBeneath(prefix, decision)) return false;
      match = decision;
    }
    return true;
  }
}

function explainRoot(options: VisitOptions): PathExplanation {
  const [sent, leftOut] = [noAmount(), noAmount()];
  const complete = visitContext(options, {
    onSent: ({ size }) => addEntry(sent, size),
    onIgnored: ({ bytes }) => addEntry(leftOut, bytes),
    onSkipped: () => {},
    onUnreadable: () => {},
  });
  const measured = !options.measureIgnored ? 'none' : complete ? 'all' : 'part';
  const beneath: PathBeneath = { entered: true, exceptions: [], sent, leftOut, measured };
  return { path: '', kind: 'directory', verdict: 'sent', rules: [], beneath };
}

/** Its path beneath the root. */
function findAsked(asked: string, root: BytePath): BytePath {
  const path = cleanPath(fromText(asked === '' ? '.' : asked));
  const fromHere = beneathRoot(path, root);
  if (path.startsWith('/') || path === '..' || path.startsWith('../')) {
    if (fromHere !== undefined) return fromHere;
    const text = toText(path);
    throw new CtxsyncError('usage', `${text} is not in the context ${toText(root)}`, {
      path: text,
    });
  }
  if (path === '.') return '';
  if (fromHere === undefined || isThere(joinPath(root, path))) return path;
  return isThere(joinPath(root, fromHere)) ? fromHere : path;
}

/** Where a path leads beneath the root, seen from the working directory; its last name is not resolved. */
function beneathRoot(path: BytePath, root: BytePath): BytePath | undefined {
  const absolute = path.startsWith('/') ? path : cleanPath(`${fromText(process.cwd())}/${path}`);
  const [directory, name] = splitPath(absolute);
  const whole = joinPath(resolved(directory === '' ? '/' : directory), name);
  if (whole === root || resolved(absolute) === root) return '';
  return isBeneath(whole, root) ? whole.slice(root === '/' ? 1 : root.length + 1) : undefined;
}

/** A directory that is not there may be explained, too. */
function resolved(directory: BytePath): BytePath {
  try {
    return realpathSync.native(toFsPath(directory), 'latin1');
  } catch {
    return directory;
  }
}

function isThere(path: BytePath): boolean {
  try {
    return lstatSync(toFsPath(path), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** Without its article. */
function kindName(found: BigIntStats): string {
  return kindOf(found).replace(/^an? /, '');
}

function touchingRule(rule: IgnoreRule, matched: BytePath): TouchingRule {
  return { ...originOf(rule), exception: rule.negated, matched: toText(matched) };
}

function originOf({ source, line, text }: IgnoreRule): PathBeneath['exceptions'][number] {
  return { source, line, rule: text };
}
