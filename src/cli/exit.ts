import { closeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { STUCK_THREAD_MS } from '../limits.ts';
import { stuckThreadCount } from '../transfer/stuck-threads.ts';
import { restoreDescriptors } from '../transport/shared-descriptor.ts';

const STANDARD_STREAMS = [0, 1, 2];
/** Milliseconds: usually only the last call on a file is pending, and it ends in a moment. */
const LOOK_EVERY_MS = 5;

/**
 * Ends the process. process.exit never returns while a thread of a disk worker or of libuv is stuck
 * inside a system call (a dead network disk): then only a signal ends the process, and the status is
 * that of SIGKILL, 137.
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
 * Until the disk answers, the kernel may keep even a killed process with all its open files: a reader
 * or writer at the other end would wait for it. All but the standard streams are closed by now.
 */
function closeStandardStreams(): void {
  for (const fd of STANDARD_STREAMS) {
    try {
      closeSync(fd);
    } catch {
      // It is already closed.
    }
  }
}

/** On a busy machine a thread may just need longer to end. */
function hangs(): boolean {
  return stuckThreadCount() > 0 || fileCallsPending();
}

/** Calls pending in libuv's threads, for --report or for a transport that is a file. */
function fileCallsPending(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));
}
