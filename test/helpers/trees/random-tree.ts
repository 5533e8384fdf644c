import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { joinPath } from '../../../src/disk/byte-path.ts';
import { withDirectory } from './temporary-directory.ts';
import { seeded } from '../seeded.ts';

/** Numbers below a bound, as `seeded` returns them. */
export type Random = (below: number) => number;

/** Few names, so that two trees overlap; some sort around '/', and some are not valid text. */
const NAMES = ['a', 'a!', 'a-b', 'a0', 'b', 'B', '\x01', '\xff', 'new\nline', 'z'];
const TIMES = [1, 999_999_999.999, 1_700_000_000, 1_700_000_000.25];
/** Of a file. The larger ones are looked for under other names. */
const SIZES = [0, 1, 2, 1_500];
const FILE_MODES = [0o600, 0o640, 0o644, 0o755, 0o444];
const FOLDER_MODES = [0o700, 0o755, 0o711, 0o555, 0o1777];

/** Fills a directory with all kinds of entries, including hardlinks. Paths are latin1. */
export function makeRandomTree(root: string, random: Random, depth = 3): void {
  const files: string[] = [];
  const fill = (directory: string, left: number): void => {
    for (const name of NAMES) {
      if (random(3) === 0) makeEntry(joinPath(directory, name), random, left, files, fill);
    }
  };
  fill(root, depth);
  finish(root, random);
}

export interface RandomPair {
  directory: string;
  context: string;
  out: string;
  /** The source that the trees were made with; the test continues with it. */
  random: Random;
}

/** Runs with a context of `makeRandomTree`, and an OUT that is a copy of it. */
export function withRandomPair<T>(
  seed: number,
  use: (pair: RandomPair) => Promise<T> | T,
): Promise<T> {
  return withDirectory((directory) => {
    const random = seeded(seed);
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    mkdirSync(context);
    makeRandomTree(context, random);
    execFileSync('cp', ['-a', context, out]);
    return use({ directory, context, out, random });
  });
}

/** Makes random changes to a tree of `makeRandomTree`. */
export function changeRandomly(root: string, random: Random, changes: number): void {
  const files: string[] = [];
  for (let change = 0; change < changes; change++) {
    const path = randomPath(root, random);
    const directory = path.slice(0, path.lastIndexOf('/'));
    const metadata = lstatSync(bytes(directory));
    if (random(2) === 0) chmodSync(bytes(directory), 0o700);
    rmSync(bytes(path), { recursive: true, force: true });
    const gone = (file: string): boolean => file === path || file.startsWith(`${path}/`);
    files.splice(0, files.length, ...files.filter((file) => !gone(file)));
    if (random(4) > 0) makeEntry(path, random, 1, files, () => {});
    if (random(4) === 0) touchRandomly(root, random);
    if (random(4) === 0) moveRandomly(root, random, files);
    if (random(2) === 0) lutimesSync(bytes(directory), metadata.atime, metadata.mtime);
  }
}

/** Gives every other file a new time, as a fresh checkout does to all, and some another mode. */
function touchRandomly(root: string, random: Random): void {
  for (const path of allPaths(root)) {
    const at = bytes(`${root}/${path}`);
    const stats = lstatSync(at);
    if (isOurs(path) || stats.isDirectory() || random(2) === 0) continue;
    const seconds = stats.isFile() ? timeOf(readFileSync(at, 'latin1'), random) : anyTime(random);
    lutimesSync(at, seconds, seconds);
    if (stats.isFile() && random(3) === 0) chmodSync(at, anyMode(random));
  }
}

/** Renames a file to a free name, in any directory. */
function moveRandomly(root: string, random: Random, files: string[]): void {
  const paths = allPaths(root).filter((path) => !isOurs(path));
  const kindOf = (path: string): Stats => lstatSync(bytes(`${root}/${path}`));
  const from = paths.filter((path) => kindOf(path).isFile());
  const into = ['', ...paths.filter((path) => kindOf(path).isDirectory())];
  if (from.length === 0) return;
  const [old, directory] = [from[random(from.length)]!, into[random(into.length)]!];
  const moved = joinPath(directory, NAMES[random(NAMES.length)]!);
  if (paths.includes(moved)) return;
  renameSync(bytes(`${root}/${old}`), bytes(`${root}/${moved}`));
  if (files.includes(`${root}/${old}`)) {
    files.splice(files.indexOf(`${root}/${old}`), 1, `${root}/${moved}`);
  }
}

/** All entries of a tree, in any order; latin1. */
export function allPaths(root: string): string[] {
  const found: string[] = [];
  const visit = (directory: string, relative: string): void => {
    for (const name of readdirSync(bytes(directory), { encoding: 'latin1' })) {
      const path = joinPath(relative, name);
      found.push(path);
      if (lstatSync(bytes(`${root}/${path}`)).isDirectory()) visit(`${root}/${path}`, path);
    }
  };
  visit(root, '');
  return found;
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function makeEntry(
  path: string,
  random: Random,
  left: number,
  files: string[],
  fill: (directory: string, left: number) => void,
): void {
  const kind = random(6);
  if (kind < 2 && left > 0) {
    mkdirSync(bytes(path));
    fill(path, left - 1);
  } else if (kind === 2) {
    symlinkSync(bytes(['a', '../b', '/etc', '\xff'][random(4)]!), bytes(path));
    setTime(path, random);
  } else if (kind === 3 && files.length > 0) {
    linkSync(bytes(files[random(files.length)]!), bytes(path));
  } else {
    const content = LETTERS[random(LETTERS.length)]!.repeat(SIZES[random(SIZES.length)]!);
    writeFileSync(bytes(path), content);
    chmodSync(bytes(path), anyMode(random));
    const seconds = timeOf(content, random);
    lutimesSync(bytes(path), seconds, seconds);
    files.push(path);
  }
}

const LETTERS = ['x', 'y'];

/** Files of the same size and time have the same content, as a comparison may assume. */
function timeOf(content: string, random: Random): number {
  return TIMES[2 * random(TIMES.length / 2) + (content.startsWith('y') ? 1 : 0)]!;
}

/** Sets mode and time of directories once nothing in them changes any more. */
function finish(root: string, random: Random): void {
  for (const path of allPaths(root).toReversed()) {
    const at = `${root}/${path}`;
    if (!lstatSync(bytes(at)).isDirectory()) continue;
    setTime(at, random);
    chmodSync(bytes(at), FOLDER_MODES[random(FOLDER_MODES.length)]!);
  }
}

function randomPath(root: string, random: Random): string {
  const paths = allPaths(root).filter((path) => !isOurs(path));
  if (paths.length === 0 || random(3) === 0) return `${root}/${NAMES[random(NAMES.length)]!}`;
  return `${root}/${paths[random(paths.length)]!}`;
}

function isOurs(path: string): boolean {
  return path.includes('.ctxsync-');
}

function anyTime(random: Random): number {
  return TIMES[random(TIMES.length)]!;
}

function anyMode(random: Random): number {
  return FILE_MODES[random(FILE_MODES.length)]!;
}

function setTime(path: string, random: Random): void {
  const seconds = anyTime(random);
  lutimesSync(bytes(path), seconds, seconds);
}
