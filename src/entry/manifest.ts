import type { ByteSink, ByteSource } from './byte-io.ts';
import { comparePaths, toText, type BytePath } from '../disk/byte-path.ts';
import { MODE_BITS, type EntryKind, type ManifestEntry } from './entry.ts';
import { broken, RecordReader, RecordWriter } from './record-io.ts';

export const LETTERS = { file: 'f', directory: 'd', symlink: 'l', hardlink: 'h' } as const;
/** Of what has other names: those that come later in the context are its hardlinks. */
const LINKED_LETTERS = { ...LETTERS, file: 'n', symlink: 'm' } as const;
const KINDS: Readonly<Record<string, { kind: EntryKind; linked?: true }>> = {
  f: { kind: 'file' },
  n: { kind: 'file', linked: true },
  d: { kind: 'directory' },
  l: { kind: 'symlink' },
  m: { kind: 'symlink', linked: true },
  h: { kind: 'hardlink' },
};

/** Writes what a context holds, without its content: the `manifest` stream of PROTOCOL.md. */
export class ManifestWriter {
  readonly #records: RecordWriter;
  #before: BytePath = '';

  constructor(sink: ByteSink) {
    this.#records = new RecordWriter(sink);
  }

  add({ path, kind, mode, mtimeUs, size, link, linked, sha256, stamp }: ManifestEntry): void {
    const letter = (linked === true ? LINKED_LETTERS : LETTERS)[kind];
    const shared = sharedLength(this.#before, path);
    const digest = sha256 === undefined ? '' : ` ${sha256}`;
    this.#records.write(
      `${letter}${mode.toString(8)} ${mtimeUs} ${size} ${shared} ${stamp}${digest}`,
    );
    this.#records.write(path.slice(shared));
    if (link !== undefined) this.#records.write(link);
    this.#before = path;
  }

  end(): void {
    this.#records.flush();
  }
}

/**
 * Reads a manifest. Its entries come in the order of a walk, none twice; beyond that nothing about
 * their paths is checked.
 *
 * @throws CtxsyncError corrupt
 */
export function* readManifest(source: ByteSource): Generator<ManifestEntry> {
  const records = new RecordReader(source);
  let before: BytePath | undefined;
  for (let head = records.next(); head !== undefined; head = records.next()) {
    const fields = decodeHead(head);
    if (fields.shared > (before ?? '').length) throw broken(`has a bad entry: ${toText(head)}`);
    const path = (before ?? '').slice(0, fields.shared) + rest(records);
    if (before !== undefined && comparePaths(before, path, fields.shared) >= 0) {
      throw broken(`is out of order at ${toText(path)}`);
    }
    before = path;
    yield toEntry(path, fields, records);
  }
}

interface Head {
  kind: EntryKind;
  linked?: true;
  mode: number;
  mtimeUs: number;
  size: number;
  /** Bytes of the path before that this one begins with. */
  shared: number;
  stamp: string;
  sha256: string | undefined;
}

const HEAD =
  /^([fndlmh])([0-7]{1,4}) (-?\d{1,16}) (\d{1,16}) (\d{1,4}) ([0-9a-f]{8})(?: ([0-9a-f]{64}))?$/;

function decodeHead(text: string): Head {
  const match = HEAD.exec(text);
  if (match === null) throw broken(`has a bad entry: ${toText(text.slice(0, 80))}`);
  const [, letter = '', mode = '', mtime, size, shared, stamp = '', sha256] = match;
  const head: Head = {
    ...KINDS[letter]!,
    mode: Number.parseInt(mode, 8),
    mtimeUs: Number(mtime),
    size: Number(size),
    shared: Number(shared),
    stamp,
    sha256,
  };
  const possible = Number.isSafeInteger(head.mtimeUs) && Number.isSafeInteger(head.size);
  if (!possible || head.mode > MODE_BITS) throw broken(`has a bad entry: ${toText(text)}`);
  return head;
}

function toEntry(path: BytePath, head: Head, records: RecordReader): ManifestEntry {
  const { kind, linked, mode, mtimeUs, size, stamp, sha256 } = head;
  const entry: ManifestEntry = { path, kind, mode, mtimeUs, size, stamp };
  if (linked !== undefined) entry.linked = linked;
  if (sha256 !== undefined) entry.sha256 = sha256;
  if (kind === 'symlink' || kind === 'hardlink') entry.link = rest(records);
  return entry;
}

function rest(records: RecordReader): string {
  const record = records.next();
  if (record === undefined) throw broken('ends in the middle of an entry');
  return record;
}

function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
