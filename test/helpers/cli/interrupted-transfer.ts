import { existsSync, lstatSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { transfer } from '../wire/both-ways.ts';
import { cuttingRelay, type CuttingRelay } from './cutting-relay.ts';
import { startInTest } from './cli.ts';
import { bothEnds, socketOf, type BothSides } from './duplex.ts';
import { withDirectory } from '../trees/temporary-directory.ts';
import { expectFailure, isStageName, workNames, writeTree, type Ended } from '../trees/sandbox.ts';
import { treeState, type TreeState } from '../trees/tree-state.ts';
import { until } from '../until.ts';

export const FILES = 40;
export const FILE_BYTES = 64 * 1024;
export const ALL_BYTES = FILES * FILE_BYTES;
/** A cut here comes after the tenth file, and before the last ones. */
const MIDDLE_BYTES = 1024 * 1024;
export const SEEN_IN_MIDDLE = 10;

export interface Site {
  directory: string;
  context: string;
  out: string;
  /** The entries that OUT had before. */
  own: TreeState;
}

export function withSite<T>(use: (site: Site) => Promise<T>): Promise<T> {
  return withDirectory((directory) => {
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    const files = Array.from({ length: FILES }, (_, i) => [file(i), contentOf(i)] as const);
    writeTree(context, Object.fromEntries(files));
    writeTree(out, { 'kept.txt': 'kept', 'data/own.txt': 'own' });
    return use({ directory, context, out, own: ownOf(out) });
  });
}

export function file(i: number): string {
  return `data/f${String(i).padStart(2, '0')}`;
}

export function contentOf(i: number, seed = 1): Buffer {
  return Buffer.alloc(FILE_BYTES, `${seed}: this is file ${i}, `);
}

/** What is in OUT, without the work files of receivers and its own time. */
export function ownOf(out: string): TreeState {
  const entries = Object.entries(treeState(out, { root: false }));
  return Object.fromEntries(entries.filter(([path]) => !path.startsWith('.ctxsync-')));
}

export function stagesOf(out: string): string[] {
  return (existsSync(out) ? readdirSync(out) : []).filter(isStageName);
}

/** Files that are complete in a stage: their sizes and times are those of the context. */
export function wholeFiles({ context, out }: Site, stage = stagesOf(out)[0]!): string[] {
  const tree = join(out, stage, 'tree');
  return Array.from({ length: FILES }, (_, i) => file(i)).filter((path) => {
    const there = lstatSync(join(tree, path), { throwIfNoEntry: false });
    const wanted = lstatSync(join(context, path));
    const same = there?.isFile() === true && there.size === wanted.size;
    return same && Math.abs(there.mtimeMs - wanted.mtimeMs) < 0.01;
  });
}

export interface Break {
  /** What is sent instead of the site's unnamed context. */
  context?: string;
  after?: CuttingRelay['after'];
  /** Awaited before the connection is cut. */
  ready?: (sides: BothSides) => Promise<void>;
  receiveArgs?: string[];
}

/** Sends over a connection that is cut. */
export async function breakOff(
  site: Site,
  { context = site.context, after = MIDDLE_BYTES, ready, receiveArgs = [] }: Break = {},
): Promise<{ send: Ended; receive: Ended }> {
  const { out } = site;
  const to = socketOf(site);
  const path = `${to}-relay`;
  rmSync(to, { force: true });
  const old = new Set(stagesOf(out));
  const receiver = startInTest(['receive', out, '--socket', to, ...receiveArgs]);
  await cuttingRelay({
    path,
    to,
    after,
    ready: () => ready?.({ sender, receiver }) ?? appears(out, old),
  });
  // Where it is cut is counted in bytes, of which a busy machine would send fewer by compressing them.
  const sender = startInTest(['send', context, '--socket', path, '--compress', 'none']);
  return bothEnds({ sender, receiver });
}

export async function breakInMiddle(site: Site): Promise<void> {
  const { send, receive } = await breakOff(site);
  expectFailure(receive, 7, 'what arrived is kept', 'the next send resumes from there');
  expectFailure(send, 7);
  expect(ownOf(site.out)).toEqual(site.own);
  expect(workNames(site.out)).toEqual(stagesOf(site.out));
}

/** Sends, and expects OUT to be exact: its own entries and the context. @returns bytes sent */
export async function finish(site: Site, context = site.context): Promise<number> {
  const { directory, out } = site;
  const { sent } = await transfer({ directory, send: [context], receive: [out] });
  expectFinished(site, context);
  expect(sent.wireBytes).toBeLessThan(sent.bytes + FILES * 2_048 + 16_384);
  return sent.bytes;
}

export function expectFinished({ out, own }: Site, context: string): void {
  expect(treeState(out)).toEqual({ ...own, ...treeState(context) });
  expect(workNames(out)).toEqual([]);
}

/** Waits until the middle has arrived in a stage that is not one of the old ones. */
export function appears(out: string, old: ReadonlySet<string> = new Set()): Promise<void> {
  return until('the middle has arrived', () => {
    const stage = stagesOf(out).find((name) => !old.has(name));
    return stage !== undefined && existsSync(join(out, stage, 'tree', file(SEEN_IN_MIDDLE)));
  });
}

/** The stage of a transfer that was cut, and a file that is complete in it. */
export async function withStage(use: (site: Site, tree: string, whole: number) => Promise<void>) {
  await withSite(async (site) => {
    await breakInMiddle(site);
    const [stage] = stagesOf(site.out);
    await use(site, join(site.out, stage!, 'tree'), wholeFiles(site).length);
  });
}

/** Copies the time, with microseconds. */
export function takeTime(from: string, to: string): void {
  const us = statSync(from, { bigint: true }).mtimeNs / 1_000n;
  const seconds = `${us / 1_000_000n}.${String(us % 1_000_000n).padStart(6, '0')}5`;
  utimesSync(to, seconds, seconds);
}
