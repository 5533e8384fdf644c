import fc from 'fast-check';
import { evilExtra, evilHeader, evilMember, paxBody, type EvilMember } from '../trees/evil-tar.ts';
import {
  encodeManifest,
  encodeTar,
  encodeWants,
  type ManifestRecord,
  type TarMember,
  type WantRecord,
} from './independent-encoder.ts';

/** What streams hold in sessions that nobody should send: mostly almost right. */

/** Bytes of a stream of this kind, right ones and others. */
export function contentOf(kind: string): fc.Arbitrary<Buffer> {
  if (kind === 'manifest') return damaged(manifest);
  if (kind === 'want') return damaged(wants);
  return damaged(tree);
}

/** As it is, mostly; or cut, with bytes in between, or with one of them changed. */
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

/** Few names, so that entries meet. */
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

/** Directories before what lies in them, and each path once: what walks really find. */
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
  encodeTar(
    entries.map((entry): TarMember =>
      entry.file
        ? { path: entry.path, content: `of ${entry.path}` }
        : { path: `${entry.path}/`, type: '5', mode: 0o755 },
    ),
  ),
);

const type = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('0', '0', '5', '2', '1') },
  { weight: 1, arbitrary: fc.constantFrom('\0', '3', '4', '6', '7', 'S', 'V', 'D', 'M', '?') },
);

/** Nothing is odd about it but its names, and what came before. */
const plainMember: fc.Arbitrary<EvilMember> = fc
  .record({ path, type, link })
  .map(({ path: name, type: letter, link: text }) => {
    const made: EvilMember = { path: name, type: letter };
    if (letter === '0') made.content = `of ${name}`;
    if (letter === '1' || letter === '2') made.link = text;
    if (name.length > 99) made.pax = [['path', name]];
    return made;
  });

const oddMember: fc.Arbitrary<EvilMember> = fc.record(
  {
    path,
    type,
    link,
    content: fc.oneof(fc.constant(''), fc.string({ maxLength: 30 }), fc.constant('x'.repeat(600))),
    mode: fc.constantFrom(0o644, 0o755, 0, 0o7777),
    size: fc.oneof(
      { weight: 1, arbitrary: fc.nat(2_000) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('77777777777 ', '-1', 'x', '\x80\0\0\0\0\0\0\0\0\0\x02\0'),
      },
    ),
    pax: fc.array(
      fc.tuple(
        fc.constantFrom('path', 'linkpath', 'size', 'mtime', 'CTXSYNC.kept', '__proto__', 'x'),
        fc.oneof(path, fc.constantFrom('0', '-1', '1e308', 'NaN', '9007199254740993', '-0', '0.5')),
      ),
      { maxLength: 2 },
    ),
    checksumOff: fc.constantFrom(0, 0, 0, 1),
  },
  { requiredKeys: ['path', 'type', 'link'] },
);
const member = fc.oneof({ weight: 5, arbitrary: plainMember }, { weight: 1, arbitrary: oddMember });

const extra = fc
  .tuple(
    fc.constantFrom('x', 'g', 'L', 'K'),
    fc.oneof(
      path,
      path.map((p) => paxBody([['path', p]])),
    ),
  )
  .map(([letter, body]) => evilExtra(letter, body));

const hostileTree = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 20, arbitrary: member.map((each) => evilMember(each)) },
        { weight: 1, arbitrary: extra },
        { weight: 1, arbitrary: fc.constant(Buffer.alloc(512)) },
      ),
      { maxLength: 6 },
    ),
    fc.constantFrom(1_024, 1_024, 1_024, 10_240, 512, 0),
  )
  .map(([members, zeros]) => Buffer.concat([ROOT, DIRECTORY, ...members, Buffer.alloc(zeros)]));
const ROOT = evilHeader({ path: './', type: '5', mode: 0o755 });
const DIRECTORY = evilHeader({ path: 'd/', type: '5', mode: 0o755 });

const tree = fc.oneof(rightTree, hostileTree, hostileTree);

const rightManifest = walked.map((entries) =>
  encodeManifest([
    { kind: 'd', path: '', mode: '755' },
    ...entries.map((entry): ManifestRecord =>
      entry.file
        ? { kind: 'f', path: entry.path, size: 4 + entry.path.length }
        : { kind: 'd', path: entry.path, mode: '755' },
    ),
  ]),
);

const kind = fc.constantFrom('f', 'd', 'f', 'd', 'l', 'h', 'n');
const plainRecord: fc.Arbitrary<ManifestRecord> = fc.record({ kind, path });
const oddRecord: fc.Arbitrary<ManifestRecord> = fc.record(
  {
    kind: fc.oneof(kind, fc.constantFrom('x', '', 'F')),
    path,
    mode: fc.constantFrom('644', '1777', '7777', '8', '', '-1'),
    mtime: fc.constantFrom(0, -0, -1, 17e14, 1e16, 1e308, Number.NaN),
    size: fc.constantFrom(0, 5, -1, 0.5, 2 ** 53, 1e308, Number.NaN),
    shared: fc.constantFrom(0, 0, 1, 2, 9_999),
    stamp: fc.constantFrom('01234567', '0123456', 'ABCDEF01', ''),
    sha256: fc.constantFrom('0'.repeat(64), 'F'.repeat(64), 'ab', ''),
  },
  { requiredKeys: ['kind', 'path'] },
);
const record = fc
  .oneof({ weight: 5, arbitrary: plainRecord }, { weight: 1, arbitrary: oddRecord })
  .chain((each) =>
    'lh'.includes(each.kind) && each.kind !== ''
      ? link.map((text) => Object.assign(each, { link: text }))
      : fc.constant(each),
  );

const hostileManifest = fc
  .tuple(fc.array(record, { maxLength: 6 }), fc.boolean(), fc.boolean())
  .map(([records, inOrder, hasRoot]) => {
    const root: ManifestRecord[] = hasRoot ? [{ kind: 'd', path: '', mode: '755' }] : [];
    const list = inOrder ? records.toSorted((a, b) => byWalk(a.path, b.path)) : records;
    return encodeManifest([...root, ...list]);
  });

const manifest = fc.oneof(rightManifest, hostileManifest, hostileManifest);

const ROOT_WANT: WantRecord = { kind: 'd', path: '' };
const plainWant: fc.Arbitrary<WantRecord> = fc.record({
  kind: fc.constantFrom('f', 'd', 'l', 'h'),
  path,
});
const oddWant: fc.Arbitrary<WantRecord> = fc.record(
  {
    kind: fc.constantFrom('f', 'n', 'x', ''),
    path,
    stamp: fc.constantFrom('01234567', '0123456', 'ABCDEF01', ''),
    sha256: fc.constantFrom('0'.repeat(64), 'G'.repeat(64), 'ab'),
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
