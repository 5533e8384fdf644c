/**
 * The records in `tree`, `manifest` and `want` streams, written from PROTOCOL.md alone: it shares no
 * code with `src`, checks nothing, and so can encode what no sender or receiver of ours would.
 * Paths and links have one byte per character.
 */

export type RecordKind = 'file' | 'directory' | 'symlink' | 'hardlink';

export interface TreeRecord {
  kind: RecordKind;
  path: string;
  mode?: number;
  /** Microseconds since 1970. */
  mtimeUs?: number;
  /** Bytes that the record declares; by default the length of the content. */
  size?: number;
  link?: string;
  linked?: boolean;
  contentOmitted?: boolean;
  content?: string | Uint8Array;
  /** Bytes that the path claims to share with the previous one, in place of the real number. */
  shared?: number;
  /** Bits of the head to flip. */
  flip?: number;
}

export interface ManifestRecord extends Omit<TreeRecord, 'content' | 'contentOmitted'> {
  /** 8 hexadecimal digits. */
  stamp?: string;
  /** Hexadecimal digits. */
  sha256?: string;
}

export interface WantRecord extends Pick<
  ManifestRecord,
  'kind' | 'path' | 'stamp' | 'sha256' | 'shared' | 'flip'
> {}

const KINDS: readonly RecordKind[] = ['file', 'directory', 'symlink', 'hardlink'];
const LINKED = 4;
const DIGEST = 8;
const CONTENT_OMITTED = 16;
const BEFORE_1970 = 32;

/** What follows the last record. */
export const END_OF_RECORDS = Buffer.from([0x80]);

/** A tree stream: the root, and these records with their content. */
export function encodeTree(records: readonly TreeRecord[]): Buffer {
  const all: TreeRecord[] = [{ kind: 'directory', path: '' }, ...records];
  return Buffer.concat([encodeTreeRecords(all), END_OF_RECORDS]);
}

/** These records alone, without an end. */
export function encodeTreeRecords(records: readonly TreeRecord[]): Buffer {
  return eachAfter(records, (record, before) => {
    const content = Buffer.from(record.content ?? '');
    const size = record.size ?? content.length;
    const flags = record.contentOmitted === true ? CONTENT_OMITTED : 0;
    return [fields({ ...record, size }, before, flags), content];
  });
}

/** A manifest stream of these records; the root is one of them. */
export function encodeManifest(records: readonly ManifestRecord[]): Buffer {
  return Buffer.concat([encodeManifestRecords(records), END_OF_RECORDS]);
}

/** These records alone, without an end. */
export function encodeManifestRecords(records: readonly ManifestRecord[]): Buffer {
  return eachAfter(records, (record, before) => {
    const flags = record.sha256 === undefined ? 0 : DIGEST;
    return [fields(record, before, flags), ...identity(record)];
  });
}

/** A want stream. */
export function encodeWants(records: readonly WantRecord[]): Buffer {
  const encoded = eachAfter(records, (record, before) => {
    const flags = record.sha256 === undefined ? 0 : DIGEST;
    return [headAndPath(record, before, flags), ...identity(record)];
  });
  return Buffer.concat([encoded, END_OF_RECORDS]);
}

/** @param extra groups of zeros after it, which make it longer than necessary */
export function encodeVarint(value: number | bigint, extra = 0): Buffer {
  const groups: number[] = [];
  let left = BigInt(value);
  do {
    groups.push(Number(left & 0x7fn));
    left >>= 7n;
  } while (left > 0n);
  for (let i = 0; i < extra; i++) groups.push(0);
  return Buffer.from(groups.map((group, i) => (i < groups.length - 1 ? group | 0x80 : group)));
}

export function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([encodeVarint(bytes.length), bytes]);
}

function eachAfter<Item extends { path: string }>(
  records: readonly Item[],
  encode: (record: Item, before: string) => Buffer[],
): Buffer {
  const parts = records.map((record, i) => encode(record, records[i - 1]?.path ?? ''));
  return Buffer.concat(parts.flat());
}

function fields(record: ManifestRecord, before: string, flags: number): Buffer {
  const { kind, mode = kind === 'directory' ? 0o755 : 0o644, mtimeUs = 17e14, size = 0 } = record;
  const linked = record.linked === true ? LINKED : 0;
  const early = mtimeUs < 0 ? BEFORE_1970 : 0;
  const parts = [
    headAndPath(record, before, flags | linked | early),
    encodeVarint(mode),
    encodeVarint(Math.abs(mtimeUs)),
  ];
  if (kind === 'file') parts.push(encodeVarint(size));
  if (kind === 'symlink' || kind === 'hardlink') parts.push(encodeText(record.link ?? ''));
  return Buffer.concat(parts);
}

function headAndPath(record: WantRecord, before: string, flags: number): Buffer {
  const { kind, path, flip = 0, shared = sharedBytes(before, path) } = record;
  const head = (KINDS.indexOf(kind) | flags) ^ flip;
  return Buffer.concat([Buffer.from([head]), encodeVarint(shared), encodeText(path.slice(shared))]);
}

function identity({ stamp = '00000000', sha256 = '' }: WantRecord): Buffer[] {
  return [Buffer.from(stamp, 'hex'), Buffer.from(sha256, 'hex')];
}

function sharedBytes(before: string, path: string): number {
  let at = 0;
  while (at < before.length && at < path.length && before[at] === path[at]) at++;
  return at;
}
