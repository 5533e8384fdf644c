import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import type { Started } from '../helpers/cli/cli.ts';
import type { TreeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';
import { rounds, SEEDED } from '../helpers/proofs.ts';
import { allCalls, hasEnded, mirror, shown, wrongNext, type Ends, type Where } from './carry.ts';
import { readLog, type At, type SignalledCall } from './disturbance.ts';
import { randomFor, sample, tryEach } from './rounds.ts';
import { contentOf, differences, leftOvers, withSite, type Site } from './site.ts';

// A process is killed, stopped or asked to end before any of its file calls: in the walk, the
// comparison, the stage, and within the commit.

type Round = Where & SignalledCall;

const WAYS = ['pipe', 'socket', 'command', 'serve'] as const;

async function roundsOf(signals: readonly NodeJS.Signals[], count: number): Promise<Round[]> {
  const random = randomFor(`signals ${signals.join(' ')}`);
  const calls: (Where & At)[] = await allCalls(WAYS);
  const all = calls.flatMap((at) => signals.map((signal) => ({ ...at, signal })));
  return sample(all, count, random);
}

function tryRound(round: Round, wrongAfter: typeof wrongWhenKilled): Promise<string[] | undefined> {
  return withSite(async (site) => {
    const { side, signal } = round;
    const goOn = signal === 'SIGSTOP' ? continueWhenStopped : undefined;
    const ends = await mirror(site, round, round, goOn);
    if (readLog(ends.log).length === 0) return undefined; // this run did not make the call
    const wrong = ends.hung.map((each) => `the ${each} hung`);
    if (/^\s+at .*:\d+/m.test(ends.send.stderr + ends.receive.stderr))
      wrong.push('a stack was shown');
    wrong.push(...wrongAfter(site, ends, round));
    if (side === 'sender' || signal !== 'SIGKILL') wrong.push(...wrongRest(site));
    wrong.push(...(await wrongNext(site)));
    if (wrong.length === 0) return [];
    return [...wrong, `send: ${shown(ends.send)}`, `receive: ${shown(ends.receive)}`];
  });
}

/** What is left behind, except a partial stage, which keeps what arrived. */
function wrongRest({ directory, out }: Site): string[] {
  const wrong = leftOvers(out).filter((path) => !/^\.ctxsync-[0-9a-f]{16}$/.test(path));
  if (existsSync(join(directory, 'socket'))) wrong.push('socket');
  return wrong.map((path) => `${path} is left`);
}

/** OUT is new when the receiver exited with 0, or its sender did so because of the receipt. */
function isSaidToBeNew({ way }: Where, { send, receive }: Ends): boolean {
  if (way === 'pipe' || way === 'socket')
    return receive.code === 0 || (way === 'socket' && send.code === 0);
  return send.code === 0;
}

/** For the surviving side: the exit status, and OUT as it reports. */
function wrongWhenKilled(site: Site, ends: Ends, round: Round): string[] {
  const { send, receive } = ends;
  const wrong: string[] = [];
  const sends: (number | null)[] = round.side === 'receiver' ? [0, 7, 10] : [null];
  if (!sends.includes(send.code)) wrong.push(`the sender ended with ${send.code}`);
  if (round.side === 'sender' && round.way !== 'command' && !isIn(receive.code, [0, 7])) {
    wrong.push(`the receiver ended with ${receive.code}`);
  }
  if (round.side === 'receiver')
    return [...wrong, ...wrongMidway(site, isSaidToBeNew(round, ends))];
  const is = contentOf(site.out);
  // The exit status of a server or a command is not known here: old or new.
  const states = isSaidToBeNew(round, ends) ? [site.new] : [site.old, site.new];
  return [...wrong, ...closest(states.map((state) => differences(is, state)))];
}

function isIn(code: number | null, codes: readonly number[]): boolean {
  return code !== null && codes.includes(code);
}

/** The shortest list, which is empty if one of them fits. */
function closest(lists: string[][]): string[] {
  return lists.toSorted((a, b) => a.length - b.length)[0] ?? [];
}

/** A receiver killed in its commit: each file is old or new, and no file that both have is missing. */
function wrongMidway({ out, old, new: wanted }: Site, isNew: boolean): string[] {
  const is = contentOf(out);
  if (isNew) return differences(is, wanted);
  const wrong: string[] = [];
  for (const path of new Set([...Object.keys(is), ...Object.keys(old)])) {
    const state = fileOf(is, path);
    const possible = new Set([fileOf(old, path), fileOf(wanted, path)]);
    const both = !possible.has(undefined);
    if (state === undefined ? both : !possible.has(state)) wrong.push(`${path} is ${state}`);
  }
  return wrong;
}

/** The state of a file, without its other names; undefined if there is no file or symlink. */
function fileOf(state: TreeState, path: string): string | undefined {
  const is = state[path];
  return is === undefined || is.startsWith('directory') ? undefined : is.replace(/ = .*/, '');
}

const ASKED = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const;

/** It ends on its own, notifies the other side, and OUT is old; or it had finished before the signal. */
function wrongWhenAsked(site: Site, ends: Ends, round: Round): string[] {
  const { send, receive } = ends;
  const own = ASKED[round.signal as keyof typeof ASKED];
  const wrong: string[] = [];
  // A command that ends by a signal passes the reason on to its sender: the receiver failed.
  const sends = round.side === 'sender' ? [0, own] : [0, 7, 9];
  // The test ends a server, too: the second of two signals ends it at once.
  const isSecond = round.way === 'serve' && receive.signal === round.signal;
  if (!isIn(send.code, sends)) wrong.push(`the sender ended with ${send.code}`);
  const receives = round.side === 'receiver' ? [0, own] : [0, 7, 9];
  if (round.way !== 'command' && !isSecond && !isIn(receive.code, receives)) {
    wrong.push(`the receiver ended with ${receive.code}`);
  }
  const state = isSaidToBeNew(round, ends) ? site.new : site.old;
  return [...wrong, ...differences(contentOf(site.out), state)];
}

/** Nothing is wrong: both succeed. */
function wrongWhenStopped(site: Site, { send, receive }: Ends): string[] {
  const wrong = differences(contentOf(site.out), site.new);
  if (send.code !== 0 || receive.code !== 0) wrong.push('it failed');
  return wrong;
}

/** Continues a process whenever it is stopped: each of its threads may stop it. */
async function continueWhenStopped({ child }: Started, log: string): Promise<void> {
  await until('it has ended, or gone on', () => {
    const id = Number(/^pid (\d+)/m.exec(readLog(log).join('\n'))?.[1]);
    if (isStopped(id)) process.kill(id, 'SIGCONT');
    return hasEnded(child);
  });
}

/** @param id NaN while no process was stopped yet */
function isStopped(id: number): boolean {
  const status = `/proc/${id}/status`;
  return existsSync(status) && /^State:\s+T/m.test(readFileSync(status, 'utf8'));
}

describe.each([
  [['SIGKILL'], 16, wrongWhenKilled],
  [['SIGTERM', 'SIGINT', 'SIGHUP'], 12, wrongWhenAsked],
  [['SIGSTOP'], 4, wrongWhenStopped],
] as const)('%s', (signals, proofs, wrongAfter) => {
  const count = rounds(proofs, 2);

  test(
    `is handled before any of ${count} calls ${SEEDED}`,
    { timeout: 120_000 + count * 5_000 },
    async () => {
      await tryEach(await roundsOf(signals, count), (round) => tryRound(round, wrongAfter));
    },
  );
});
