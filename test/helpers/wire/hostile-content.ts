import fc from 'fast-check';
import {
  encodeManifest,
  encodeTree,
  encodeTreeRecords,
  encodeWants,
  END_OF_RECORDS,
  type ManifestRecord,
  type RecordKind,
  type TreeRecord,
  type WantRecord,
} from './independent-records.ts';

/** Contents of the streams in hostile sessions: mostly almost right. */

/** Bytes of a stream of this kind, valid or not. */
export function contentOf(kind: string): fc.Arbitrary<Buffer> {
  if (kind === 'manifest') return damaged(manifest);
  if (kind === 'want') return damaged(wants);
  return damaged(tree);
}

/** Mostly unchanged; or cut, with extra bytes inside, or with one byte changed. */
function damaged(content: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const noise = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof(
    { weight: 12, arbitrary: content },
    { weight: 1, arbitrary: noise },
    {
      weight: 1,
      arbitrary: fc
        .tuple(content, fc.double({ min: 0, max: 1, noNaN: true }))
        .map(([bytes, share]) => bytes.subarray(0, Math.floor(bytes.length * share))),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(content, fc.double({ min: 0, max: 1, noNaN: true }), noise)
        .map(([bytes, share, more]) => {
          const at = Math.floor(bytes.length * share);
          return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
        }),
    },
  );
}

/** Few names, so that entries collide. */
const COMMON = ['a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'l', 'l/a'];
const HOSTILE = [
  '',
  '.',
  '..',
  '../canary/file',
  '../../canary/file',
  'd/..',
  'd/../../canary/file',
  'd/e/../../../x',
  '/canary',
  '//canary',
  '/',
  './a',
  'd//a',
  'd/./a',
  'd/',
  'a/b',
  'a\0b',
  '\0',
  'd\\a',
  'A',
  'a ',
  'a.',
  'a\n',
  '\u001b[2J',
  '\xff\xfe',
  '\xc3\xa9',
  'n'.repeat(255),
  'n'.repeat(256),
  'd/'.repeat(1_023) + 'a',
  'd/'.repeat(1_025) + 'a',
  `d/${'n'.repeat(200)}/`.repeat(20),
  '.ctxsync-lock',
  '.ctxsync-0123456789abcdef',
  '.ctxsync-lock-0123456789abcdef',
  'd/.ctxsync-lock',
  'd/.ctxsync-0123456789abcdef/a',
  '.ctxsync-',
  '.CTXSYNC-lock',
  'd/.ctxsync-x/a',
  '__proto__',
  'constructor',
  'd/__proto__',
];
const path = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...COMMON) },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) },
);
const link = fc.oneof(path, fc.constantFrom('../canary', '../canary/file', '/etc/passwd', '..'));

/** Directories before their content, and each path once: what walks really find. */
const FILES: readonly string[] = ['a', 'b', 'c/a', 'c/b', 'c/d/e', 'f/g'];
const walked = fc.uniqueArray(fc.constantFrom(...FILES), { maxLength: 6 }).map((files) => {
  const paths = new Set<string>();
  for (const file of files) {
    const names = file.split('/');
    for (let depth = 1; depth <= names.length; depth++) {
      paths.add(names.slice(0, depth).join('/'));
    }
  }
  return [...paths].toSorted(byWalk).map((each) => ({ path: each, file: files.includes(each) }));
});

/** '/' sorts before every other byte. */
function byWalk(a: string, b: string): number {
  const [x, y] = [a, b].map((each) => each.replaceAll('/', '\x01'));
  return x! < y! ? -1 : Number(x! > y!);
}

const rightTree = walked.map((entries) =>
  encodeTree(
    entries.map((entry): TreeRecord =>
      entry.file
        ? { kind: 'file', path: entry.path, content: `of ${entry.path}` }
        : { kind: 'directory', path: entry.path },
    ),
  ),
);

const kind = fc.constantFrom<RecordKind[]>(
  'file',
  'directory',
  'file',
  'directory',
  'symlink',
  'hardlink',
);

