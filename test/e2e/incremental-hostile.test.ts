import { describe, expect, test } from 'vitest';
import type { Entry, ManifestEntry } from '../../src/entry/entry.ts';
import { socketOf, startReceiver } from '../helpers/cli/duplex.ts';
import { fakeSender, type Story } from '../helpers/wire/fake-sender.ts';
import { treeOf } from '../helpers/wire/hand-made.ts';
import { manifestBytes } from '../helpers/cli/incremental.ts';
import {
  expectFailure,
  expectUntouched,
  withScene,
  type Ended,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';

// What a peer declares and asks for cannot be trusted.

const STAMP = 0x0badcafe;

function manifestOf(entries: readonly (Partial<ManifestEntry> & { path: string })[]): Uint8Array {
  const directory = {
    kind: 'directory',
    mode: 0o755,
    mtimeUs: 1e15,
    size: 0,
    stamp: STAMP,
  } as const;
  const listed = entries.map((entry) => {
    const kind = entry.kind ?? 'file';
    return { ...directory, mode: 0o644, kind, size: kind === 'file' ? 4 : 0, ...entry };
  });
  return manifestBytes([{ ...directory, path: '' }, ...listed]);
}

describe('a receiver that compares a stream with its declarations', () => {
  interface Lie {
    declared: readonly (Partial<ManifestEntry> & { path: string })[];
    /** Undefined: it sends no tree. */
    sent?: readonly (Partial<Entry> & { path: string })[];
    receive?: readonly string[];
  }

  const AB = [{ path: 'a.txt' }, { path: 'b.txt' }];

  async function tell(
    sandbox: Sandbox,
    story: Story,
    receive: readonly string[] = [],
  ): Promise<Ended> {
    const socket = socketOf(sandbox);
    const receiver = await startReceiver(socket, [sandbox.out, ...receive]);
    await fakeSender(socket, story);
    return receiver.done;
  }

  function lie({ declared, sent }: Lie): Story {
    const trees = sent === undefined ? [] : [{ name: '', bytes: treeOf(sent) }];
    return { manifests: [{ name: '', bytes: manifestOf(declared) }], trees };
  }

  test('accepts what was declared, so the fake is as good as a real sender', () =>
    withScene(async (sandbox) => {
      const receive = await tell(sandbox, lie({ declared: AB, sent: AB }));
      expect(receive).toMatchObject({ code: 0 });
    }));

  test.each<[what: string, lie: Lie]>([
    ['fewer', { declared: AB, sent: [{ path: 'a.txt' }] }],
    ['none', { declared: AB, sent: [] }],
    ['not even a tree', { declared: AB }],
    ['more', { declared: AB, sent: [...AB, { path: 'c.txt' }] }],
    ['another one', { declared: AB, sent: [{ path: 'a.txt' }, { path: 'c.txt' }] }],
    ['one of them twice', { declared: AB, sent: [{ path: 'a.txt' }, { path: 'a.txt' }] }],
  ])('refuses entries other than declared: %s', (_, what) =>
    withScene(async (sandbox) => {
      expectFailure(await tell(sandbox, lie(what)), 6);
      expectUntouched(sandbox);
    }),
  );

  const HONEST = lie({ declared: AB, sent: AB });
  const OTHER_TREE = treeOf([{ path: 'c.txt' }]);

  test.each<[what: string, story: Story]>([
    [
      'a second tree of the same context',
      { ...HONEST, trees: [...HONEST.trees, { name: '', bytes: OTHER_TREE }] },
    ],
    ['not a context that HELLO names', { ...HONEST, hello: { contexts: ['', 'docs'] } }],
    [
      'a tree of a context that HELLO does not name',
      { ...HONEST, trees: [...HONEST.trees, { name: 'other', bytes: OTHER_TREE }] },
    ],
    [
      'a second manifest of the same context',
      {
        ...HONEST,
        hello: { contexts: [''] },
        manifests: [...HONEST.manifests, ...HONEST.manifests],
      },
    ],
    [
      'a manifest of a context that HELLO does not name',
      { ...HONEST, hello: { contexts: ['other'] } },
    ],
  ])('refuses streams other than declared: %s', (_, story) =>
    withScene(async (sandbox) => {
      expectFailure(await tell(sandbox, story), 6);
      expectUntouched(sandbox);
    }),
  );

  test.each<[what: string, lie: Lie]>([
    [
      'content that the receiver is to have',
      { declared: AB, sent: [{ path: 'a.txt', contentOmitted: true }] },
    ],
    ['a path out of OUT', { declared: AB, sent: [{ path: '../a.txt' }, { path: 'b.txt' }] }],
    ['an absolute path', { declared: AB, sent: [{ path: '/tmp/a.txt' }, { path: 'b.txt' }] }],
  ])('refuses a tree with %s', (_, what) =>
    withScene(async (sandbox) => {
      expectFailure(await tell(sandbox, lie(what)), 5, 'refused');
      expectUntouched(sandbox);
    }),
  );

  test.each<[what: string, lie: Lie, words: string]>([
    [
      'more entries in its manifest than --max-entries',
      { declared: AB, sent: [], receive: ['--max-entries=2'] },
      '--max-entries',
    ],
    [
      'more bytes in its manifest than --max-bytes',
      { declared: [{ path: 'big', size: 10_001 }], sent: [], receive: ['--max-bytes=10kB'] },
      '--max-bytes',
    ],
    [
      'more bytes in its tree than it declared and --max-bytes has',
      { declared: [{ path: 'a' }], sent: [{ path: 'a', size: 9 }], receive: ['--max-bytes=8'] },
      '--max-bytes',
    ],
    [
      'more entries in its tree than it declared and --max-entries has',
      { declared: [{ path: 'a' }], sent: AB, receive: ['--max-entries=2'] },
      '--max-entries',
    ],
  ])('refuses %s', (_, what, words) =>
    withScene(async (sandbox) => {
      expectFailure(await tell(sandbox, lie(what), what.receive), 5, words);
      expectUntouched(sandbox);
    }),
  );

  test.each<[what: string, declared: Lie['declared']]>([
    ['a way out', [{ path: '../x' }]],
    ['an absolute path', [{ path: '/etc/passwd' }]],
    ['a work name', [{ path: '.ctxsync-lock' }]],
    ['no directory for an entry', [{ path: 'no/file' }]],
    ['a file as a directory', [{ path: 'a.txt' }, { path: 'a.txt/x' }]],
    ['a symlink as a directory', [{ path: 'l', kind: 'symlink', link: '..' }, { path: 'l/x' }]],
    ['a hardlink to the outside', [{ path: 'x', kind: 'hardlink', link: '../../etc/passwd' }]],
    ['a hardlink to what is not in it', [{ path: 'x', kind: 'hardlink', link: 'kept.txt' }]],
    ['a name that is too long', [{ path: 'x'.repeat(256) }]],
  ])('refuses a manifest that has %s', (_, declared) =>
    withScene(async (sandbox) => {
      expectFailure(await tell(sandbox, lie({ declared, sent: [] })), 5, 'refused');
      expectUntouched(sandbox);
    }),
  );

  test.each<[what: string, bytes: Uint8Array]>([
    ['no manifest', Buffer.from('what?\0')],
    ['half a manifest', manifestOf(AB).subarray(0, -3)],
    ['a manifest out of order', manifestOf(AB.toReversed())],
    ['an entry twice', manifestOf([{ path: 'a.txt' }, { path: 'a.txt' }])],
    ['a record that never ends', Buffer.alloc(20_000, 'f')],
    ['a path that goes on from nothing', Buffer.from('f644 0 4 9 0badcafe\0x\0')],
  ])('refuses a malformed manifest: %s', (_, bytes) =>
    withScene(async (sandbox) => {
      const story = { manifests: [{ name: '', bytes }], trees: [] };
      expectFailure(await tell(sandbox, story), 6);
      expectUntouched(sandbox);
    }),
  );
});
