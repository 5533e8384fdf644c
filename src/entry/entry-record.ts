import { comparePaths, toText, type BytePath } from '../disk/byte-path.ts';
import { MAX_RECORD_TEXT_BYTES } from '../limits.ts';
import { MODE_BITS, type Entry, type EntryKind, type ManifestEntry, type Want } from './entry.ts';
import type { RecordBuffer, RecordCursor } from './record-io.ts';

/**
 * The records of PROTOCOL.md, "Entries": one for each entry of a `tree`, a `manifest` or a `want`
 * stream. Each begins with a head byte and the path, which is encoded as the number of bytes it shares
 * with the previous path, then the remaining bytes.
 */

const KIND_BITS = 0b11;
const KINDS = ['file', 'directory', 'symlink', 'hardlink'] as const satisfies EntryKind[];
const KIND_CODES = { file: 0, directory: 1, symlink: 2, hardlink: 3 } as const satisfies Record<
  EntryKind,
  number
>;
/** The first name of a file or symlink with several names: tree, manifest. */
const LINKED = 0x04;
/** The file's SHA-256 follows: manifest, want. */
const DIGEST = 0x08;
/** The file's content does not follow: tree. */
const CONTENT_OMITTED = 0x10;
/** The time is before 1970: tree, manifest. */
const BEFORE_1970 = 0x20;
const SHA256_BYTES = 32;

export function encodeEntry(to: RecordBuffer, before: BytePath, entry: Entry): void {
  encodeFields(to, before, entry, entry.contentOmitted === true ? CONTENT_OMITTED : 0);
}

export function encodeManifestEntry(
  to: RecordBuffer,
  before: BytePath,
  entry: ManifestEntry,
): void {
  encodeFields(to, before, entry, entry.sha256 === undefined ? 0 : DIGEST);
  to.uint32(entry.stamp);
  if (entry.sha256 !== undefined) to.hex(entry.sha256);
}

export function encodeWant(to: RecordBuffer, before: BytePath, want: Want): void {
  const { path, kind, stamp, sha256 } = want;
  encodePath(to, before, path, KIND_CODES[kind] | (sha256 === undefined ? 0 : DIGEST));
  to.uint32(stamp);
  if (sha256 !== undefined) to.hex(sha256);
}

/** @throws CtxsyncError corrupt */
export function decodeEntry(from: RecordCursor, before: BytePath | undefined): Entry {
  const head = from.byte();
  const entry = decodeFields(from, before, head, LINKED | CONTENT_OMITTED | BEFORE_1970);
  if ((head & CONTENT_OMITTED) === 0) return entry;
  if (entry.kind !== 'file') throw badEntry(from, entry.path);
  entry.contentOmitted = true;
  return entry;
}

/** @throws CtxsyncError corrupt */
export function decodeManifestEntry(
  from: RecordCursor,
  before: BytePath | undefined,
): ManifestEntry {
  const head = from.byte();
  const entry = decodeFields(from, before, head, LINKED | DIGEST | BEFORE_1970) as ManifestEntry;
  entry.stamp = from.uint32();
  decodeDigest(from, head, entry);
  return entry;
}

/** @throws CtxsyncError corrupt */
export function decodeWant(from: RecordCursor, before: BytePath | undefined): Want {
  const head = from.byte();
  const path = decodePath(from, before, head, DIGEST);
  const want: Want = { path, kind: KINDS[head & KIND_BITS]!, stamp: from.uint32() };
  decodeDigest(from, head, want);
  return want;
}

/**
 * Checks that paths are strictly ascending. So no path comes twice, and a directory's contents come
 * before any path outside it.
 *
 * @throws CtxsyncError corrupt
 */
export function checkOrder(
  path: BytePath,
  before: BytePath | undefined,
  broken: RecordCursor['broken'],
): void {
  if (before === undefined || comparePaths(before, path) < 0) return;
  throw broken(`is out of order at ${toText(path)}`);
}

function encodeFields(to: RecordBuffer, before: BytePath, entry: Entry, flags: number): void {
  const { path, kind, mode, mtimeUs, size, link = '', linked } = entry;
  let head = KIND_CODES[kind] | flags;
  if (linked === true && (kind === 'file' || kind === 'symlink')) head |= LINKED;
  if (mtimeUs < 0) head |= BEFORE_1970;
  encodePath(to, before, path, head);
  to.varint(mode);
  to.varint(Math.abs(mtimeUs));
  if (kind === 'file') to.varint(size);
  else if (kind !== 'directory') to.text(link);
}

function decodeFields(
  from: RecordCursor,
  before: BytePath | undefined,
  head: number,
  flags: number,
): Entry {
  const path = decodePath(from, before, head, flags);
  const kind = KINDS[head & KIND_BITS]!;
  const mode = from.varint();
  const time = from.varint();
  const isEarly = (head & BEFORE_1970) !== 0;
  if (mode > MODE_BITS || (isEarly && time === 0)) throw badEntry(from, path);
  const mtimeUs = isEarly ? -time : time;
  const entry: Entry = { path, kind, mode, mtimeUs, size: kind === 'file' ? from.varint() : 0 };
  if (kind === 'symlink' || kind === 'hardlink') entry.link = from.text();
  if ((head & LINKED) !== 0) {
    if (kind !== 'file' && kind !== 'symlink') throw badEntry(from, path);
    entry.linked = true;
  }
  return entry;
}

function encodePath(to: RecordBuffer, before: BytePath, path: BytePath, head: number): void {
  const shared = sharedLength(before, path);
  to.byte(head);
  to.varint(shared);
  to.text(path.slice(shared));
}

function decodePath(
  from: RecordCursor,
  before: BytePath | undefined,
  head: number,
  flags: number,
): BytePath {
  const shared = from.varint();
  const path = (before ?? '').slice(0, shared) + from.text();
  const isPossible = shared <= (before ?? '').length && path.length <= MAX_RECORD_TEXT_BYTES;
  if (!isPossible || (head & ~(KIND_BITS | flags)) !== 0) throw badEntry(from, path);
  return path;
}

function decodeDigest(from: RecordCursor, head: number, item: ManifestEntry | Want): void {
  if ((head & DIGEST) === 0) return;
  if (item.kind !== 'file') throw badEntry(from, item.path);
  item.sha256 = from.hex(SHA256_BYTES);
}

function badEntry(from: RecordCursor, path: BytePath): Error {
  return from.broken(`has a bad entry: ${toText(path)}`);
}

function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
