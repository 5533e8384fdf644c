'use strict';
// Disturbs file calls of a real process, in all of its threads: NODE_OPTIONS='--require <this>'. What
// to do is in CTXSYNC_DISTURBANCE, as in disturbance.ts. Only calls on files of the test count: paths
// below a directory, what is reached through a directory held open, and their descriptors.

const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const { threadId } = require('node:worker_threads');

const NAMES = [
  'chmodSync',
  'closeSync',
  'fchmodSync',
  'fstatSync',
  'fsyncSync',
  'futimesSync',
  'linkSync',
  'lstatSync',
  'lutimesSync',
  'mkdirSync',
  'openSync',
  'readFileSync',
  'readSync',
  'readdirSync',
  'readlinkSync',
  'realpathSync',
  'renameSync',
  'rmdirSync',
  'statSync',
  'symlinkSync',
  'unlinkSync',
  'utimesSync',
  'writeSync',
];

const CHANGING = new Set([
  'chmodSync',
  'fchmodSync',
  'futimesSync',
  'linkSync',
  'lutimesSync',
  'mkdirSync',
  'renameSync',
  'rmdirSync',
  'symlinkSync',
  'unlinkSync',
  'utimesSync',
  'writeSync',
]);

const plan = JSON.parse(process.env.CTXSYNC_DISTURBANCE ?? 'null');
const { appendFileSync, closeSync, openSync } = fs;
/** Descriptors of files of the test. */
const open = new Set();
/** Calls of each name so far, in this thread. */
const counts = new Map();
/** The disk accepts no more changes, like ext4 after an error, as seen by this thread. */
let broken = false;
/** A call of fs may use others of fs, which do not count. */
let inside = false;

if (plan !== null) {
  for (const name of NAMES) {
    const { native } = fs[name];
    fs[name] = around(name, fs[name]);
    if (native !== undefined) fs[name].native = around(name, native);
  }
  syncBuiltinESMExports();
}

function around(name, call) {
  return function (...args) {
    if (inside || !isOfTheTest(args)) return call.apply(this, args);
    inside = true;
    try {
      return made(name, call, args);
    } finally {
      inside = false;
    }
  };
}

function made(name, call, args) {
  const comes = isDisturbed(name, args);
  const fails = comes && plan.signal === undefined;
  if (comes && !fails && isFirst()) process.kill(process.pid, plan.signal);
  if (name === 'closeSync') open.delete(args[0]);
  // Whatever close returns, the descriptor is gone (close(2), Linux).
  if (!fails || name === 'closeSync') {
    const result = call(...args);
    if (name === 'openSync') open.add(result);
    if (!fails) return result;
  }
  throw failure(name, args);
}

/** For several threads that reach their call: a second signal would cut short the effect of the first. */
function isFirst() {
  try {
    closeSync(openSync(`${plan.log}.sent`, 'wx'));
    return true;
  } catch {
    return false;
  }
}

function isDisturbed(name, args) {
  const nth = (counts.get(name) ?? 0) + 1;
  counts.set(name, nth);
  if (plan.call === undefined) appendFileSync(plan.log, `${threadId} ${name}\n`);
  if (!hasCome(name, nth, args)) return false;
  appendFileSync(plan.log, `pid ${process.pid} ${name} ${String(args[0])}\n`);
  return true;
}

function hasCome(name, nth, args) {
  if (broken) return changes(name, args);
  if (plan.call !== name) return false;
  if (plan.lasts === 'call') return nth >= plan.nth;
  broken = plan.lasts === 'disk' && nth === plan.nth;
  return nth === plan.nth;
}

/** Whether a read-only disk refuses it. */
function changes(name, [, flags]) {
  if (name !== 'openSync') return CHANGING.has(name);
  return typeof flags === 'string' ? flags !== 'r' : (flags & 3) !== 0;
}

/** The error as Node creates it. */
function failure(name, [path]) {
  const syscall = name.replace(/Sync$/, '');
  const message = `${plan.code}: ${plan.words}, ${syscall} '${String(path)}'`;
  return Object.assign(new Error(message), { errno: plan.errno, code: plan.code, syscall });
}

function isOfTheTest([first, second]) {
  if (typeof first === 'number') return open.has(first);
  return [first, second].some(
    (path) =>
      isPath(path) &&
      (String(path).startsWith(plan.below) || String(path).startsWith('/proc/self/fd/')),
  );
}

function isPath(value) {
  return typeof value === 'string' || Buffer.isBuffer(value);
}
