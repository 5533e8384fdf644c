import { lstatSync, type Stats } from 'node:fs';
import {
  isBeneath,
  joinPath,
  nameTowards,
  splitPath,
  toFsPath,
  type BytePath,
} from '../disk/byte-path.ts';
import type { Names } from '../disk/names.ts';
import { OpenDirectory } from '../disk/open-directory.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { Decision, IgnoreRules } from '../ignore/ignore-rules.ts';
import { MAX_DEPTH, MAX_MEASURED_ENTRIES } from '../limits.ts';

export interface IgnoredEntry {
  path: BytePath;
  isDirectory: boolean;
  /** Of a file's content. */
  bytes: number;
}

export interface IgnoredEntriesOptions {
  rules: IgnoreRules;
  status: WorkerStatus;
  /** Look into ignored directories, too. */
  measureIgnored: boolean;
  /** Visit only what leads to this path, and what is beneath it. */
  only?: BytePath | undefined;
}

/**
 * Visits what a walk leaves out, with all that is beneath it. Follows no symlink. What cannot be read is
 * nobody's business, and counts as empty.
 */
export class IgnoredEntries {
  /** Nothing was left out because there was too much of it, or it could not be read. */
  complete = true;
  readonly #options: IgnoredEntriesOptions;
  readonly #onEntry: (entry: IgnoredEntry, place: number) => void;
  #left = MAX_MEASURED_ENTRIES;

  /** @param onEntry gets each entry, after the directory that it is in, and the place of its rule */
  constructor(
    options: IgnoredEntriesOptions,
    onEntry: (entry: IgnoredEntry, place: number) => void,
  ) {
    this.#options = options;
    this.#onEntry = onEntry;
  }

  /**
   * @param directory that it is in, held open by the caller
   * @param decision of the path, beneath which no exception can match
   */
  visit(directory: OpenDirectory, path: BytePath, decision: Decision): void {
    this.#entry(directory, path, decision);
  }

  #entry(directory: OpenDirectory, path: BytePath, decision: Decision): void {
    const { status, measureIgnored } = this.#options;
    status.enter('scanning', path);
    const stats = this.#look(directory, path);
    const isDirectory = stats?.isDirectory() ?? false;
    const bytes = stats?.isFile() === true ? stats.size : 0;
    status.addEntry();
    this.#onEntry({ path, isDirectory, bytes }, decision.place);
    if (isDirectory && measureIgnored) this.#children(directory, path, decision);
  }

  #look(directory: OpenDirectory, path: BytePath): Stats | undefined {
    try {
      return lstatSync(toFsPath(directory.child(splitPath(path)[1])));
    } catch {
      this.complete = false;
      return undefined;
    }
  }

  #children(parent: OpenDirectory, path: BytePath, match: Decision): void {
    let directory: OpenDirectory | undefined;
    try {
      directory = new OpenDirectory(parent.child(splitPath(path)[1]));
      const names = this.#names(directory, path);
      if (path.split('/').length >= MAX_DEPTH || names.length > this.#left) {
        this.complete = false;
        return;
      }
      this.#left -= names.length;
      for (const name of names) {
        const child = joinPath(path, name);
        this.#entry(directory, child, this.#options.rules.decide(child, match));
      }
    } catch (error) {
      // Interrupted, or a bug: not the disk's.
      if (!isSystemError(error)) throw error;
      this.complete = false;
    } finally {
      directory?.close();
    }
  }

  #names(directory: OpenDirectory, path: BytePath): Names {
    const { only, status } = this.#options;
    if (only !== undefined && isBeneath(only, path)) return [nameTowards(only, path)];
    return directory.names(() => status.enter('scanning', path));
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
