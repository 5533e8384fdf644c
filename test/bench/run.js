/**
 * A first transfer: `ctxsync send | ctxsync receive` paired with `tar c | tar x` on the same tree,
 * each into a fresh directory. Not a test: it asserts nothing.
 *
 *     npm run bench                    trees that it creates: many small files, one big file
 *     npm run bench -- DIRECTORY ...   your own
 *     npm run bench -- --cold ...      nothing of the tree cached, but the programs (Linux, as root)
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bench, makeManySmallFiles, pair, run } from './paired.js';

const { values, positionals: trees } = parseArgs({
  options: { cold: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const OURS = '"$0" "$1" send -q "$2" | "$0" "$1" receive -q "$3"';
const THEIRS = 'tar c -C "$2" . | tar x -C "$3"';

bench((directory) => {
  const out = join(directory, 'out');
  const empty = join(directory, 'empty');
  mkdirSync(empty);
  const makeOut = () => {
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out);
  };
  const way = (name, script, tree) => {
    const prepare = () => {
      makeOut();
      if (!values.cold) return;
      forgetFiles();
      run({ script, args: [empty, out] });
    };
    return { name, prepare, script, args: [tree, out] };
  };
  if (trees.length === 0) {
    trees.push(
      makeManySmallFiles(join(directory, 'small'), 40),
      makeBigFile(join(directory, 'big')),
    );
  }
  for (const tree of trees) {
    pair(
      `${tree}, ${values.cold ? 'cold' : 'the file cache warm'}`,
      way('ctxsync', OURS, tree),
      way('tar c|tar x', THEIRS, tree),
    );
  }
});

/** Writes out dirty pages, and drops the caches of all files. */
function forgetFiles() {
  spawnSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

function makeBigFile(tree) {
  mkdirSync(tree);
  const piece = Buffer.alloc(1 << 20, 'ctxsync');
  for (let i = 0; i < 1024; i++) writeFileSync(join(tree, 'file.bin'), piece, { flag: 'a' });
  return tree;
}
