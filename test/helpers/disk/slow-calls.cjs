'use strict';
// A disk whose calls wait, in all threads of a real process: NODE_OPTIONS='--require <this>'. What it does is
// in CTXSYNC_SLOW_DISK, as in slow-disk.ts.

const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const { threadId } = require('node:worker_threads');

const plan = JSON.parse(process.env.CTXSYNC_SLOW_DISK ?? 'null');
const { appendFileSync, lstatSync, openSync, readSync } = fs;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** Names of the calls of this thread that were logged. */
const logged = new Set();
/** Descriptors of the file that changes. */
const changing = new Map();

if (plan !== null) {
  fs.openSync = (path, flags, ...rest) => {
    wait('openSync', path);
    const fd = openSync(path, flags, ...rest);
    if (isNamed(path, plan.changes)) changing.set(fd, path);
    return fd;
  };
  fs.lstatSync = (path, ...rest) => {
    wait('lstatSync', path);
    return lstatSync(path, ...rest);
  };
  fs.readSync = (fd, ...rest) => {
    const path = changing.get(fd);
    const count = readSync(fd, ...rest);
    if (path !== undefined) appendFileSync(path, 'x');
    return count;
  };
  syncBuiltinESMExports();
}

function wait(call, path) {
  if (!isOfTheTest(path)) return;
  if (plan.ms > 0) Atomics.wait(sleeper, 0, 0, plan.ms);
  log(call, path);
  // It returns when the test opens the other end, and nothing else ends it.
  if (call === 'openSync' && isNamed(path, plan.hangs)) openSync(plan.fifo, 'r');
  if (call !== 'openSync' || !plan.fails?.some((name) => isNamed(path, name))) return;
  const { code, errno } = plan;
  throw Object.assign(new Error(`${code}, open '${String(path)}'`), {
    code,
    errno,
    syscall: 'open',
  });
}

/** Once for each name of a call: a disk on which every call is logged is slow. */
function log(call, path) {
  if (logged.has(call) || !String(path).includes('/file-')) return;
  logged.add(call);
  appendFileSync(plan.log, `${threadId} ${call}\n`);
}

function isNamed(path, name) {
  return name !== undefined && String(path).endsWith(`/${name}`);
}

function isOfTheTest(path) {
  if (typeof path !== 'string' && !Buffer.isBuffer(path)) return false;
  const text = String(path);
  return text.startsWith(plan.below) || /^\/proc\/self\/fd\/\d+\//.test(text);
}
