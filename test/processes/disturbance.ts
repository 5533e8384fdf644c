import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { getSystemErrorMap } from 'node:util';

const PRELOAD = fileURLToPath(new URL('disturb.cjs', import.meta.url));

/** A file call of a process, at which something happens to it. */
export interface At {
  /** Of node:fs. */
  call: string;
  /** The first one at which it happens, of each thread by itself. */
  nth: number;
}

export interface FailingCall extends At {
  /** An errno: "EIO". */
  code: keyof typeof constants.errno;
  /** This call alone, all of its name that come after it, or all that would change the disk. */
  lasts: 'once' | 'call' | 'disk';
}

/** The process gets a signal before the call. */
export interface SignalledCall extends At {
  signal: NodeJS.Signals;
}

export type Disturbance = FailingCall | SignalledCall;

/** The environment that disturbs calls on files below `directory`; without anything all are counted. */
export function disturbing(
  directory: string,
  log: string,
  disturbance?: Disturbance,
): { NODE_OPTIONS: string; CTXSYNC_DISTURBANCE: string } {
  const code = disturbance !== undefined && 'code' in disturbance ? disturbance.code : undefined;
  const errno = code && -constants.errno[code];
  const words = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  return {
    NODE_OPTIONS: `--require ${JSON.stringify(PRELOAD)}`,
    CTXSYNC_DISTURBANCE: JSON.stringify({ ...disturbance, below: directory, log, errno, words }),
  };
}

/** What was disturbed, `pid <id> <call> <path>`, or counted, `<thread> <call>`; a line each. */
export function readLog(log: string): string[] {
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
}

/** The highest number that a call of each name had in one thread. */
export function countCalls(log: string): Map<string, number> {
  const ofThreads = new Map<string, number>();
  for (const line of readLog(log)) ofThreads.set(line, (ofThreads.get(line) ?? 0) + 1);
  const most = new Map<string, number>();
  for (const [line, count] of ofThreads) {
    const name = line.split(' ')[1]!;
    most.set(name, Math.max(most.get(name) ?? 0, count));
  }
  return most;
}
