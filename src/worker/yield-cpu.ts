import { setPriority } from 'node:os';

/** Lets other threads go first, from now on; only on Linux, elsewhere it would be the whole process. */
export function yieldCpu(niceness: number): void {
  if (process.platform !== 'linux') return;
  try {
    // 0 is the calling thread there (getpriority(2), "C library/kernel differences").
    setPriority(0, niceness);
  } catch {
    // It is only slower then for the others.
  }
}
