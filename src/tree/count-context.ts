import { lstatSync, opendirSync, readdirSync, type Dirent } from 'node:fs';
import { joinPath, toFsPath, type BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { isWorkName } from '../entry/entry.ts';
import type { DirectoryMatch, IgnoreRules } from '../ignore/ignore-rules.ts';
import { LARGE_DIRECTORY_BYTES } from '../limits.ts';
import { HardlinkGroups } from './hardlink-groups.ts';

/** Entries between two looks at whether the count is still wanted. */
const STEP = 256;

/**
 * Counts what a walk of a context would send, besides the root itself, for a third of its work: by plain paths,
 * as nothing is read or sent, and without what only an entry needs. So a context that changes
 * meanwhile may be counted wrong.
 *
 * @param root resolved by the caller
 * @throws the system call's error; CtxsyncError interrupted when the count was cancelled
 */
export function countContext(
  root: BytePath,
  rules: IgnoreRules,
  status: WorkerStatus,
): { entries: number; bytes: number } {
  const count = new Count(root, rules, status);
  count.children('', rules.root());
  const { entries, bytes } = count;
  return { entries, bytes };
}

class Count {
  entries = 0;
  bytes = 0;
  readonly #root: BytePath;
  readonly #rules: IgnoreRules;
  readonly #status: WorkerStatus;
  readonly #hardlinks = new HardlinkGroups();
  #seen = 0;

  constructor(root: BytePath, rules: IgnoreRules, status: WorkerStatus) {
    this.#root = root;
    this.#rules = rules;
    this.#status = status;
  }

  children(path: BytePath, match: DirectoryMatch): void {
    const directory = toFsPath(joinPath(this.#root, path));
    if (lstatSync(directory).size >= LARGE_DIRECTORY_BYTES) {
      return this.#manyChildren(directory, path, match);
    }
    const options = { withFileTypes: true, encoding: 'latin1' } as const;
    for (const found of readdirSync(directory, options)) this.#found(found, path, match);
  }

  /** One at a time: all of them would take some hundred bytes each. */
  #manyChildren(directory: string | Buffer, path: BytePath, match: DirectoryMatch): void {
    const opened = opendirSync(directory, { encoding: 'latin1', bufferSize: STEP });
    try {
      for (let found = opened.readSync(); found !== null; found = opened.readSync()) {
        this.#found(found, path, match);
      }
    } finally {
      opened.closeSync();
    }
  }

  #found(found: Dirent, path: BytePath, match: DirectoryMatch): void {
    if (this.#seen++ % STEP === 0) this.#status.enter('scanning', path);
    if (!isWorkName(found.name)) this.#child(found, joinPath(path, found.name), match);
  }

  #child(found: Dirent, path: BytePath, parent: DirectoryMatch): void {
    const decision = this.#rules.decide(path, parent);
    const { ignored } = decision;
    if (found.isDirectory()) {
      if (ignored && !this.#rules.couldIncludeBeneath(path, decision)) return;
      const before = this.entries;
      this.children(path, decision);
      // An ignored directory is sent with what is re-included beneath it.
      if (!ignored || this.entries > before) this.entries += 1;
    } else if (!ignored && (found.isFile() || found.isSymbolicLink())) {
      this.entries += 1;
      if (found.isFile()) this.bytes += this.#size(path);
    }
  }

  /** 0 for a further name of a file that was counted: it is sent as a hardlink. */
  #size(path: BytePath): number {
    const fsPath = toFsPath(joinPath(this.#root, path));
    const { size, nlink } = lstatSync(fsPath);
    if (nlink === 1) return size;
    const first = this.#hardlinks.firstName(lstatSync(fsPath, { bigint: true }), path);
    return first === undefined ? size : 0;
  }
}
