/**
 * `ctxsync send | ctxsync receive` paired with `tar c | tar x`: A B A B on the same tree, each into
 * a fresh folder, the file cache warm. Not a test: it asserts nothing.
 *
 *     npm run bench                 trees that it makes: many small files, one big file
 *     npm run bench -- FOLDER ...   your own
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = 7;
const bin = fileURLToPath(new URL('../../bin/ctxsync.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ctxsync-bench-'));

try {
  const trees = process.argv.slice(2);
  if (trees.length === 0) trees.push(manySmallFiles(), oneBigFile());
  const { model = 'unknown' } = cpus()[0] ?? {};
  say(`Node ${process.version}, ${cpus().length} x ${model}, ${ROUNDS} rounds after one warm-up`);
  for (const tree of trees) bench(tree);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function bench(tree) {
  const ours = [];
  const tars = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const tar = time('tar c -C "$1" . | tar x -C "$2"', tree);
    const ctxsync = time('"$3" "$4" send -q "$1" | "$3" "$4" receive -q "$2"', tree);
    if (round === 0) continue;
    tars.push(tar);
    ours.push(ctxsync);
  }
  const ratios = ours.map((seconds, round) => seconds / tars[round]);
  say(`\n${tree}`);
  say(`  ctxsync      ${figures(ours, ' s')}`);
  say(`  tar c|tar x  ${figures(tars, ' s')}`);
  say(`  ratio        ${figures(ratios, '')}`);
}

function time(pipeline, tree) {
  const out = join(folder, 'out');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  const args = ['-c', pipeline, 'sh', tree, out, process.execPath, bin];
  const begun = performance.now();
  const { status, stderr } = spawnSync('sh', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const seconds = (performance.now() - begun) / 1000;
  if (status !== 0) throw new Error(`${pipeline} failed: ${stderr}`);
  return seconds;
}

function figures(values, unit) {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, median, max] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
  const text = (value) => value.toFixed(2) + unit;
  return `median ${text(median)} (min ${text(min)}, max ${text(max)})`;
}

function manySmallFiles() {
  const tree = join(folder, 'small');
  for (let i = 0; i < 400; i++) {
    const sub = join(tree, `package-${i % 40}`, `folder-${i}`);
    mkdirSync(sub, { recursive: true });
    for (let j = 0; j < 50; j++) {
      writeFileSync(join(sub, `file-${j}.js`), Buffer.alloc(500 + ((i * 50 + j) % 13) * 1000, j));
    }
  }
  return tree;
}

function oneBigFile() {
  const tree = join(folder, 'big');
  mkdirSync(tree);
  const piece = Buffer.alloc(1 << 20, 'ctxsync');
  for (let i = 0; i < 1024; i++) writeFileSync(join(tree, 'file.bin'), piece, { flag: 'a' });
  return tree;
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
