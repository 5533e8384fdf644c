import type { BigIntStats } from 'node:fs';
import { joinPath, splitPath, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { toMicroseconds } from '../disk/mtime.ts';
import type { Names } from '../disk/names.ts';
import { destinationError } from '../disk/system-error.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { isWorkName } from '../entry/entry.ts';
import {
  MAX_MOVED_CANDIDATES,
  MAX_MOVED_INDEX_BYTES,
  MAX_MOVED_SEARCH_MS,
  MAX_PATH_BYTES,
  MIN_MOVED_BYTES,
  MOVED_CANDIDATE_BYTES,
} from '../limits.ts';
import type { Existing } from './ordered-lookup.ts';

/** A file of OUT that may have the content of one that the context has elsewhere. */
interface Candidate {
  path: BytePath;
  mtimeUs: number;
}

/** A file to look for. */
interface Wanted {
  path: BytePath;
  size: number;
  mtimeUs: number;
}

/**
 * Finds files of OUT that may have been moved or renamed in the context, or copied: those of the same size. The
 * index is made when it is first needed, in bounded time and memory: what does not get into it is sent.
 */
export class MovedFiles {
  readonly #base: HeldDirectory | undefined;
  readonly #others: readonly BytePath[];
  readonly #status: WorkerStatus;
  #bySize: Map<number, Candidate[]> | undefined;
  #bytes = 0;
  #endsAt = Infinity;

  /**
   * @param base the directory that the context becomes, if it exists
   * @param others names in it that belong to other contexts
   */
  constructor(base: HeldDirectory | undefined, others: readonly BytePath[], status: WorkerStatus) {
    this.#base = base;
    this.#others = others;
    this.#status = status;
  }

  /**
   * Runs `use` with the likeliest file.
   * @returns undefined if there is none
   * @throws CtxsyncError not-writable, and what `use` throws
   */
  withLikeliest<T>(wanted: Wanted, use: (found: Existing, path: BytePath) => T): T | undefined {
    if (wanted.size < MIN_MOVED_BYTES || this.#base === undefined) return undefined;
    this.#bySize ??= this.#index(this.#base);
    const path = likeliest(this.#bySize.get(wanted.size) ?? [], wanted);
    return path === undefined ? undefined : this.#with(this.#base, path, wanted.size, use);
  }

  #with<T>(
    base: HeldDirectory,
    path: BytePath,
    size: number,
    use: (found: Existing, path: BytePath) => T,
  ): T | undefined {
    const [parent, name] = splitPath(path);
    const way = new Descent(base);
    try {
      way.goTo(parent);
      const { directory } = way;
      const stats = directory.look(name);
      if (stats?.isFile() !== true || stats.size !== BigInt(size)) return undefined;
      return use({ directory, name, stats }, path);
    } catch (error) {
      throw destinationError(error, 'read', path);
    } finally {
      way.close();
    }
  }

  #index(base: HeldDirectory): Map<number, Candidate[]> {
    const bySize = new Map<number, Candidate[]>();
    this.#endsAt = performance.now() + MAX_MOVED_SEARCH_MS;
    const way = new Descent(base);
    const scan = (directory: BytePath, names: Names): void => {
      for (const name of names) {
        const path = joinPath(directory, name);
        if (isWorkName(name) || this.#others.includes(path) || path.length > MAX_PATH_BYTES)
          continue;
        if (this.#isOver) return;
        this.#status.enter('scanning', path);
        const stats = way.directory.look(name);
        if (stats?.isFile() === true) this.#add(bySize, path, stats);
        // Another file system may be a very large one, or a strange one, such as /proc.
        if (stats?.isDirectory() !== true || stats.dev !== base.identity.dev) continue;
        const children = way.enterAndList(name);
        if (children === undefined) continue;
        scan(path, children);
        way.leave();
      }
    };
    try {
      scan('', base.names());
    } catch (error) {
      throw destinationError(error, 'look through', base.path);
    } finally {
      way.close();
    }
    return bySize;
  }

  get #isOver(): boolean {
    return this.#bytes > MAX_MOVED_INDEX_BYTES || performance.now() > this.#endsAt;
  }

  #add(bySize: Map<number, Candidate[]>, path: BytePath, stats: BigIntStats): void {
    const size = Number(stats.size);
    if (size < MIN_MOVED_BYTES) return;
    const candidates = bySize.get(size) ?? [];
    if (candidates.length === MAX_MOVED_CANDIDATES) return;
    candidates.push({ path, mtimeUs: toMicroseconds(stats.mtimeNs) });
    bySize.set(size, candidates);
    this.#bytes += MOVED_CANDIDATE_BYTES + path.length;
  }
}

/** One of the same time, if there is any, and the one whose path ends most like the wanted one. */
function likeliest(candidates: readonly Candidate[], wanted: Wanted): BytePath | undefined {
  const score = ({ path, mtimeUs }: Candidate): number =>
    commonEnding(path, wanted.path) + (mtimeUs === wanted.mtimeUs ? MAX_PATH_BYTES : 0);
  return candidates.toSorted((a, b) => score(b) - score(a))[0]?.path;
}

function commonEnding(a: BytePath, b: BytePath): number {
  let count = 0;
  while (count < Math.min(a.length, b.length) && a.at(-1 - count) === b.at(-1 - count)) count += 1;
  return count;
}
