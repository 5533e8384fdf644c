import { closeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { STUCK_THREAD_MS } from '../limits.ts';
import { stuckThreadCount } from '../transfer/stuck-threads.ts';
import { restoreDescriptors } from '../transport/shared-descriptor.ts';

const STANDARD_STREAMS = [0, 1, 2];
/** Milliseconds: what is still under way is as a rule the last call on a file that ends in a moment. */
const LOOK_EVERY_MS = 5;

/**
 * Ends the process. process.exit never returns while a thread, a disk worker's or libuv's, is stuck
 * inside a system call (a dead network disk): then a signal is the only way, and the status is that
 * of SIGKILL, 137.
 */
export async function exit(code: number): Promise<never> {
  process.exitCode = code;
  for (let waited = 0; hangs() && waited < STUCK_THREAD_MS; waited += LOOK_EVERY_MS) {
    await setTimeout(LOOK_EVERY_MS);
  }
  if (hangs()) {
    restoreDescriptors();
    closeStandardStreams();
    process.kill(process.pid, 'SIGKILL');
  }
  return process.exit();
}

/**
 * Until the disk answers the kernel may keep even a killed process, with all that it has open: who
 * reads or writes at the other end would wait for it. What is not a standard stream is closed by now.
 */
function closeStandardStreams(): void {
  for (const fd of STANDARD_STREAMS) {
    try {
      closeSync(fd);
    } catch {
      // It was closed before.
    }
  }
}

/** On a busy machine a thread may just need longer to end. */
function hangs(): boolean {
  return stuckThreadCount() > 0 || fileCallsPending();
}

/** --report, or a transport that is a file: calls that libuv's threads are in. */
function fileCallsPending(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));
}
