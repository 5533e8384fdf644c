import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import {
  connectSocket,
  listenOnce,
  receive,
  send,
  type Context,
  type EntriesContext,
  type GivenEntry,
  type TransferEvent,
  type TransferReport,
} from 'ctxsync';
import { expect, test } from 'vitest';
import { expectUntouched, withScene, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// Contexts that a program has in memory or generates, with the built package.

type Entries = EntriesContext['entries'];

async function sendInto(out: string, contexts: Context[]): Promise<TransferReport> {
  const pipe = new PassThrough();
  const [sent, received] = await Promise.allSettled([
    send({ contexts, to: pipe }),
    receive({ from: pipe, to: { directory: out } }),
  ]);
  if (sent.status === 'rejected') throw sent.reason as Error;
  if (received.status === 'rejected') throw received.reason as Error;
  return sent.value;
}

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    await new Promise((resolve) => setImmediate(resolve));
    yield Buffer.from(text);
  }
}

test('entries of every kind arrive with their content, modes and times, whatever the order', () =>
  withScene(async ({ out }) => {
    rmSync(out, { recursive: true });
    const since = Date.now();
    const entries: GivenEntry[] = [
      { path: 'web/img/logo.svg', content: '<svg>é</svg>', mtime: new Date(1_500_000_000_123.5) },
      { path: 'Dockerfile', content: Buffer.from('FROM scratch\n'), mode: 0o600, mtime: 1e12 },
      { kind: 'symlink', path: 'link', target: 'web/img' },
      { path: 'bin/run', content: pieces('#!/bin/sh\n', '', 'true\n'), size: 15, mode: 0o755 },
      { path: 'stream', content: Readable.from([Buffer.from('ab'), Buffer.from('c')]), size: 3 },
      { path: 'blob', content: new Blob(['blob']).stream(), size: 4 },
      { kind: 'directory', path: 'empty', mode: 0o700 },
      { kind: 'directory', path: 'bin', mode: 0o711, mtime: 1e12 },
      { path: 'nothing', content: '' },
    ];
    const report = await sendInto(out, [{ entries }]);
    expect(report).toMatchObject({ result: 'done', entries: 12 });
    const read = (path: string): string => readFileSync(join(out, path), 'utf8');
    expect(
      ['web/img/logo.svg', 'Dockerfile', 'bin/run', 'stream', 'blob', 'nothing'].map(read),
    ).toEqual(['<svg>é</svg>', 'FROM scratch\n', '#!/bin/sh\ntrue\n', 'abc', 'blob', '']);
    expect(readlinkSync(join(out, 'link'))).toBe('web/img');
    const mode = (path: string): number => lstatSync(join(out, path)).mode & 0o7777;
    expect(['Dockerfile', 'bin/run', 'empty', 'bin', 'web', 'nothing'].map(mode)).toEqual([
      0o600, 0o755, 0o700, 0o711, 0o755, 0o644,
    ]);
    // Times are kept to the microsecond; Node 24 shows what is below that, too.
    const time = (path: string): number => Math.floor(lstatSync(join(out, path)).mtimeMs);
    expect([time('Dockerfile'), time('bin')]).toEqual([1e12, 1e12]);
    expect(time('web/img/logo.svg')).toBeCloseTo(1_500_000_000_123, 0);
    expect(time('nothing')).toBeGreaterThanOrEqual(since);
  }));

