import type { ByteSink, ByteSource } from '../../../src/entry/byte-io.ts';
import { TarReader, type TarMember } from '../../../src/tar/tar-reader.ts';
import { TarWriter } from '../../../src/tar/tar-writer.ts';
import type { Content, Entry, EntryWriter, ManifestEntry } from '../../../src/entry/entry.ts';
import { TreeReader } from '../../../src/entry/tree-reader.ts';
import { TreeWriter } from '../../../src/entry/tree-writer.ts';

export interface MemorySinkOptions {
  /** Bytes of room that reserve() returns, in turn. */
  rooms?: readonly number[];
  /** Called before reserve() returns room, with the number of earlier calls. */
  beforeRoom?: (turn: number) => void;
}

/** The bytes of an archive, collected in memory. */
export class MemorySink implements ByteSink {
  readonly #rooms: readonly number[];
  readonly #beforeRoom: (turn: number) => void;
  readonly #pieces: Uint8Array[] = [];
  #room = new Uint8Array(0);
  #turn = 0;

  constructor({ rooms = [65_536], beforeRoom = () => {} }: MemorySinkOptions = {}) {
    this.#rooms = rooms;
    this.#beforeRoom = beforeRoom;
  }

  reserve(): Uint8Array {
    this.#beforeRoom(this.#turn);
    this.#room = new Uint8Array(this.#rooms[this.#turn % this.#rooms.length]!);
    this.#turn += 1;
    return this.#room;
  }

  produced(count: number): void {
    if (count > this.#room.length) throw new Error(`${count} bytes in ${this.#room.length}`);
    this.#pieces.push(this.#room.subarray(0, count));
    this.#room = this.#room.subarray(count);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

/** Returns bytes in pieces of these sizes, in turn. */
export class MemorySource implements ByteSource {
  readonly #bytes: Uint8Array;
  readonly #pieces: readonly number[];
  #at = 0;
  #left = 0;
  #turn = 0;

  constructor(bytes: Uint8Array, pieces: readonly number[] = [Infinity]) {
    this.#bytes = bytes;
    this.#pieces = pieces;
  }

  peek(): Uint8Array {
    if (this.#left === 0) this.#left = this.#pieces[this.#turn++ % this.#pieces.length]!;
    return this.#bytes.subarray(this.#at, this.#at + this.#left);
  }

  consumed(count: number): void {
    if (count > this.peek().length) throw new Error(`consumed ${count} of ${this.peek().length}`);
    this.#at += count;
    this.#left -= count;
  }
}

export interface MemberWithContent {
  member: TarMember;
  content: Buffer;
}

/** Every member of an archive, with its content. */
export function readArchive(bytes: Uint8Array, pieces?: readonly number[]): MemberWithContent[] {
  const reader = new TarReader(new MemorySource(bytes, pieces));
  const members: MemberWithContent[] = [];
  for (let member = reader.next(); member !== undefined; member = reader.next()) {
    members.push({ member, content: readContent(reader) });
  }
  return members;
}

function readContent(reader: Content): Buffer {
  const pieces: Buffer[] = [];
  for (let bytes = reader.content(); bytes.length > 0; bytes = reader.content()) {
    pieces.push(Buffer.from(bytes));
    reader.consumed(bytes.length);
  }
  return Buffer.concat(pieces);
}

export interface EntryWithContent {
  entry: Entry;
  content: Uint8Array;
}

/** A tar of these entries, as `receive -` writes it: after a root, as the first member loses a fraction. */
export function writeArchive(
  entries: Iterable<EntryWithContent>,
  rooms: readonly number[] = [65_536],
): Buffer {
  const sink = new MemorySink({ rooms });
  const root = anEntry({ path: '', kind: 'directory', mode: 0o755, mtimeUs: 0 });
  writeEntries(new TarWriter(sink), [{ entry: root, content: new Uint8Array(0) }, ...entries]);
  return sink.bytes();
}

/** A tree stream of these entries, as a sender writes it. */
export function writeTree(
  entries: Iterable<EntryWithContent>,
  rooms: readonly number[] = [65_536],
): Buffer {
  const sink = new MemorySink({ rooms });
  writeEntries(new TreeWriter(sink), entries);
  return sink.bytes();
}

function writeEntries(writer: EntryWriter, entries: Iterable<EntryWithContent>): void {
  for (const { entry, content } of entries) {
    writer.begin(entry);
    while (writer.left > 0) {
      const room = writer.reserve();
      const at = content.length - writer.left;
      room.set(content.subarray(at, at + room.length));
      writer.produced(room.length);
    }
    writer.finish();
  }
  writer.end();
}

/** Every entry of a tree stream, with its content. */
export function readTree(
  bytes: Uint8Array,
  { pieces, unordered = false }: { pieces?: readonly number[]; unordered?: boolean } = {},
): EntryWithContent[] {
  const tree = new TreeReader(new MemorySource(bytes, pieces), { unordered });
  const entries: EntryWithContent[] = [];
  for (let entry = tree.next(); entry !== undefined; entry = tree.next()) {
    entries.push({ entry, content: readContent(tree) });
  }
  return entries;
}

/** An entry of a manifest. */
export function aListed(fields: Partial<ManifestEntry> = {}): ManifestEntry {
  return { ...anEntry(), stamp: 0x0badcafe, ...fields };
}

/** A file with nothing unusual about it, except the given fields. */
export function anEntry(fields: Partial<Entry> = {}): Entry {
  return {
    path: 'a',
    kind: 'file',
    mode: 0o644,
    mtimeUs: 1_700_000_000_000_000,
    size: 0,
    ...fields,
  };
}
