/**
 * A second transfer of an unchanged context over a socket, paired with `rsync -a` on the same tree.
 * Not a test: it asserts nothing.
 *
 *     npm run bench:unchanged                    80,000 files that it creates
 *     npm run bench:unchanged -- DIRECTORY ...   your own
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bench, makeManySmallFiles, pair, say } from './paired.js';

bench((directory) => {
  if (spawnSync('rsync', ['--version']).error !== undefined) {
    say('rsync is not installed: nothing to pair with');
    return;
  }
  const trees = process.argv.slice(2);
  if (trees.length === 0) trees.push(makeManySmallFiles(join(directory, 'small'), 160));
  for (const [index, tree] of trees.entries()) {
    const report = join(directory, 'report.json');
    const args = [tree, join(directory, `ours-${index}`), join(directory, 'socket'), report];
    const ours =
      '"$0" "$1" receive -q --socket "$4" "$3" & ' +
      '"$0" "$1" send -q --socket "$4" --report "$5" "$2" && wait $!';
    const theirs = 'rsync -a "$2/" "$3/"';
    pair(
      tree,
      { name: 'ctxsync', script: ours, args },
      { name: 'rsync -a', script: theirs, args: [tree, join(directory, `theirs-${index}`)] },
    );
    const { counts, wireBytes } = JSON.parse(readFileSync(report, 'utf8'));
    say(`  ${counts.unchanged} entries unchanged, ${wireBytes} bytes on the wire`);
  }
});