/** Unusual only in its names, and in what precedes it. */
const plainEntry: fc.Arbitrary<TreeRecord> = fc
  .record({ kind, path, link })
  .map(({ link: text, ...made }): TreeRecord => {
    if (made.kind === 'file') {
      return Object.assign(made, { content: `of ${made.path}`, linked: true });
    }
    return made.kind === 'directory' ? made : Object.assign(made, { link: text });
  });

/** Fields of a head that any record may have. */
const odd = {
  mode: fc.constantFrom(0o644, 0, 0o1777, 0o7777, 2 ** 40),
  mtimeUs: fc.constantFrom(0, -1, 17e14, 2 ** 53 - 1),
  size: fc.constantFrom(0, 5, 2_000, 2 ** 40, 2 ** 53 - 1),
  shared: fc.constantFrom(0, 0, 1, 2, 9_999),
  flip: fc.constantFrom(0, 0, 1, 2, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80),
  linked: fc.boolean(),
};

const oddEntry: fc.Arbitrary<TreeRecord> = fc.record(
  {
    kind,
    path,
    link,
    content: fc.oneof(fc.constant(''), fc.string({ maxLength: 30 }), fc.constant('x'.repeat(600))),
    contentOmitted: fc.boolean(),
    ...odd,
  },
  { requiredKeys: ['kind', 'path', 'link'] },
);
const treeEntry = fc.oneof(
  { weight: 5, arbitrary: plainEntry },
  { weight: 1, arbitrary: oddEntry },
);

const hostileTree = fc
  .tuple(fc.array(treeEntry, { maxLength: 6 }), fc.boolean(), fc.boolean())
  .map(([entries, inOrder, hasRoot]) => {
    const all: TreeRecord[] = [{ kind: 'directory', path: 'd' }, ...entries];
    const list = inOrder ? all.toSorted((x, y) => byWalk(x.path, y.path)) : all;
    return hasRoot ? encodeTree(list) : Buffer.concat([encodeTreeRecords(list), END_OF_RECORDS]);
  });

const tree = fc.oneof(rightTree, hostileTree, hostileTree);

const ROOT: ManifestRecord = { kind: 'directory', path: '' };

const rightManifest = walked.map((entries) =>
  encodeManifest([
    ROOT,
    ...entries.map((entry): ManifestRecord =>
      entry.file
        ? { kind: 'file', path: entry.path, size: 4 + entry.path.length }
        : { kind: 'directory', path: entry.path },
    ),
  ]),
);

const plainRecord: fc.Arbitrary<ManifestRecord> = fc.record({ kind, path, link });
const oddRecord: fc.Arbitrary<ManifestRecord> = fc.record(
  { kind, path, link, sha256: fc.constantFrom('0'.repeat(64), 'f'.repeat(64), 'ab'), ...odd },
  { requiredKeys: ['kind', 'path'] },
);
const record = fc.oneof({ weight: 5, arbitrary: plainRecord }, { weight: 1, arbitrary: oddRecord });

const hostileManifest = fc
  .tuple(fc.array(record, { maxLength: 6 }), fc.boolean(), fc.boolean())
  .map(([records, inOrder, hasRoot]) => {
    const list = inOrder ? records.toSorted((a, b) => byWalk(a.path, b.path)) : records;
    return encodeManifest(hasRoot ? [ROOT, ...list] : list);
  });

const manifest = fc.oneof(rightManifest, hostileManifest, hostileManifest);

const ROOT_WANT: WantRecord = { kind: 'directory', path: '' };
const plainWant: fc.Arbitrary<WantRecord> = fc.record({ kind, path });
const oddWant: fc.Arbitrary<WantRecord> = fc.record(
  {
    kind,
    path,
    stamp: fc.constantFrom('01234567', 'ffffffff'),
    sha256: fc.constantFrom('0'.repeat(64), 'ab'),
    shared: odd.shared,
    flip: odd.flip,
  },
  { requiredKeys: ['kind', 'path'] },
);
const want = fc.oneof({ weight: 5, arbitrary: plainWant }, { weight: 1, arbitrary: oddWant });

const wants = fc
  .array(want, { maxLength: 6 })
  .chain((list) =>
    fc.constantFrom(
      encodeWants([ROOT_WANT, ...list.toSorted((a, b) => byWalk(a.path, b.path))]),
      encodeWants(list),
    ),
  );
