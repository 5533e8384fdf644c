/**
 * How fast ctxsync is, beside what else does the work. It is a benchmark and no test: it fails only where a
 * result is not the tree that was sent.
 *
 *     npm run bench                            everything that this machine can do
 *     npm run bench -- --rounds 3 'in memory'  works with these words in their names
 *     npm run bench -- --readme                everything, and then the table and the chart of the README
 *     npm run bench -- --readme --from bench-results/results.json   the same, of earlier results
 *
 * Each way to do a work takes its turn in up to --rounds (7) rounds, but after --seconds (20) of it only until
 * it has had three; and just once if one turn takes that long. So the whole of it takes about half an hour.
 *
 * In memory is below --memory (/dev/shm), on disk below --disk (the temporary directory); cold is on disk, with
 * the caches of files dropped before each run (Linux, as root); slow is in memory, with a library preloaded that
 * waits for 1 ms in each open and stat (Linux, with a C compiler). The results go to --out (bench-results) as
 * results.md, results.json and results.svg.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measure, median } from './measure.js';
import { shownResults, withFigures } from './readme.js';
import { markdown, svg } from './render.js';
import { goesOn } from './rounds.js';
import { changeSome, TREES } from './trees.js';
import { WORKS } from './works.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PICTURE = 'docs/speed.svg';
const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '20' },
    readme: { type: 'boolean', default: false },
    from: { type: 'string' },
    memory: { type: 'string', default: '/dev/shm' },
    disk: { type: 'string', default: tmpdir() },
    out: { type: 'string', default: 'bench-results' },
  },
  allowPositionals: true,
});
const bounds = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
const isRoot = process.getuid?.() === 0;
const DROP_CACHES = '/proc/sys/vm/drop_caches';
const missing = new Set();
const results = [];

const places = {
  memory: values.memory,
  disk: values.disk,
  cold: values.disk,
  slow: values.memory,
};
const WHERE = {
  memory: 'in memory',
  disk: 'on a disk',
  cold: 'on a cold disk',
  slow: 'on a slow disk',
};
if (values.from === undefined) measureAll();
if (values.readme) writeReadme(values.from ?? join(values.out, 'results.json'));

function measureAll() {
  for (const work of WORKS) {
    for (const where of work.where) {
      const label = `${work.name}, ${WHERE[where]}`;
      if (positionals.length > 0 && !positionals.some((word) => label.includes(word))) continue;
      if (!existsSync(places[where])) missing.add('a disk in memory');
      else if (where === 'cold' && !(isRoot && existsSync(DROP_CACHES)))
        missing.add('a cold cache');
      else if (where === 'slow' && !isFound('cc')) missing.add('a slow disk');
      else {
        results.push({ shown: work.shown?.[where], ...compare(work, where, label) });
        writeResults();
      }
    }
  }
}

/** @param path of results.json */
function writeReadme(path) {
  const all = JSON.parse(readFileSync(path, 'utf8'));
  const readme = join(ROOT, 'README.md');
  // In this order: it throws when a work is missing.
  const text = withFigures(readFileSync(readme, 'utf8'), all, PICTURE);
  writeFileSync(join(ROOT, PICTURE), svg(shownResults(all)));
  writeFileSync(readme, text);
  process.stdout.write(`README.md and ${PICTURE} have the figures of ${path}\n`);
}