test('a generator may filter, and its context may have a name', () =>
  withScene(async ({ out }) => {
    const keep = (path: string): boolean => !path.endsWith('3');
    async function* generate(): AsyncGenerator<GivenEntry> {
      for (let at = 0; at < 40; at++) {
        const path = `d${at % 4}/f${at}`;
        if (keep(path)) yield { path, content: path };
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const report = await sendInto(out, [{ name: 'made', entries: generate() }]);
    expect(report).toMatchObject({ entries: 40 });
    const files = Object.keys(treeState(join(out, 'made'))).filter((path) => path.includes('/'));
    expect(files).toHaveLength(36);
    expect(files).not.toContain('d3/f3');
  }));

test('a generator is asked for no more than there is room for', () =>
  withScene(async () => {
    let pulled = 0;
    function* generate(): Generator<GivenEntry> {
      const content = Buffer.alloc(1024 * 1024);
      for (pulled = 0; pulled < 100; pulled++) yield { path: `f${pulled}`, content };
    }
    const controller = new AbortController();
    let isStalled = false;
    const sending = send({
      contexts: [{ entries: generate() }],
      to: new Writable({ write: () => {} }),
      stallAfterMs: 1_000,
      signal: controller.signal,
      onEvent: ({ type }) => (isStalled ||= type === 'stall' && pulled >= 6),
    });
    sending.catch(() => {});
    await until('it stalls', () => isStalled);
    controller.abort();
    await expect(sending).rejects.toMatchObject({ code: 'interrupted' });
    // Two rings of 4 MiB, and what is on its way between them.
    expect(pulled).toBeGreaterThan(4);
    expect(pulled).toBeLessThan(12);
  }));

test('the later of two entries with the same path wins', () =>
  withScene(async ({ out }) => {
    const entries = ['base', 'overlay'].map((content) => ({ path: 'etc/config', content }));
    await sendInto(out, [{ entries }]);
    expect(readFileSync(join(out, 'etc/config'), 'utf8')).toBe('overlay');
  }));

test('beside a directory, which is still compared, entries are sent over a socket', () =>
  withScene(async ({ directory, context, out }) => {
    const transfer = async (text: string): Promise<TransferReport> => {
      const socket = join(directory, 'socket');
      const contexts: Context[] = [
        { name: 'web', directory: context },
        { name: 'docker', entries: [{ path: 'Dockerfile', content: text }] },
      ];
      const [sent] = await Promise.all([
        connectSocket(socket).then((to) => send({ contexts, to })),
        listenOnce(socket).then((from) => receive({ from, to: { directory: out, delete: true } })),
      ]);
      return sent;
    };
    await transfer('FROM a');
    const again = await transfer('FROM b');
    expect(again.contexts).toMatchObject([
      { name: 'web', entries: 0 },
      { name: 'docker', entries: 1 },
    ]);
    expect(again.counts).toMatchObject({ written: 1, removed: 0 });
    expect(treeState(join(out, 'web'))).toEqual(treeState(context));
    expect(readFileSync(join(out, 'docker/Dockerfile'), 'utf8')).toBe('FROM b');
  }));

test.each<[what: string, entries: unknown, code: string, message: string]>([
  ['no path', [{ content: '' }], 'usage', 'entries: an entry has no path'],
  ['nothing', [undefined], 'usage', 'entries: an entry has no path'],
  ['an unknown kind', [{ path: 'a', kind: 'fifo' }], 'usage', 'entries: a: its kind is "fifo"'],
  ['no content', [{ path: 'a' }], 'usage', 'entries: a: its content is neither text'],
  ['no size', [{ path: 'a', content: pieces('a') }], 'usage', 'the size of its content is missing'],
  ['a wrong size', [{ path: 'a', content: 'abc', size: 2 }], 'usage', 'its size is 2, and its'],
  ['setuid', [{ path: 'a', content: '', mode: 0o4755 }], 'usage', 'its mode is 0o4755'],
  ['no time', [{ path: 'a', content: '', mtime: new Date(NaN) }], 'usage', 'its mtime is'],
  ['a link to nothing', [{ path: 'a', kind: 'symlink' }], 'usage', 'its target is missing'],
  [
    'a long link',
    [{ path: 'a', kind: 'symlink', target: 'x'.repeat(5_000) }],
    'usage',
    '5000 bytes',
  ],
  [
    'an empty link',
    [{ path: 'a', kind: 'symlink', target: '' }],
    'unsafe-entry',
    'links to nothing',
  ],
  [
    'an absolute path',
    [{ path: '/a', content: '' }],
    'unsafe-entry',
    'refused /a: it is an absolute',
  ],
  ['a way out', [{ path: 'a/../b', content: '' }], 'unsafe-entry', 'its path contains ".."'],
  ['a dot', [{ path: './a', content: '' }], 'unsafe-entry', 'contains an empty name'],
  ['our own name', [{ path: '.ctxsync-lock', content: '' }], 'unsafe-entry', 'work name'],
  ['a long path', [{ path: 'x/'.repeat(2_000) + 'x', content: '' }], 'unsafe-entry', '4001 bytes'],
  [
    'a file with entries',
    [
      { path: 'a', content: '' },
      { path: 'a/b', content: '' },
    ],
    'unsafe-entry',
    'refused a: it comes twice, as a file and as a directory',
  ],
  [
    'less than its size',
    [{ path: 'a', content: pieces('ab'), size: 3 }],
    'source-unreadable',
    '2 bytes',
  ],
  [
    'more than its size',
    [{ path: 'a', content: pieces('ab'), size: 1 }],
    'source-unreadable',
    'more',
  ],
  [
    'text in pieces',
    [{ path: 'a', content: ['a'], size: 1 }],
    'source-unreadable',
    'no Uint8Array',
  ],
])('entries with %s are refused, and OUT is untouched', (_, entries, code, message) =>
  withScene(async (sandbox) => {
    const sending = sendInto(sandbox.out, [{ entries: entries as Entries }]);
    await expect(sending).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      report: { result: 'failed', side: 'sender' },
    });
    expectUntouched(sandbox);
  }),
);

