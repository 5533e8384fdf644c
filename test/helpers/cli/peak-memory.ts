import { existsSync, readFileSync } from 'node:fs';

/** Whether this system reports the peak memory of a process. */
export const HAS_PEAKS = existsSync('/proc/self/status');

/** VmHWM of proc(5) in bytes. 0 once the process is gone. */
export function peakBytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
