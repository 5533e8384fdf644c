import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { getSystemErrorMap, getSystemErrorName } from 'node:util';

const PRELOAD = fileURLToPath(new URL('disturb.cjs', import.meta.url));

/** A file call of a process at which something happens to it. */
export interface At {
  /** The function of node:fs. */
  call: string;
  /** The first call at which it happens, counted separately in each thread. */
  nth: number;
}

export interface FailingCall extends At {
  /** An errno: "EIO". */
  code: keyof typeof constants.errno;
  /** This call alone, all later ones of its name, or all that would change the disk. */
  lasts: 'once' | 'call' | 'disk';
}

/** The process gets a signal before the call. */
export interface SignalledCall extends At {
  signal: NodeJS.Signals;
}

/** The kernel fails the nth system call of this name, counted separately in each thread, as strace does. */
export interface FailingSystemCall extends Omit<FailingCall, 'lasts'> {
  /** Its names; a machine may lack some of them: "mkdir mkdirat". */
  systemCall: string;
}

export type Disturbance = FailingCall | SignalledCall | FailingSystemCall;

/** How to start a process so that it is disturbed: a command prefix, and its environment. */
export interface Disturbing {
  env: Record<string, string>;
  around: string[];
}

export function disturbing(directory: string, log: string, disturbance?: Disturbance): Disturbing {
  if (disturbance !== undefined && 'systemCall' in disturbance) {
    return { env: {}, around: straceThat(disturbance, log) };
  }
  return { env: preloadThat(directory, log, disturbance), around: [] };
}

/** strace logs a line for each call of the name, and marks those that it made fail. */
function straceThat({ systemCall, nth, code }: FailingSystemCall, log: string): string[] {
  const set = systemCall.split(' ').map((name) => `?${name}`);
  const inject = `inject=${set.join(',')}:error=${code}:when=${nth}`;
  return ['strace', '-f', '-qq', '-o', log, '-e', `trace=${set.join(',')}`, '-e', inject];
}

/** The environment that disturbs calls on files below `directory`; without a disturbance it counts them. */
function preloadThat(
  directory: string,
  log: string,
  disturbance?: FailingCall | SignalledCall,
): { NODE_OPTIONS: string; CTXSYNC_DISTURBANCE: string } {
  const failing = disturbance !== undefined && 'code' in disturbance;
  const error = failing ? asNodeSees(constants.errno[disturbance.code]) : {};
  return {
    NODE_OPTIONS: `--require ${JSON.stringify(PRELOAD)}`,
    CTXSYNC_DISTURBANCE: JSON.stringify({ ...disturbance, ...error, below: directory, log }),
  };
}

/** Node lacks names for some: "Unknown system error -122". */
function asNodeSees(number: number): { code: string; errno: number; words: string } {
  const code = getSystemErrorName(-number);
  return { code, errno: -number, words: getSystemErrorMap().get(-number)?.[1] ?? code };
}

/** One line for each disturbed call, `pid <id> <call> <path>`, or counted call, `<thread> <call>`. */
export function readLog(log: string): string[] {
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
}

/** The highest number of calls of each name in one thread. */
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
