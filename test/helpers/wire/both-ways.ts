import { spawnSync, type SpawnOptions } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EntryCounts, TransferReport } from '../../../src/report.ts';
import { run, type Outcome } from '../cli/cli.ts';
import { bothEnds, receiveCommand, socketOf, startOverSocket } from '../cli/duplex.ts';
import { expectDone } from '../cli/expect-done.ts';
import type { Ended } from '../trees/sandbox.ts';
import type { TreeState } from '../trees/tree-state.ts';

/** The transports on which both sides send. */
export const WAYS = ['a socket', 'a command'] as const;
export type Way = (typeof WAYS)[number];

export interface Reports {
  sent: TransferReport;
  received: TransferReport;
}

export interface Attempt {
  /** Where the socket and reports are created. */
  directory: string;
  way?: Way;
  send: readonly string[];
  receive: readonly string[];
  /** For the processes of both sides. */
  options?: SpawnOptions;
}

/** Runs both sides to completion. The stderr of a receiver that is a command comes through its sender. */
export async function attempt({
  directory,
  way = 'a socket',
  send,
  receive,
  options = {},
}: Attempt): Promise<{ send: Outcome; receive: Ended }> {
  if (way === 'a command') {
    const outcome = await run(['send', ...send, ...receiveCommand(...receive)], options);
    return { send: outcome, receive: { code: outcome.code, stderr: outcome.stderr } };
  }
  const socket = socketOf({ directory });
  rmSync(socket, { force: true });
  if (options.uid === undefined) {
    return bothEnds(await startOverSocket({ socket }, send, receive));
  }
  const receiving = run(['receive', ...receive, '--socket', socket], options);
  const sent = await run(['send', ...send, '--socket', socket], options);
  return { send: sent, receive: await receiving };
}

/** Both sides succeed; returns what they report. */
export async function transfer(what: Attempt): Promise<Reports> {
  const log = (side: string): string => join(what.directory, `${side}.json`);
  const send = ['--report', log('send'), ...what.send];
  const receive = ['--report', log('receive'), ...what.receive];
  expectDone(await attempt({ ...what, send, receive }));
  return { sent: readReport(log('send')), received: readReport(log('receive')) };
}

function readReport(path: string): TransferReport {
  return JSON.parse(readFileSync(path, 'utf8')) as TransferReport;
}

/** A copy with all modes, times, hardlinks and symlinks: what a transfer would make. */
export function copyTree(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', '--', from, to]);
  if (status !== 0) throw new Error(`cp: ${String(stderr)}`);
}

/** What a comparison of two trees should find, from the state of their entries. Not for hardlinks. */
export function expectedCounts(before: TreeState, context: TreeState): EntryCounts {
  const counts = { written: 0, reused: 0, metadataOnly: 0, unchanged: 0, removed: 0 };
  for (const [path, state] of entriesOf(context)) {
    const was = before[path];
    if (was === state) counts.unchanged += 1;
    else counts[hasSameContent(was, state) ? 'metadataOnly' : 'written'] += 1;
  }
  return counts;
}

/** Bytes of the files whose content differs. */
export function expectedBytes(before: TreeState, context: TreeState): number {
  return entriesOf(context)
    .filter(([path, state]) => !hasSameContent(before[path], state) && isFirstName(path, state))
    .reduce((sum, [, state]) => sum + sizeOf(state), 0);
}

/** OUT after the context is laid over it. */
export function laidOver(before: TreeState, context: TreeState): TreeState {
  const replaced = (path: string): boolean =>
    parents(path).some((parent) => context[parent]?.startsWith('directory') === false);
  const kept = Object.entries(before).filter(([path]) => !replaced(path));
  return { ...Object.fromEntries(kept), ...context };
}

function entriesOf(state: TreeState): [path: string, state: string][] {
  return Object.entries(state).filter(([path]) => path !== '');
}

/** Only mode and time may differ. */
function hasSameContent(was: string | undefined, state: string): boolean {
  return was !== undefined && withoutMetadata(was) === withoutMetadata(state);
}

function withoutMetadata(state: string): string {
  return state.replace(/^(file|directory) \d+ -?\d+|^symlink -?\d+/, '$1');
}

function isFirstName(path: string, state: string): boolean {
  const [, first = path] = / = ([^]*)$/.exec(state) ?? [];
  return first === path;
}

function sizeOf(state: string): number {
  const [, size = '0'] = /^file \d+ -?\d+ (\d+) /.exec(state) ?? [];
  return Number(size);
}

function parents(path: string): string[] {
  const names = path.split('/');
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join('/'));
}
