import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../disk/errno.ts';
import { LOCK_STALE_MS } from '../limits.ts';

/** Who holds a destination. */
export interface Holder {
  pid: number;
  host: string;
  /** Names the kernel's run and the process namespace in which the pid means something. */
  scope: string;
  /** When the process began, in the kernel's own ticks: a pid alone may be used again. */
  began: string;
  since: string;
}

/** Us, as a holder. */
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
 * @param ageMs since it was refreshed: all that counts for one that cannot be looked for
 */
export function isAlive(holder: Holder | undefined, ageMs: number): boolean {
  if (holder?.scope !== processScope()) return Math.abs(ageMs) < LOCK_STALE_MS;
  if (!isRunning(holder.pid)) return false;
  const found = lookAtProcess(String(holder.pid));
  if (found !== undefined) return found.began === holder.began && !found.isDead;
  // Hidden from us, or gone since: then it was another that had got the pid.
  return isRunning(holder.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal (EPERM): it is there.
    return errnoOf(error) !== 'ESRCH';
  }
}

/** On Linux the boot and the pid namespace; elsewhere the host's name has to do. */
function processScope(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/**
 * Fields 3 (state), 20 (num_threads) and 22 (starttime) of proc(5)'s stat; the name before them may
 * contain anything. A zombie is dead, and stays where nobody waits for it, as in many a container;
 * unless a thread of it is left, which a hanging disk keeps and which may still write.
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
