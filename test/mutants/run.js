/*
 * npm run mutants [-- part of a name]
 *
 * Breaks a copy of ctxsync on purpose, once for each entry of table.js, and runs the one test that
 * should detect it. A mutant that its test does not detect fails the run, because then no test enforces
 * the promise. So does one whose text is not found any more, and a test that fails without a mutant.
 *
 * Not Stryker: it makes thousands of small changes by rule, many of which change nothing, and runs all
 * tests that reach each. The question here is whether faults that other programs had, most of them
 * several lines long, are detected, and by which test.
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './table.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['package.json', 'tsconfig.json', 'rolldown.config.js', 'vitest.config.ts'];
const COPIED_DIRECTORIES = ['src', 'test', 'bin', 'build', 'dist', 'README.md', 'CHANGELOG.md'];
/** Time limit of a test, in milliseconds. */
const TEST_MS = 60_000;
/** Milliseconds after which a run is stopped without a verdict. */
const RUN_MS = 180_000;
/** A failure that does not come from an assertion: the test was not run, or broke on the way. */
const BROKEN = /SyntaxError|ReferenceError|is not a function|Cannot find module/;

/** @typedef {import('./table.js').Mutant} Mutant */
/** @typedef {{ file: string, fullName: string, status: string, messages: string }} TestResult */

const work = mkdtempSync(join(tmpdir(), 'ctxsync-mutants-'));
// Some tests run the program as another user.
chmodSync(work, 0o755);
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => process.exit(1));
}

process.exitCode = 1;
const part = process.argv[2] ?? '';
const isRoot = process.getuid?.() === 0;
const mutants = MUTANTS.filter(({ name, root }) => {
  if (root === true && !isRoot) print(`not tried, as it needs root: ${name}`);
  return name.includes(part) && (root !== true || isRoot);
});
const problems = await baseline(mutants);
const survivors = problems.length > 0 ? [] : await killAll(mutants);
for (const problem of problems) print(problem);
if (survivors.length > 0) print(`\n${survivors.length} survived: ${survivors.join('; ')}`);
if (mutants.length > 0 && problems.length + survivors.length === 0) process.exitCode = 0;

/**
 * Checks that every text occurs exactly once, as in the table, and every test passes without a mutant.
 * @param {readonly Mutant[]} all
 * @returns {Promise<string[]>} what is wrong
 */
async function baseline(all) {
  const stale = all.flatMap((mutant) =>
    mutant.edits
      .filter(({ file, find }) => occurrences(readFileSync(join(ROOT, file), 'utf8'), find) !== 1)
      .map(({ file }) => `${mutant.name}: its text is not in ${file} once; mend the table`),
  );
  if (stale.length > 0) return stale;
  const copy = copyTree('as-it-is');
  if (all.some(({ builds }) => builds === true)) await build(copy);
  const files = [...new Set(all.map(({ file }) => file))];
  const results = await runTests(
    copy,
    files,
    all.map(({ test }) => test),
  );
  return all
    .filter((mutant) => resultOf(results, mutant)?.status !== 'passed')
    .map(({ name, file, test }) => `${name}: ${file} "${test}" does not pass without it`);
}

/**
 * @param {readonly Mutant[]} all
 * @returns {Promise<string[]>} the names of those that no test detected
 */
async function killAll(all) {
  /** @type {string[]} */
  const survived = [];
  const left = [...all];
  const lane = async () => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const began = performance.now();
      const why = await survives(mutant);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      const { name, file, test } = mutant;
      print(`${why === undefined ? 'killed  ' : 'SURVIVED'} ${seconds.padStart(5)}s  ${name}`);
      print(`                 ${file}: ${test}`);
      if (why !== undefined) print(`                 ${why}`);
      if (why !== undefined) survived.push(name);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  return survived;
}

/**
 * @param {Mutant} mutant
 * @returns {Promise<string | undefined>} why it counts as alive; undefined if it was killed
 */
async function survives(mutant) {
  const copy = copyTree(mutant.name.replaceAll(/\W+/g, '-'));
  for (const { file, find, replace } of mutant.edits) {
    const path = join(copy, file);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(find, () => replace),
    );
  }
  if (mutant.builds === true) await build(copy);
  const results = await runTests(copy, [mutant.file], [mutant.test]);
  rmSync(copy, { recursive: true, force: true });
  const result = resultOf(results, mutant);
  if (result === undefined) return 'its test did not run';
  if (result.status !== 'failed') return `its test ${result.status}`;
  if (BROKEN.test(result.messages)) return `it does not run: ${result.messages.slice(0, 300)}`;
  if (mutant.seen.test(result.messages)) return undefined;
  return `its test failed otherwise: ${result.messages.slice(0, 300)}`;
}

/**
 * @param {readonly TestResult[]} results
 * @param {Mutant} mutant
 */
function resultOf(results, { file, test }) {
  return results.find((each) => each.file.endsWith(file) && each.fullName === test);
}

/**
 * @param {string} copy
 * @param {readonly string[]} files
 * @param {readonly string[]} tests their full names
 * @returns {Promise<TestResult[]>}
 */
async function runTests(copy, files, tests) {
  const output = join(copy, 'results.json');
  const names = [...new Set(tests)].map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  await run(copy, process.execPath, [
    join(copy, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...files,
    '--testNamePattern',
    `^(${names.join('|')})$`,
    `--testTimeout=${TEST_MS}`,
    '--retry=0',
    '--reporter=json',
    `--outputFile=${output}`,
  ]);
  // It was stopped before it wrote a report.
  if (!existsSync(output)) return [];
  /** @type {{ testResults: { name: string, assertionResults: { fullName: string, status: string, failureMessages: string[] }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(output, 'utf8'));
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status, failureMessages }) => ({
      file: name,
      fullName,
      status,
      messages: failureMessages.join('\n'),
    })),
  );
}

/** @param {string} copy */
async function build(copy) {
  rmSync(join(copy, 'dist/js'), { recursive: true, force: true });
  const failed = await run(copy, process.execPath, [
    join(copy, 'node_modules/rolldown/bin/cli.mjs'),
    '--config',
  ]);
  if (failed !== undefined) throw new Error(`a mutant does not build: ${failed}`);
}

/**
 * @param {string} cwd
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string | undefined>} how it failed
 */
function run(cwd, command, args) {
  return new Promise((resolve) => {
    const options = { cwd, timeout: RUN_MS, maxBuffer: 2 ** 26 };
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve(error === null ? undefined : `${stdout}${stderr}`);
    });
  });
}

/** @param {string} name */
function copyTree(name) {
  const copy = join(work, name);
  for (const each of [...COPIED, ...COPIED_DIRECTORIES]) {
    cpSync(join(ROOT, each), join(copy, each), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/**
 * @param {string} text
 * @param {string} find
 */
function occurrences(text, find) {
  return text.split(find).length - 1;
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}
