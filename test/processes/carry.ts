import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  BIN,
  joinByPipe,
  start,
  type Outcome,
  type StartOptions,
  type Started,
} from '../helpers/cli/cli.ts';
import { processesWith } from '../helpers/cli/duplex.ts';
import { until } from '../helpers/until.ts';
import {
  countCalls,
  disturbing,
  readLog,
  type At,
  type Disturbance,
  type Disturbing,
} from './disturbance.ts';
import { contentOf, differences, leftOvers, withSite, type Site } from './site.ts';

/** The transports; `command` is a receiver that its sender starts, `serve` one that keeps running. */
export type Way = 'pipe' | 'socket' | 'command' | 'serve';
export type Side = 'sender' | 'receiver';

export interface Where {
  way: Way;
  side: Side;
}

/** How a side ended, with its output; for a receiver started as a command, what its sender knows of it. */
export interface Ends {
  send: Outcome;
  receive: Outcome;
  /** Sides that had to be killed. */
  hung: Side[];
  /** What was disturbed, or counted. */
  log: string;
}

interface Sides {
  sender: Started;
  receiver: Started;
}

/** Milliseconds in which both sides must end: neither may hang. */
const END_MS = 60_000;
const QUIET = ['--progress', 'none'];

/**
 * Makes OUT the mirror of the context.
 * @param disturbance what happens to one of the two, at which of its calls; if absent, calls are counted
 * @param meanwhile runs at the same time as both
 */
export async function mirror(
  site: Site,
  { way, side }: Where,
  disturbance?: Disturbance,
  meanwhile: (victim: Started, log: string) => Promise<void> = async () => {},
): Promise<Ends> {
  const log = join(site.directory, 'calls.log');
  const disturbed = disturbing(site.directory, log, disturbance);
  const sides = await startBoth(site, way, side, disturbed);
  const giveUp = killHung(sides);
  const going = meanwhile(sides[side], log);
  const send = await sides.sender.done;
  if (way === 'serve' && !isAskedToEnd(side, disturbance, log))
    sides.receiver.child.kill('SIGTERM');
  const receive = await sides.receiver.done;
  await going;
  if (way === 'command') await commandEnds(site, sides.sender);
  return { send, receive, hung: giveUp(), log };
}

/** Whether it already got a signal: a second one would end it at once, without cleaning up. */
function isAskedToEnd(side: Side, disturbance: Disturbance | undefined, log: string): boolean {
  const signal = disturbance !== undefined && 'signal' in disturbance ? disturbance.signal : '';
  return side === 'receiver' && signal !== 'SIGSTOP' && signal !== '' && readLog(log).length > 0;
}

async function startBoth(
  { directory, context, out }: Site,
  way: Way,
  side: Side,
  disturbed: Disturbing,
): Promise<Sides> {
  const socket = join(directory, 'socket');
  const { env, around } = disturbed;
  const of = (which: Side): StartOptions =>
    side === which ? { env: { ...process.env, ...env }, around } : {};
  const receive = ['receive', out, '--delete', ...QUIET];
  if (way === 'command') {
    const sets = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const unsets = Object.keys(env).flatMap((name) => ['-u', name]);
    const set = ['env', ...(side === 'receiver' ? sets : unsets)];
    const command = [...set, process.execPath, BIN, ...receive];
    const sender = start(['send', context, ...QUIET, '--', ...command], of('sender'));
    return { sender, receiver: sender };
  }
  if (way === 'pipe') {
    const receiver = start(receive, of('receiver'));
    const sender = start(['send', context, ...QUIET], of('sender'));
    joinByPipe(sender, receiver);
    return { sender, receiver };
  }
  const serve = way === 'serve' ? ['--serve'] : [];
  const receiver = start([...receive, '--socket', socket, ...serve], of('receiver'));
  await until('the receiver listens', () => existsSync(socket) || hasEnded(receiver.child));
  const connect = ['--socket', socket, '--connect-timeout', '2s'];
  const sender = start(['send', context, ...QUIET, ...connect], of('sender'));
  return { sender, receiver };
}

/** @returns to be called at the end: which sides had to be killed */
function killHung({ sender, receiver }: Sides): () => Side[] {
  const hung: Side[] = [];
  const timer = setTimeout(() => {
    for (const [side, { child }] of [
      ['sender', sender],
      ['receiver', receiver],
    ] as const) {
      if (hasEnded(child)) continue;
      hung.push(side);
      child.kill('SIGKILL');
    }
  }, END_MS);
  return () => {
    clearTimeout(timer);
    return hung;
  };
}

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** A command whose sender was killed ends on its own. */
function commandEnds({ out }: Site, sender: Started): Promise<void> {
  return until('the command has ended', () => processesWith(out, sender).length === 0);
}

/** All calls of undisturbed transfers. */
export async function allCalls(
  ways: readonly Way[],
  sides: readonly Side[] = ['sender', 'receiver'],
): Promise<(Where & At)[]> {
  const found: (Where & At)[] = [];
  for (const way of ways) {
    for (const side of sides) {
      for (const [call, most] of await callsOf({ way, side })) {
        for (let nth = 1; nth <= most; nth++) found.push({ way, side, call, nth });
      }
    }
  }
  return found;
}

const counted = new Map<string, Promise<Map<string, number>>>();

/** How often each call is made at most, counted once for all tests of a file. */
function callsOf(where: Where): Promise<Map<string, number>> {
  const key = `${where.way} ${where.side}`;
  const calls = counted.get(key) ?? countCallsOf(where);
  counted.set(key, calls);
  return calls;
}

function countCallsOf(where: Where): Promise<Map<string, number>> {
  return withSite(async (site) => {
    const ends = await mirror(site, where);
    const wrong = differences(contentOf(site.out), site.new);
    if (wrong.length > 0) throw new Error(`undisturbed: ${wrong.join('\n')}${shown(ends.receive)}`);
    return countCalls(ends.log);
  });
}

/** What is wrong with the next, undisturbed transfer: it must succeed, and leave nothing behind. */
export async function wrongNext(site: Site): Promise<string[]> {
  const { directory, context, out } = site;
  const receiver = start(['receive', out, '--delete', ...QUIET]);
  const sender = start(['send', context, ...QUIET]);
  joinByPipe(sender, receiver);
  const [, receive] = await Promise.all([sender.done, receiver.done]);
  const wrong = receive.code === 0 ? [] : [`the next receiver: ${shown(receive)}`];
  wrong.push(...leftOvers(out).map((path) => `the next receiver left ${path}`));
  wrong.push(...processesWith(directory, sender).map((id) => `process ${id} is left`));
  return [...wrong, ...differences(contentOf(out), site.new)];
}

export function shown({ code, signal, stderr }: Outcome): string {
  return `${signal ?? code} ${JSON.stringify(stderr)}`;
}
