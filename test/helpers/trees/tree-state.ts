import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Everything that a transfer has to preserve, by path (latin1): for comparing two trees with toEqual. */
export type TreeState = Record<string, string>;

/**
 * The state of a tree: type, mode, mtime in microseconds, size, digest of the content, link text, and
 * which entries are names of one file. Paths are relative to `root`, '' for the root itself.
 */
export function treeState(root: string, options: { root?: boolean } = {}): TreeState {
  // Not a plain object, because an entry may be named `__proto__`.
  const state = new Map<string, string>();
  const groups = new Map<string, string>();
  const visit = (path: Buffer, relative: string): void => {
    const stats = lstatSync(path, { bigint: true });
    if (relative !== '' || options.root !== false)
      state.set(relative, describe(path, relative, groups));
    if (!stats.isDirectory()) return;
    const names = readdirSync(path, { encoding: 'buffer' });
    for (const name of names.toSorted((a, b) => a.compare(b))) {
      const child = Buffer.concat([path, Buffer.from('/'), name]);
      const text = name.toString('latin1');
      visit(child, relative === '' ? text : `${relative}/${text}`);
    }
  };
  visit(Buffer.from(root), '');
  return Object.fromEntries(state);
}

function describe(path: Buffer, relative: string, groups: Map<string, string>): string {
  const stats = lstatSync(path, { bigint: true });
  const ns = stats.mtimeNs;
  const us = (ns < 0n ? ns - 999n : ns) / 1000n;
  const mode = (stats.mode & 0o7777n).toString(8);
  if (stats.isDirectory()) return `directory ${mode} ${us}`;
  if (stats.isSymbolicLink()) return `symlink ${us} -> ${readlinkSync(path, 'latin1')}`;
  if (!stats.isFile()) return 'special';
  const key = `${stats.dev}:${stats.ino}`;
  const first = groups.get(key);
  groups.set(key, first ?? relative);
  const link = stats.nlink > 1n ? ` = ${first ?? relative}` : '';
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
  return `file ${mode} ${us} ${stats.size} ${digest}${link}`;
}
