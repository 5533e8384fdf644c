let count = 0;

/**
 * Threads of this process that are stuck in a system call. While there are any, process.exit does not
 * return either: only a signal ends the process.
 */
export function stuckThreadCount(): number {
  return count;
}

/** Counts one stuck thread until `freed` settles, however late. */
export function countAsStuck(freed: Promise<unknown>): void {
  const free = (): void => void (count -= 1);
  count += 1;
  freed.then(free, free);
}
