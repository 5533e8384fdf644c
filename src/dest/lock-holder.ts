import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../disk/errno.ts';
import { LOCK_STALE_MS } from '../limits.ts';

/** The process that holds a destination. */
export interface Holder {
  pid: number;
  host: string;
  /** Identifies the boot and the pid namespace in which the pid is valid. */
  scope: string;
  /** The process's start time, in kernel clock ticks: a pid alone can be reused. */
  began: string;
  since: string;
}

/** This process, as a holder. */
export function ourselves(): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    scope: processScope(),
    began: lookAtProcess('self')?.began ?? '',
    since: new Date().toISOString(),
  };
}

export function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, scope, began, since } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    if (typeof host !== 'string' || typeof scope !== 'string') return undefined;
    if (typeof began !== 'string' || typeof since !== 'string') return undefined;
    return { pid, host, scope, began, since };
  } catch {
    return undefined;
  }
}

/**
 * @param ageMs since the last refresh: decides alone when the process cannot be checked
 */
export function isAlive(holder: Holder | undefined, ageMs: number): boolean {
  if (holder?.scope !== processScope()) return Math.abs(ageMs) < LOCK_STALE_MS;
  if (!isRunning(holder.pid)) return false;
  const found = lookAtProcess(String(holder.pid));
  if (found !== undefined) return found.began === holder.began && !found.isDead;
  // The process is hidden from us, or has ended since.
  return isRunning(holder.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists, but we may not signal it.
    return errnoOf(error) !== 'ESRCH';
  }
}

/** On Linux the boot ID and the pid namespace; elsewhere only the host name. */
function processScope(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/**
 * Reads fields 3 (state), 20 (num_threads) and 22 (starttime) of /proc/PID/stat (proc(5)); the name
 * before them may contain anything. A zombie, which stays if its parent does not reap it, as in many
 * containers, is dead unless it still has a thread that a hanging disk blocks and that may still write.
 */
function lookAtProcess(pid: string): { began: string; isDead: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, threads, began = ''] = [fields[0], fields[17], fields[19]];
    return { began, isDead: state === 'Z' && Number(threads) <= 1 };
  } catch {
    return undefined;
  }
}
