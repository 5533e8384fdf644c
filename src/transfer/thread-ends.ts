import { TICK_MS } from '../limits.ts';
import { StatusWatch } from '../observe/status-watch.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import { countAsStuck } from './stuck-threads.ts';

/** @returns false when it is stuck; it is counted until it ends after all. */
export async function endThread(thread: DiskThread): Promise<boolean> {
  if (await thread.end()) return true;
  countAsStuck(thread.exited);
  return false;
}

/** Waits for a job while its thread proceeds from call to call. False: one call took `withinMs`. */
export async function whileActive(
  thread: DiskThread,
  done: Promise<unknown>,
  withinMs: number,
): Promise<boolean> {
  const watch = new StatusWatch(thread.status);
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<boolean>((resolve) => {
    timer = setInterval(() => {
      if (watch.look(performance.now()).pendingMs >= withinMs) resolve(false);
    }, TICK_MS);
  });
  const settled = done.then(
    () => true,
    () => true,
  );
  const outcome = await Promise.race([settled, hung]);
  clearInterval(timer);
  return outcome;
}
