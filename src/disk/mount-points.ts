import { readFileSync, readlinkSync } from 'node:fs';
import { isBeneath, splitPath, type BytePath } from './byte-path.ts';
import { Descent } from './descent.ts';
import type { HeldDirectory } from './held-directory.ts';
import { unescapeOctal } from './octal-escapes.ts';
import { PROC_FD } from './open-directory.ts';
import { errnoOf } from './errno.ts';

/**
 * Where other file systems, or other parts of the same one, are mounted below a directory: rename(2) and
 * link(2) cannot cross these. Read from the kernel's list, as the device does not reveal a bind mount of
 * the same file system, or of a single file. Without such a list only devices are compared.
 */
export class MountPoints {
  readonly #paths: ReadonlySet<BytePath>;

  /** @throws nothing: what cannot be checked counts as one */
  static below(directory: HeldDirectory): MountPoints {
    const way = new Descent(directory);
    try {
      return new MountPoints(listBelow(directory).filter((path) => isThere(way, path)));
    } finally {
      way.close();
    }
  }

  constructor(paths: Iterable<BytePath>) {
    this.#paths = new Set(paths);
  }

  /** @param path below the directory */
  has(path: BytePath): boolean {
    return this.#paths.has(path);
  }

  /** The first one below this directory, at any depth. */
  beneath(path: BytePath): BytePath | undefined {
    for (const each of this.#paths) if (isBeneath(each, path)) return each;
    return undefined;
  }
}

/** False: something else was mounted over it, or above it, since. */
function isThere(way: Descent, path: BytePath): boolean {
  const [parent, name] = splitPath(path);
  try {
    way.goTo(parent);
    return way.directory.isMountPoint(name);
  } catch (error) {
    return errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR';
  }
}

/** Reads mountinfo of proc(5); the fifth field of a line is the mount point. */
function listBelow({ fd }: HeldDirectory): BytePath[] {
  let table: string;
  let root: BytePath;
  try {
    table = readFileSync('/proc/self/mountinfo', 'latin1');
    root = readlinkSync(`${PROC_FD}/${fd}`, 'latin1');
  } catch {
    return [];
  }
  const prefix = root === '/' ? root : `${root}/`;
  const points = table.split('\n').map((line) => unescapeOctal(line.split(' ')[4] ?? ''));
  return points.filter((at) => at.startsWith(prefix)).map((at) => at.slice(prefix.length));
}
