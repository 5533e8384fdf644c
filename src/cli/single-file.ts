import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { compileFunction } from 'node:vm';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { ThreadKind } from '../worker/start-worker.ts';

/**
 * The single file, dist/ctxsync.cjs: all parts of the program, as texts, and this, which runs them. A text
 * is compiled when it is first needed, in the thread that needs it: a disk thread then compiles nothing of
 * the command line, and the main thread nothing of the disk thread's.
 *
 * As nothing is looked up in files, it does not matter whether the program was started from a file, from
 * stdin, from memory, or inside of an executable.
 */

/**
 * By the names under which they require each other: each is the comment in a function, in which `*@/` stands
 * for the end of a comment. The build puts them here.
 */
declare const CTXSYNC_PARTS: Readonly<Record<string, () => void>>;

const FILE = 'ctxsync.cjs';
/** The parts that a disk thread may load besides its own. */
const ON_DEMAND = ['re2js', 'tar/header'];

type Load = (name: string) => unknown;
type Compile = typeof compileFunction;

/**
 * `require` for the parts; for all else, Node's own. Its text runs in workers too, so it must not use
 * anything from outside.
 */
function createLoad(
  find: (name: string) => string | undefined,
  file: string,
  require: Load,
  compile: Compile,
): Load {
  const loaded: Record<string, { exports: unknown }> = {};
  return function load(name) {
    const known = loaded[name];
    if (known !== undefined) return known.exports;
    const text = find(name);
    if (text === undefined) return require(name);
    const module = (loaded[name] = { exports: {} });
    const parameters = ['exports', 'require', 'module', '__filename'];
    const run = compile(text, parameters, { filename: `${file}/${name.replace('./', '')}` });
    run.call(module.exports, module.exports, load, module, file);
    return module.exports;
  };
}

function textOf(name: string): string | undefined {
  const text = CTXSYNC_PARTS[name]?.toString();
  return text?.slice(text.indexOf('/*') + 2, text.lastIndexOf('*/')).replaceAll('*@/', '*/');
}

function startWorker(kind: ThreadKind, options: WorkerOptions): Worker {
  const text = `'use strict';
    const { workerData: { parts, part } } = require('node:worker_threads');
    (${createLoad.toString()})((name) => parts[name], '${FILE}', require, require('node:vm').compileFunction)(part);`;
  const part = `./${kind}-worker.cjs`;
  const names = kind === 'pool' ? [part] : [part, ...ON_DEMAND];
  const parts = Object.fromEntries(names.map((name) => [name, textOf(name)]));
  const workerData = Object.assign({ part, parts }, options.workerData);
  return new Worker(text, Object.assign({}, options, { workerData, eval: true }));
}

/** The file itself; in an executable, its copy (build/executable.js). */
function readSelf(): Uint8Array {
  const sea = isBuiltin('node:sea')
    ? (require('node:sea') as typeof import('node:sea'))
    : undefined;
  return sea?.isSea() === true ? new Uint8Array(sea.getAsset(FILE)) : readFileSync(__filename);
}

const load = createLoad(textOf, FILE, require, compileFunction);
(load('./start.cjs') as typeof import('./start.ts')).start({ startWorker, readSelf });
