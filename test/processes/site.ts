import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';

/** A context, and an OUT that becomes the context, with --delete, by every kind of step. */
export interface Site {
  directory: string;
  context: string;
  out: string;
  old: TreeState;
  new: TreeState;
}

/** Seconds since 1970. */
const THEN = 1_600_000_000.25;

/** Runs with a fresh site. */
export function withSite<T>(use: (site: Site) => Promise<T>): Promise<T> {
  return withDirectory((directory) => {
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    makeContext(context);
    makeOut(context, out);
    return use({ directory, context, out, old: treeState(out), new: treeState(context) });
  });
}

function makeContext(root: string): void {
  const at = (path: string): string => join(root, path);
  for (const path of ['', 'web', 'web/img', 'fresh', 'fresh/sub', 'turned', 'readonly'])
    mkdirSync(at(path));
  write(at('same.txt'), 'the same');
  write(at('a.txt'), 'new');
  write(at('web/app.js'), 'new()');
  write(at('web/img/logo.svg'), '<svg/>');
  write(at('fresh/sub/x'), 'x'.repeat(100_000));
  write(at('turned/was-a-file'), 'x');
  write(at('flat'), 'was a directory');
  write(at('readonly/file'), 'new');
  write(at('checked-out'), 'the same, at another time');
  write(at('readonly/mode'), 'the same, with another mode');
  write(at('shared'), 'the same, at another time, and with another name');
  write(at('fresh/moved'), 'm'.repeat(2_000));
  write(Buffer.from(at('caf\xe9'), 'latin1'), 'no UTF-8');
  symlinkSync('a.txt', at('link'));
  symlinkSync('nowhere', at('fresh/dangling'));
  write(at('twin-1'), 'one of two');
  linkSync(at('twin-1'), at('twin-2'));
  chmodSync(at('a.txt'), 0o751);
  for (const [path, mode] of [
    ['web', 0o700],
    ['readonly', 0o555],
  ] as const)
    chmodSync(at(path), mode);
  for (const path of ['web/img', 'readonly', 'link', 'fresh', ''])
    lutimesSync(at(path), THEN, THEN);
}

function makeOut(context: string, root: string): void {
  const at = (path: string): string => join(root, path);
  for (const path of ['', 'web', 'gone', 'gone/deep', 'flat', 'readonly']) mkdirSync(at(path));
  copy(join(context, 'same.txt'), at('same.txt'));
  for (const path of ['a.txt', 'web/app.js', 'gone/deep/x', 'gone/y', 'flat/x', 'readonly/file']) {
    write(at(path), `old ${path}`);
  }
  for (const path of ['checked-out', 'readonly/mode', 'shared']) {
    copy(join(context, path), at(path));
  }
  for (const path of ['checked-out', 'shared']) lutimesSync(at(path), THEN - 1, THEN - 1);
  chmodSync(at('readonly/mode'), 0o600);
  linkSync(at('shared'), at('gone/shared'));
  write(at('gone/moved'), 'm'.repeat(2_000));
  write(at('turned'), 'is a file yet');
  write(at('gone.txt'), 'goes');
  linkSync(at('gone.txt'), at('gone/also'));
  symlinkSync('web', at('link'));
  chmodSync(at('gone'), 0o711);
  chmodSync(at('readonly'), 0o500);
}

function write(path: string | Buffer, content: string): void {
  writeFileSync(path, content);
  lutimesSync(path, THEN, THEN);
}

function copy(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', '--', from, to]);
  if (status !== 0) throw new Error(`cp: ${String(stderr)}`);
}

/** Names that receivers left in OUT and below it. */
export function leftOvers(out: string): string[] {
  const found: string[] = [];
  const visit = (directory: string, depth: number): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.name.startsWith('.ctxsync-')) found.push(path.slice(out.length + 1));
      else if (entry.isDirectory() && depth > 0) visit(path, depth - 1);
    }
  };
  visit(out, 3);
  return found;
}

/** The state of OUT without what a receiver left in it. */
export function contentOf(out: string): TreeState {
  const entries = Object.entries(treeState(out));
  return Object.fromEntries(entries.filter(([path]) => !/(?:^|\/)\.ctxsync-/.test(path)));
}

/** The differences, one line per path. */
export function differences(is: TreeState, wanted: TreeState): string[] {
  const paths = new Set([...Object.keys(is), ...Object.keys(wanted)]);
  return [...paths]
    .filter((path) => is[path] !== wanted[path])
    .map((path) => `${JSON.stringify(path)} is ${is[path]}, not ${wanted[path]}`);
}
