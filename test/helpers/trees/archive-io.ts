import type { ByteSink, ByteSource } from '../../../src/entry/byte-io.ts';
import type { TarOrigin } from '../../../src/tar/tar-blocks.ts';
import { TarReader, type TarMember } from '../../../src/tar/tar-reader.ts';
import { TarWriter } from '../../../src/tar/tar-writer.ts';
import type { Entry, ManifestEntry } from '../../../src/entry/entry.ts';

export const ORIGIN: TarOrigin = { name: 'the tar of the test', code: 'corrupt' };

export interface MemorySinkOptions {
  /** Bytes of room that reserve() gives, in turn. */
  rooms?: readonly number[];
  /** What happens before reserve() gives room, told how often it was asked before. */
  beforeRoom?: (turn: number) => void;
}

/** An archive's bytes, gathered in memory. */
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

/** Hands bytes out in pieces of these sizes, in turn. */
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
export function readArchive(
  bytes: Uint8Array,
  pieces?: readonly number[],
  origin = ORIGIN,
): MemberWithContent[] {
  const reader = new TarReader(new MemorySource(bytes, pieces), origin);
  const members: MemberWithContent[] = [];
  for (let member = reader.next(); member !== undefined; member = reader.next()) {
    members.push({ member, content: readContent(reader) });
  }
  return members;
}

function readContent(reader: TarReader): Buffer {
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

/** An archive of these entries, as the sender writes it. */
export function writeArchive(
  entries: Iterable<EntryWithContent>,
  rooms: readonly number[] = [65_536],
): Buffer {
  const sink = new MemorySink({ rooms });
  const tar = new TarWriter(sink);
  for (const { entry, content } of entries) {
    tar.begin(entry);
    while (tar.left > 0) {
      const room = tar.reserve();
      const at = content.length - tar.left;
      room.set(content.subarray(at, at + room.length));
      tar.produced(room.length);
    }
    tar.finish();
  }
  tar.end();
  return sink.bytes();
}

/** A file with nothing unusual about it, but for what is given. */
/** An entry of a manifest. */
export function aListed(fields: Partial<ManifestEntry> = {}): ManifestEntry {
  return { ...anEntry(), stamp: '0badcafe', ...fields };
}

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
