import {
  appendFileSync,
  chmodSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EntryCounts } from '../../../src/report.ts';
import { makeExoticTree } from '../trees/exotic-tree.ts';
import { withDirectory } from '../trees/temporary-directory.ts';
import {
  copyTree,
  expectedBytes,
  expectedCounts,
  laidOver,
  transfer,
  type Reports,
  type Way,
} from '../wire/both-ways.ts';
import { treeState, type TreeState } from '../trees/tree-state.ts';

export const FILES = 200;
/** Bytes on the wire for an entry that is not sent, and for a transfer that has nothing to do. */
const ENTRY_BYTES = 100;
const NOTHING_BYTES = 8 * 1024;
/** And for an entry that is sent: a header or two. */
const HEADER_BYTES = 2 * 1024;

/** Everything that a transfer has to preserve, and many small files. */
function makeOriginal(root: string, files: number): void {
  makeExoticTree(root);
  mkdirSync(join(root, 'many'));
  for (let i = 0; i < files; i++) writeFileSync(manyFile(root, i), `content of file ${i}\n`);
  for (let i = 0; i < 10; i++) mkdirSync(join(root, 'hollow', String(i)), { recursive: true });
}

export function manyFile(root: string, i: number): string {
  return join(root, 'many', `file-${i}`);
}

export interface Pair {
  directory: string;
  /** What is sent. */
  context: string;
  /** It has what the context had when it was last sent. */
  out: string;
}

export function withPair<T>(use: (pair: Pair) => Promise<T>, files = FILES): Promise<T> {
  return withDirectory((directory) => {
    const context = join(directory, 'context');
    const out = join(directory, 'out');
    makeOriginal(context, files);
    copyTree(context, out);
    return use({ directory, context, out });
  });
}

export interface Result extends Reports {
  before: TreeState;
  context: TreeState;
  after: TreeState;
}

/** Sends, and records both trees before and after. */
export async function resend(
  { directory, context, out }: Pair,
  way: Way,
  { send = [], receive = [] }: { send?: string[]; receive?: string[] } = {},
): Promise<Result> {
  const before = existsSync(out) ? treeState(out) : {};
  const state = treeState(context);
  const reports = await transfer({
    directory,
    way,
    send: [context, ...send],
    receive: [out, ...receive],
  });
  expect(reports.received.counts).toEqual(reports.sent.counts);
  expect(reports.received.bytes).toBe(reports.sent.bytes);
  return { ...reports, before, context: state, after: treeState(out) };
}

/** Only differences were sent, OUT is exact, and the counts match. */
export function expectExact(result: Result, counts: Partial<EntryCounts> = {}): void {
  const { sent, before, context, after } = result;
  expect(after).toEqual(laidOver(before, context));
  expect(sent.counts).toEqual({ ...expectedCounts(before, context), ...counts });
}

export function expectOnlyTheDifference({ sent, before, context }: Result): void {
  const bytes = expectedBytes(before, context);
  expect(sent.bytes).toBe(bytes);
  const entries = Object.keys(context).length * ENTRY_BYTES + sent.entries * HEADER_BYTES;
  expect(sent.wireBytes).toBeLessThan(NOTHING_BYTES + entries + bytes);
}

export interface Change {
  what: string;
  make: (at: (path: string) => string, inOut: (path: string) => string) => void;
  send?: string[];
  receive?: string[];
  /** Counts that the two trees do not show. */
  counts?: Partial<EntryCounts>;
}

/** One kind of change each; they can be combined. */
export const CHANGES: Change[] = [
  {
    what: 'one file of a hundred',
    make: (at) => {
      for (let i = 0; i < FILES; i += 100) appendFileSync(manyFile(at(''), i), 'and more');
    },
  },
  {
    what: 'new files and directories',
    make: (at) => {
      mkdirSync(at('new/sub'), { recursive: true });
      for (let i = 0; i < 50; i++) writeFileSync(at(`new/sub/${i}`), 'x'.repeat(i));
      writeFileSync(at('many/!first'), 'before all others');
      writeFileSync(at('zzz'), 'after all others');
    },
  },
  { what: 'a file that is a directory now', make: (at) => fileToDirectory(at('many/file-7')) },
  { what: 'a directory that is a file now', make: (at) => directoryToFile(at('long')) },
  {
    what: 'a symlink that is a file now',
    make: (at) => {
      unlinkSync(at('links/directory'));
      writeFileSync(at('links/directory'), 'a file');
    },
  },
  {
    what: 'a file that is a symlink now',
    make: (at) => {
      unlinkSync(at('many/file-8'));
      symlinkSync('file-9', at('many/file-8'));
    },
  },
  {
    what: "a symlink's text",
    make: (at) => {
      unlinkSync(at('links/dangling'));
      symlinkSync('still/no/such/thing', at('links/dangling'));
    },
  },
  {
    what: 'only modes',
    make: (at) => {
      chmodSync(at('many/file-1'), 0o751);
      chmodSync(at('many'), 0o1777);
      chmodSync(at('hollow/3'), 0);
    },
  },
  {
    what: 'only times',
    make: (at) => {
      for (const path of ['many/file-1', 'links/dangling', 'names/ ']) onlyMtime(at(path));
    },
  },
  { what: "only a directory's time", make: (at) => onlyMtime(at('many')) },
  { what: "only the root's time and mode", make: (at) => chmodSync(at(''), 0o711) },
  {
    what: 'setuid bits that OUT has',
    make: (_at, inOut) => {
      chmodSync(inOut('many/file-1'), 0o4755);
      chmodSync(inOut('hollow'), 0o2755);
    },
  },
  {
    what: 'names that have gone wrong elsewhere',
    make: (at) => {
      for (const name of ['new\nline', '\xff\xfe\x80', '11 path=fake\n', 'caf\xe9', ' ']) {
        const path = Buffer.from(at(`names/${name}/${name}`), 'latin1');
        writeFileSync(path, 'another content');
        writeFileSync(Buffer.concat([path.subarray(0, -1), Buffer.from('-new\n')]), 'new');
      }
    },
  },
];

export function makeIn({ context, out }: Pair, make: Change['make']): void {
  make(
    (path) => join(context, path),
    (path) => join(out, path),
  );
}

function fileToDirectory(path: string): void {
  unlinkSync(path);
  mkdirSync(path);
  writeFileSync(join(path, 'in it'), 'content');
}

function directoryToFile(path: string): void {
  rmSync(path, { recursive: true });
  writeFileSync(path, 'a file');
}

function onlyMtime(path: string): void {
  lutimesSync(path, 1_234_567_890, 1_234_567_890.25);
}
