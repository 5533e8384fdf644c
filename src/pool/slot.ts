import { constants } from 'node:fs';
import type { BytePath } from '../disk/byte-path.ts';
import { errnoName } from '../disk/errno.ts';
import type { EntryStats } from '../disk/entry-stats.ts';
import { MAX_PATH_BYTES, MAX_POOL_FILE_BYTES } from '../limits.ts';

// Words of a slot.
const DONE = 0;
const KIND = 1;
const DIRECTORY = 2;
const PATH_LENGTH = 3;
const OUTCOME = 4;
const LENGTH = 5;
const MODE = 6;
const OPEN_MODE = 7;
const WORDS = 8;
/** Two times in seconds are in front of the figures of lstat(2). */
const TIMES = 2;
const FIGURES = [
  'dev',
  'ino',
  'mode',
  'nlink',
  'uid',
  'size',
  'mtimeNs',
  'ctimeNs',
  'birthtimeNs',
] as const;

const TIMES_AT = WORDS * Int32Array.BYTES_PER_ELEMENT;
const FIGURES_AT = TIMES_AT + TIMES * Float64Array.BYTES_PER_ELEMENT;
const PATH_AT = FIGURES_AT + FIGURES.length * BigInt64Array.BYTES_PER_ELEMENT;
/** A path takes its bound and what is left to the next multiple of eight. */
const CONTENT_AT = PATH_AT + 8 * Math.ceil(MAX_PATH_BYTES / 8);
export const SLOT_BYTES = CONTENT_AT + MAX_POOL_FILE_BYTES;

/** What is to be done with the entry; file-calls.ts does it. */
export const CALL_KINDS = ['look', 'read', 'write'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

export interface NewFile {
  /** Bytes of content. */
  length: number;
  mode: number;
  /** With which it is created: no mode that the umask would change. */
  openMode: number;
  atimeSeconds: number;
  mtimeSeconds: number;
}

/** Values of `outcome`; a negative one is the error number of a failed call, as Node reports it. */
export const OK = 0;
/** It is not what was expected: the owner finds out what it is, by calls of its own. */
export const UNUSUAL = 1;

/**
 * One call of the queue, and its result, in shared memory. It belongs to the owner until the call is submitted,
 * then to the thread that takes it, and to the owner again when it is done.
 */
export class Slot {
  /** Room for the content of a small file. */
  readonly room: Uint8Array;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #figures: BigInt64Array;
  readonly #path: Buffer;

  constructor(shared: SharedArrayBuffer, at: number) {
    this.#words = new Int32Array(shared, at, WORDS);
    this.#times = new Float64Array(shared, at + TIMES_AT, TIMES);
    this.#figures = new BigInt64Array(shared, at + FIGURES_AT, FIGURES.length);
    this.#path = Buffer.from(shared, at + PATH_AT, MAX_PATH_BYTES);
    this.room = new Uint8Array(shared, at + CONTENT_AT, MAX_POOL_FILE_BYTES);
  }

  /**
   * @param directory a descriptor of the entry's directory, which stays open until the call is settled
   * @param path at most MAX_PATH_BYTES; its last component is the name in the directory
   */
  ask(kind: CallKind, directory: number, path: BytePath): void {
    this.#words[KIND] = CALL_KINDS.indexOf(kind);
    this.#words[DIRECTORY] = directory;
    this.#words[PATH_LENGTH] = this.#path.write(path, 0, 'latin1');
    Atomics.store(this.#words, DONE, 0);
  }

  get kind(): CallKind {
    return CALL_KINDS[this.#words[KIND]!]!;
  }

  get directory(): number {
    return this.#words[DIRECTORY]!;
  }

  get path(): BytePath {
    return this.#path.toString('latin1', 0, this.#words[PATH_LENGTH]);
  }

  /** What a new file becomes, besides its content, which is in `room`. */
  set file({ length, mode, openMode, atimeSeconds, mtimeSeconds }: NewFile) {
    this.#words[LENGTH] = length;
    this.#words[MODE] = mode;
    this.#words[OPEN_MODE] = openMode;
    this.#times[0] = atimeSeconds;
    this.#times[1] = mtimeSeconds;
  }

  get file(): NewFile {
    return {
      length: this.#words[LENGTH]!,
      mode: this.#words[MODE]!,
      openMode: this.#words[OPEN_MODE]!,
      atimeSeconds: this.#times[0]!,
      mtimeSeconds: this.#times[1]!,
    };
  }

  /** What was read into `room`. */
  get content(): Uint8Array {
    return this.room.subarray(0, this.#words[LENGTH]);
  }

  set length(bytes: number) {
    this.#words[LENGTH] = bytes;
  }

  set stats(stats: EntryStats) {
    for (let at = 0; at < FIGURES.length; at++) this.#figures[at] = stats[FIGURES[at]!];
  }

  /** A copy, which outlasts the slot's use. */
  get stats(): EntryStats {
    return new SlotStats(this.#figures);
  }

  get outcome(): number {
    return this.#words[OUTCOME]!;
  }

  /** What the failed call threw, as its owner would have seen it. */
  get error(): Error {
    const { outcome: errno } = this;
    return Object.assign(new Error(errnoName(errno)), { errno, code: errnoName(errno) });
  }

  finish(outcome: number): void {
    this.#words[OUTCOME] = outcome;
    Atomics.store(this.#words, DONE, 1);
  }

  get isDone(): boolean {
    return Atomics.load(this.#words, DONE) === 1;
  }
}

class SlotStats implements EntryStats {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;

  /** @param figures in the order of FIGURES */
  constructor(figures: BigInt64Array) {
    const [dev, ino, mode, nlink, uid, size, mtimeNs, ctimeNs, birthtimeNs] = figures;
    this.dev = dev!;
    this.ino = ino!;
    this.mode = mode!;
    this.nlink = nlink!;
    this.uid = uid!;
    this.size = size!;
    this.mtimeNs = mtimeNs!;
    this.ctimeNs = ctimeNs!;
    this.birthtimeNs = birthtimeNs!;
  }

  isFile(): boolean {
    return this.#isOf(constants.S_IFREG);
  }

  isDirectory(): boolean {
    return this.#isOf(constants.S_IFDIR);
  }

  isSymbolicLink(): boolean {
    return this.#isOf(constants.S_IFLNK);
  }

  #isOf(type: number): boolean {
    return (Number(this.mode) & constants.S_IFMT) === type;
  }
}
