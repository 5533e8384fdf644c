import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = 7;
const bin = fileURLToPath(new URL('../../bin/ctxsync.js', import.meta.url));

/** Runs with its own directory, which is removed afterwards. */
export function bench(work) {
  const directory = mkdtempSync(join(tmpdir(), 'ctxsync-bench-'));
  try {
    const { model = 'unknown' } = cpus()[0] ?? {};
    say(`Node ${process.version}, ${cpus().length} x ${model}, ${ROUNDS} rounds after one warm-up`);
    work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Times two ways to do the same work, alternating A B A B.
 * @param label of the work
 * @param ours, theirs { name, prepare?, script, args }: for `script`, $0 and $1 are node and ctxsync
 */
export function pair(label, ours, theirs) {
  const times = { ours: [], theirs: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const other = time(theirs);
    const own = time(ours);
    if (round === 0) continue;
    times.theirs.push(other);
    times.ours.push(own);
  }
  const ratios = times.ours.map((seconds, round) => seconds / times.theirs[round]);
  const width = Math.max(ours.name.length, theirs.name.length);
  say(`\n${label}`);
  say(`  ${ours.name.padEnd(width)}  ${figures(times.ours, ' s')}`);
  say(`  ${theirs.name.padEnd(width)}  ${figures(times.theirs, ' s')}`);
  say(`  ${'ratio'.padEnd(width)}  ${figures(ratios, '')}`);
}

/** @returns seconds of wall-clock time */
function time(way) {
  way.prepare?.();
  const begun = performance.now();
  run(way);
  return (performance.now() - begun) / 1000;
}

export function run({ script, args }) {
  const { status, stderr } = spawnSync('sh', ['-c', script, process.execPath, bin, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
}

/** @param packages each has 10 directories of 50 files */
export function makeManySmallFiles(tree, packages) {
  for (let i = 0; i < packages * 10; i++) {
    const sub = join(tree, `package-${i % packages}`, `directory-${i}`);
    mkdirSync(sub, { recursive: true });
    for (let j = 0; j < 50; j++) {
      writeFileSync(join(sub, `file-${j}.js`), Buffer.alloc(500 + ((i * 50 + j) % 13) * 1000, j));
    }
  }
  return tree;
}

function figures(values, unit) {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, median, max] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
  const text = (value) => value.toFixed(2) + unit;
  return `median ${text(median)} (min ${text(min)}, max ${text(max)})`;
}

export function say(text) {
  process.stdout.write(`${text}\n`);
}