/** After each work: all of them together take long. */
function writeResults() {
  const { model = 'unknown' } = cpus()[0] ?? {};
  const machine = `${cpus().length} cores of ${model.trim()} (${process.platform}), Node ${process.version}`;
  const all = { machine, missing: [...missing], results };
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'results.json'), `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(join(values.out, 'results.md'), markdown(all));
  writeFileSync(join(values.out, 'results.svg'), svg(all));
}

/** All ways of a work in turn: one round to warm up, and those that count. */
function compare(work, where, label) {
  const directory = mkdtempSync(join(places[where], 'ctxsync-bench-'));
  try {
    process.stdout.write(`${label} (${TREES[work.tree].what})\n`);
    const ways = work.ways.filter(({ needs }) => needs.every(isFound));
    const setting = prepare(directory, work);
    if (where === 'slow') Object.assign(setting.env, slowDisk(directory));
    const runs = ways.map(() => []);
    const turn = (way) => {
      reset(setting, work.before);
      if (where === 'cold') forgetFiles(setting);
      return measure(way.script, setting);
    };
    for (const [index, way] of ways.entries()) {
      const first = turn(way);
      if (way.copies !== false) checkEqual(setting, way);
      // Nothing is warmed up on a cold disk, and a second turn of what takes so long would say no more.
      if (where === 'cold' || first.wall >= bounds.seconds) runs[index].push(first);
    }
    for (let round = 0; round < bounds.rounds; round++) {
      for (const [index, way] of ways.entries()) {
        const walls = runs[index].map(({ wall }) => wall);
        if (goesOn(walls, round, bounds)) runs[index].push(turn(way));
      }
    }
    const summaries = ways.map(({ name }, index) => summary(name, runs, index));
    for (const way of summaries) process.stdout.write(summaryLine(way));
    return { work: label, ways: summaries };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function summaryLine({ name, rounds: count, wall }) {
  const words = count === 1 ? 'one round: it takes so long' : `median of ${count} rounds`;
  return `    ${name}: ${wall.toFixed(2)} s, ${words}\n`;
}

/** Its ratio is that of ctxsync's time to its own, round by round. */
function summary(name, runs, index) {
  const of = (key) => runs[index].map((result) => result[key]);
  const both = Math.min(runs[0].length, runs[index].length);
  const ratios = runs[index].slice(0, both).map(({ wall }, round) => runs[0][round].wall / wall);
  const peaks = of('peak').filter((peak) => peak !== undefined);
  return {
    name,
    rounds: runs[index].length,
    wall: median(of('wall')),
    cpu: median(of('cpu')),
    peak: peaks.length > 0 ? Math.max(...peaks) : undefined,
    ratio: median(ratios),
  };
}

/** The tree, what OUT holds before, and the programs that the scripts call. */
function prepare(directory, { tree, before }) {
  const [input, work, programs] = ['in', 'work', 'programs'].map((name) => join(directory, name));
  const older = join(directory, 'older');
  TREES[tree].make(input);
  if (before !== 'nothing') {
    mkdirSync(older);
    spawnSync('cp', ['-a', `${input}/.`, older]);
  }
  if (before === 'the older') changeSome(input);
  mkdirSync(programs);
  for (const [name, file] of [
    ['ctxsync', '../../bin/ctxsync.js'],
    ['tar-package', 'tar-package.js'],
  ]) {
    const program = join(programs, name);
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(HERE, file)}" "$@"\n`);
    chmodSync(program, 0o755);
  }
  const out = join(directory, 'out');
  return { input, out, older, work, programs, env: { IN: input, OUT: out } };
}

function reset({ out, older, work }, before) {
  for (const path of [out, work]) rmSync(path, { recursive: true, force: true });
  mkdirSync(work);
  mkdirSync(out);
  if (before !== 'nothing') spawnSync('cp', ['-a', `${older}/.`, out]);
}

/** The environment in which each open and stat below the directory takes a millisecond longer. */
function slowDisk(directory) {
  const library = join(directory, 'slow-disk.so');
  const source = join(HERE, 'slow-disk.c');
  const { status, stderr } = spawnSync(
    'cc',
    ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the slow disk could not be compiled: ${stderr}`);
  return { LD_PRELOAD: library, SLOW_US: '1000', SLOW_BELOW: directory };
}

/** Writes out what is only in memory, drops the caches of all files, and loads the programs again. */
function forgetFiles({ programs, work }) {
  spawnSync('sync');
  writeFileSync(DROP_CACHES, '3');
  for (const command of ['tar', 'rsync', 'bsdtar', join(programs, 'ctxsync')]) {
    spawnSync(command, ['--version'], { cwd: work });
  }
}

/** The same names, kinds, sizes and content: what `diff -r` sees. */
function checkEqual({ input, out }, { name }) {
  const { status, stdout } = spawnSync('diff', ['-r', input, out], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} made another tree: ${stdout.slice(0, 500)}`);
}

function isFound(program) {
  const found = spawnSync(program, ['--version']).error === undefined;
  if (!found) missing.add(program);
  return found;
}
