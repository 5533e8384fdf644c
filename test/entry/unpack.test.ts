import { describe, expect, test } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';
import { AscendingEntries, EntryTable } from '../../src/entry/earlier-entries.ts';
import { EntryValidator } from '../../src/entry/entry-validator.ts';
import type { Content, EntrySink } from '../../src/entry/entry.ts';
import { TreeReader } from '../../src/entry/tree-reader.ts';
import { unpack } from '../../src/entry/unpack.ts';
import { MemorySource } from '../helpers/trees/archive-io.ts';
import {
  encodeTree,
  encodeTreeRecords,
  END_OF_RECORDS,
  type TreeRecord,
} from '../helpers/wire/independent-records.ts';

interface Unpacked {
  added: { path: string; link: string | undefined; content: string; again: boolean }[];
  done: string[];
  ended: boolean;
}

interface Options {
  name?: string;
  unordered?: boolean;
}

function unpackAll(tree: Uint8Array, { name = '', unordered = false }: Options = {}): Unpacked {
  const seen: Unpacked = { added: [], done: [], ended: false };
  const sink: EntrySink = {
    add: ({ path, link }, content, again) => {
      seen.added.push({ path, link, content: readText(content), again });
    },
    end: () => (seen.ended = true),
  };
  unpack(new TreeReader(new MemorySource(tree, [100]), { unordered }), sink, {
    name,
    validator: validatorFor(unordered),
    takesOmitted: false,
    onEntry: (kind, path) => seen.done.push(`${kind} ${path}`),
  });
  return seen;
}

function validatorFor(unordered: boolean): EntryValidator {
  const earlier = unordered ? new EntryTable() : new AscendingEntries();
  return new EntryValidator(Budget.create({ maxEntries: 100, maxBytes: 10_000 }), earlier);
}

function readText(content: Content): string {
  let text = '';
  for (let bytes = content.content(); bytes.length > 0; bytes = content.content()) {
    text += Buffer.from(bytes).toString('latin1');
    content.consumed(bytes.length);
  }
  return text;
}

const TREE: TreeRecord[] = [
  { kind: 'file', path: 'a', content: 'x'.repeat(700), linked: true },
  { kind: 'hardlink', path: 'b', link: 'a' },
  { kind: 'symlink', path: 'c', link: 'a' },
  { kind: 'directory', path: 'd' },
  { kind: 'file', path: 'd/e' },
];

test('the sink gets the entries in order, with their content, and then the end', () => {
  const { added, done, ended } = unpackAll(encodeTree(TREE));
  expect(added.map(({ path, content }) => [path, content.length])).toEqual([
    ['', 0],
    ['a', 700],
    ['b', 0],
    ['c', 0],
    ['d', 0],
    ['d/e', 0],
  ]);
  // The context's own root does not count as an entry.
  expect(done).toEqual(['file a', 'hardlink b', 'symlink c', 'directory d', 'file d/e']);
  expect(ended).toBe(true);
});

test('in a context with a name, paths and hardlinks lie beneath it, and symlinks stay unchanged', () => {
  for (const unordered of [false, true]) {
    const { added, done } = unpackAll(encodeTree(TREE), { name: 'web', unordered });
    expect(added.map(({ path, link }) => [path, link])).toEqual([
      ['web', undefined],
      ['web/a', undefined],
      ['web/b', 'web/a'],
      ['web/c', 'a'],
      ['web/d', undefined],
      ['web/d/e', undefined],
    ]);
    expect(done[0]).toBe('file a');
  }
});

describe('unpacking refuses', () => {
  test.each<[what: string, records: TreeRecord[], code: string, unorderedCode: string | undefined]>(
    [
      ['an entry twice', [TREE[0]!, TREE[0]!], 'corrupt', undefined],
      [
        'an entry that is another kind later',
        [TREE[0]!, { kind: 'directory', path: 'a' }],
        'corrupt',
        'unsafe-entry',
      ],
      ['an entry out of order', [TREE[3]!, TREE[0]!], 'corrupt', undefined],
      ['an entry in no directory', [{ kind: 'file', path: 'x/y' }], 'unsafe-entry', 'unsafe-entry'],
      [
        'an entry in a file',
        [TREE[0]!, { kind: 'file', path: 'a/x' }],
        'unsafe-entry',
        'unsafe-entry',
      ],
      [
        'a hardlink to what comes later',
        [{ kind: 'hardlink', path: 'A', link: 'a' }, TREE[0]!],
        'unsafe-entry',
        'unsafe-entry',
      ],
      [
        'a hardlink to a directory',
        [TREE[3]!, { kind: 'hardlink', path: 'e', link: 'd' }],
        'unsafe-entry',
        'unsafe-entry',
      ],
      [
        'a hardlink to what is said to have one name',
        [{ kind: 'file', path: 'a' }, TREE[1]!],
        'unsafe-entry',
        undefined,
      ],
      ['a way out', [{ kind: 'file', path: '../x' }], 'unsafe-entry', 'unsafe-entry'],
      ['an absolute path', [{ kind: 'file', path: '/x' }], 'unsafe-entry', 'unsafe-entry'],
    ],
  )('%s', (_, records, code, unorderedCode) => {
    for (const name of ['', 'web']) {
      expect(() => unpackAll(encodeTree(records), { name })).toThrow(
        expect.objectContaining({ code }),
      );
      const anyOrder = () => unpackAll(encodeTree(records), { name, unordered: true });
      if (unorderedCode === undefined) expect(anyOrder().ended).toBe(true);
      else expect(anyOrder).toThrow(expect.objectContaining({ code: unorderedCode }));
    }
  });

  test('a root that is not a directory, even with a name', () => {
    const tree = Buffer.concat([encodeTreeRecords([{ kind: 'file', path: '' }]), END_OF_RECORDS]);
    for (const name of ['', 'web']) {
      expect(() => unpackAll(tree, { name })).toThrow(
        expect.objectContaining({
          code: 'unsafe-entry',
          message: 'refused ./: the root is a file',
        }),
      );
    }
  });
});

test('the sink is notified of a path that comes again in an unordered stream', () => {
  const twice: TreeRecord[] = ['old', 'new'].map((content) => ({
    kind: 'file',
    path: 'a',
    content,
  }));
  const { added } = unpackAll(encodeTree(twice), { unordered: true });
  expect(added.slice(1).map(({ content, again }) => [content, again])).toEqual([
    ['old', false],
    ['new', true],
  ]);
});

test('a sink that leaves content unread causes an internal error', () => {
  const sink: EntrySink = { add: () => {}, end: () => {} };
  const tree = new TreeReader(new MemorySource(encodeTree(TREE)), { unordered: false });
  const options = { name: '', validator: validatorFor(false), takesOmitted: false };
  expect(() => unpack(tree, sink, { ...options, onEntry: () => {} })).toThrow(
    expect.objectContaining({ code: 'internal' }),
  );
});
