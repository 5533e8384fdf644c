import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { directoryInTest } from '../trees/directory-in-test.ts';

const PRELOADED = fileURLToPath(new URL('slow-calls.cjs', import.meta.url));

/** What a slow disk does, besides being slow. */
export interface SlowDiskPlan {
  /** Milliseconds that each open and look takes longer. */
  ms?: number;
  /** Names of files that cannot be opened, and the error. */
  fails?: readonly string[];
  code?: string;
  errno?: number;
  /** The name of a file that grows whenever it is read. */
  changes?: string;
  /** The name of a file whose opening hangs until this FIFO is opened for writing. */
  hangs?: string;
  fifo?: string;
}

export interface SlowDisk {
  /** For a process that uses the disk. */
  env: NodeJS.ProcessEnv;
  /** How many threads have made calls of this name, on files called "file-...". */
  threads: (call: 'openSync' | 'lstatSync') => number;
}

/** @param below the files of the disk */
export function slowDisk(below: string, plan: SlowDiskPlan = {}): SlowDisk {
  const log = join(directoryInTest(), 'log');
  writeFileSync(log, '');
  const CTXSYNC_SLOW_DISK = JSON.stringify({ ms: 1, ...plan, below, log });
  const threads = (call: string): number => {
    const lines = readFileSync(log, 'utf8').split('\n');
    return lines.filter((line) => line.split(' ')[1] === call).length;
  };
  return {
    env: { ...process.env, NODE_OPTIONS: `--require "${PRELOADED}"`, CTXSYNC_SLOW_DISK },
    threads,
  };
}
