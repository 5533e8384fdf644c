let count = 0;

/**
 * Threads of this process that were left behind inside a system call that does not return. While
 * there are any, process.exit does not return either: only a signal ends the process.
 */
export function stuckThreadCount(): number {
  return count;
}

/** Counts one until `freed` settles, however late. */
export function countAsStuck(freed: Promise<unknown>): void {
  const free = (): void => void (count -= 1);
  count += 1;
  freed.then(free, free);
}
