/**
 * A first transfer: `ctxsync send | ctxsync receive` paired with `tar c | tar x` on the same tree,
 * each into a fresh folder. Not a test: it asserts nothing.
 *
 *     npm run bench                 trees that it makes: many small files, one big file
 *     npm run bench -- FOLDER ...   your own
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bench, makeManySmallFiles, pair } from './paired.js';

bench((folder) => {
  const out = join(folder, 'out');
  const prepare = () => {
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out);
  };
  const trees = process.argv.slice(2);
  if (trees.length === 0) {
    trees.push(makeManySmallFiles(join(folder, 'small'), 40), makeBigFile(join(folder, 'big')));
  }
  for (const tree of trees) {
    const args = [tree, out];
    const ours = '"$0" "$1" send -q "$2" | "$0" "$1" receive -q "$3"';
    const theirs = 'tar c -C "$2" . | tar x -C "$3"';
    pair(
      tree,
      { name: 'ctxsync', prepare, script: ours, args },
      { name: 'tar c|tar x', prepare, script: theirs, args },
    );
  }
});

function makeBigFile(tree) {
  mkdirSync(tree);
  const piece = Buffer.alloc(1 << 20, 'ctxsync');
  for (let i = 0; i < 1024; i++) writeFileSync(join(tree, 'file.bin'), piece, { flag: 'a' });
  return tree;
}
