import { closeSync, constants, readSync, type BigIntStats } from 'node:fs';
import { closeRead } from '../disk/close-read.ts';
import type { BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import { metadataOf, type HeldDirectory } from '../disk/held-directory.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';
import { inodeKey } from '../disk/inode.ts';
import { writeAll } from '../disk/write-all.ts';

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;

/** Keeps an extra name of each hardlinked copy: a directory on the target file system, with fresh names. */
export interface LinkRoom {
  trash: HeldDirectory;
  nextName: () => BytePath;
}

/**
 * Copies a tree to another file system, where rename(2) cannot move it, with modes, times and hardlinks.
 * Replaces nothing.
 */
export class EntryCopier {
  readonly #location: LinkRoom;
  readonly #onEntry: (path: BytePath) => void;
  /** By inode of each hardlinked source file: its copy's name in the location. */
  readonly #copies = new Map<string, BytePath>();

  constructor(location: LinkRoom, onEntry: (path: BytePath) => void) {
    this.#location = location;
    this.#onEntry = onEntry;
  }

  /** @throws the system call's error */
  copy(from: HeldDirectory, name: BytePath, to: HeldDirectory, newName: BytePath): void {
    const [source, target] = [new Descent(from), new Descent(to)];
    try {
      this.#copy(source, name, target, newName);
    } finally {
      source.close();
      target.close();
    }
  }

  #copy(source: Descent, name: BytePath, target: Descent, newName: BytePath): void {
    const from = source.directory;
    const stats = from.look(name);
    if (stats === undefined) throw new Error(`the stage lost ${name}`);
    this.#onEntry(newName);
    const several = !stats.isDirectory() && stats.nlink > 1n;
    const copy = several ? this.#copies.get(inodeKey(stats)) : undefined;
    if (copy !== undefined) return this.#location.trash.link(copy, target.directory, newName);
    if (stats.isDirectory()) this.#copyDirectory(source, name, target, newName, stats);
    else copyFile(from, name, target.directory, newName, stats);
    if (!several) return;
    const spare = this.#location.nextName();
    target.directory.link(newName, this.#location.trash, spare);
    this.#copies.set(inodeKey(stats), spare);
  }

  #copyDirectory(
    source: Descent,
    name: BytePath,
    target: Descent,
    newName: BytePath,
    stats: BigIntStats,
  ): void {
    if ((stats.mode & 0o500n) !== 0o500n) source.directory.setChildMode(name, 0o700);
    target.directory.makeDirectory(newName, 0o700);
    target.enter(newName);
    for (const child of source.enter(name).names()) this.#copy(source, child, target, child);
    source.leave();
    target.directory.setMetadata(metadataOf(stats));
    target.leave();
  }
}

function copyFile(
  from: HeldDirectory,
  name: BytePath,
  to: HeldDirectory,
  newName: BytePath,
  stats: BigIntStats,
): void {
  const { mtimeUs, mode } = metadataOf(stats);
  if (stats.isSymbolicLink()) {
    to.makeSymlink(newName, from.readLink(name));
    return to.setChildTime(newName, mtimeUs);
  }
  const target = (): number => to.openFile(newName, O_CREAT | O_EXCL | O_WRONLY, 0o600);
  withFiles(() => from.openFile(name, O_RDONLY), target, copyContent);
  to.setChildMetadata(newName, { mode, mtimeUs });
}

/** Opens a source and a target file, runs `use` with them, and closes both. */
export function withFiles(
  openSource: () => number,
  openTarget: () => number,
  use: (source: number, target: number) => void,
): void {
  const source = openSource();
  try {
    const target = openTarget();
    try {
      use(source, target);
    } finally {
      closeSync(target);
    }
  } finally {
    closeRead(source);
  }
}

const buffer = new Uint8Array(4 * IO_BUFFER_BYTES);

/** Copies from the beginning of both. @returns the number of bytes */
export function copyContent(from: number, to: number): number {
  let at = 0;
  for (;;) {
    const count = readSync(from, buffer, 0, buffer.length, at);
    if (count === 0) return at;
    writeAll(to, buffer.subarray(0, count), at);
    at += count;
  }
}