test('what a generator or a content throws is the cause of the failure', () =>
  withScene(async (sandbox) => {
    const cause = new Error('no database');
    async function* failing<T>(first: T): AsyncGenerator<T> {
      yield first;
      throw cause;
    }
    const entry = { path: 'a', content: 'a' };
    await expect(sendInto(sandbox.out, [{ entries: failing(entry) }])).rejects.toMatchObject({
      code: 'source-unreadable',
      message: 'cannot read the entries: no database',
      cause,
    });
    const content = failing(Buffer.from('a'));
    const entries = [{ path: 'a', content, size: 2 }];
    await expect(sendInto(sandbox.out, [{ entries }])).rejects.toMatchObject({
      code: 'source-unreadable',
      message: 'cannot read a: no database',
      path: 'a',
      cause,
    });
    expectUntouched(sandbox);
  }));

test('a generator that hangs is named as the cause of a stall, and does not outlive an abort', () =>
  withScene(async (sandbox) => {
    let isClosed = false;
    const hanging: AsyncIterable<GivenEntry> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          isClosed = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const events: TransferEvent[] = [];
    const controller = new AbortController();
    const pipe = new PassThrough();
    const receiving = receive({ from: pipe, to: { directory: sandbox.out } }).catch(() => {});
    const sending = send({
      contexts: [{ entries: hanging }],
      to: pipe,
      stallAfterMs: 300,
      signal: controller.signal,
      onEvent: (event) => events.push(event),
    });
    sending.catch(() => {});
    const stalled = (): TransferEvent | undefined => events.find(({ type }) => type === 'stall');
    await until('it stalls', () => stalled() !== undefined);
    expect(stalled()).toMatchObject({
      verdict: {
        side: 'sender',
        cause: 'input-silent',
        text: expect.stringContaining('sender is waiting for the entries of the program'),
      },
    });
    controller.abort();
    await expect(sending).rejects.toMatchObject({ code: 'interrupted' });
    await receiving;
    expectUntouched(sandbox);
    expect(isClosed).toBe(true);
  }));

test('entries in memory can be sent again, and generated ones cannot', async () => {
  const to = (): never => {
    throw new Error('no route');
  };
  const memory: GivenEntry[] = [{ path: 'a', content: 'a' }];
  const retry = (entries: Entries): Promise<TransferReport> =>
    send({ contexts: [{ entries }], to, retries: 1 });
  await expect(retry(memory)).rejects.toMatchObject({ code: 'no-peer', report: { tries: 2 } });
  const streamed = [{ path: 'a', content: pieces('a'), size: 1 }];
  for (const entries of [memory.values(), streamed]) {
    await expect(retry(entries)).rejects.toMatchObject({
      code: 'usage',
      message: 'generated entries can be read only once, and cannot be sent again',
    });
  }
});

test('a directory with its own mode in entries keeps what is in OUT', () =>
  withScene(async ({ out }) => {
    mkdirSync(join(out, 'kept'));
    chmodSync(join(out, 'kept'), 0o700);
    writeTree(out, { 'kept/own.txt': 'own' });
    await sendInto(out, [{ entries: [{ kind: 'directory', path: 'kept', mode: 0o750 }] }]);
    expect(readFileSync(join(out, 'kept/own.txt'), 'utf8')).toBe('own');
    expect(lstatSync(join(out, 'kept')).mode & 0o777).toBe(0o750);
  }));
