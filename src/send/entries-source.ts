import { toText, type BytePath } from '../disk/byte-path.ts';
import { encodeEntry } from '../entry/entry-record.ts';
import type { Entry } from '../entry/entry.ts';
import { END_OF_RECORDS, RecordBuffer } from '../entry/record-io.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { PendingTimer } from '../transfer/pending-timer.ts';
import { EventLoopTurns } from '../transport/event-loop-turns.ts';
import type { EntriesContext } from './context.ts';
import { readGiven, type GivenEntry, type Pieces } from './given-entry.ts';
import type { Input } from './input.ts';
import { writeToRing } from './write-to-ring.ts';

type Iterating<T> = AsyncIterator<T> | Iterator<T>;

/** Writes the entries that a program generates into a ring, in the order of the program. */
export class EntriesSource implements Input {
  readonly what = 'the entries of the program';
  bytes = 0;
  readonly #context: EntriesContext;
  readonly #ring: Ring;
  readonly #waiting = new PendingTimer();
  readonly #turns = new EventLoopTurns();
  readonly #record = new RecordBuffer();
  readonly #nowMs = Date.now();
  #before: BytePath = '';
  #isOver = false;

  /** The program's iterators that have not come to their end. */
  readonly #open = new Set<Iterating<unknown>>();

  constructor(context: EntriesContext, ring: Ring) {
    this.#context = context;
    this.#ring = ring;
  }

  /** Settles when all of it is in the ring. @throws CtxsyncError usage, unsafe-entry, source-unreadable */
  async run(): Promise<void> {
    const { entries, name = '' } = this.#context;
    // A context with a name becomes a directory of OUT, which OUT may not have yet.
    if (name !== '') await this.#write({ kind: 'directory', path: '' });
    await this.#each(entries, undefined, (given) => this.#write(given));
    await this.#put(Uint8Array.of(END_OF_RECORDS));
    this.#ring.end();
  }

  /** The iterators are closed, but not waited for: they may be waiting for something themselves. */
  destroy(): void {
    this.#isOver = true;
    for (const iterator of this.#open) close(iterator);
    this.#open.clear();
  }

  silentMs(now: number): number | undefined {
    return this.#waiting.ms(now);
  }

  async #write(given: GivenEntry): Promise<void> {
    const { entry, pieces } = readGiven(given, this.#nowMs);
    this.#record.clear();
    encodeEntry(this.#record, this.#before, entry);
    this.#before = entry.path;
    await this.#put(this.#record.bytes());
    await this.#writeContent(entry, pieces);
  }

  async #writeContent({ path, size }: Entry, pieces: Pieces): Promise<void> {
    let left = size;
    await this.#each<Uint8Array>(pieces, path, async (piece) => {
      if (!(piece instanceof Uint8Array)) throw unreadable(path, 'a piece of it is no Uint8Array');
      left -= piece.length;
      if (left < 0)
        throw unreadable(path, `it has more content than its size says (${size} bytes)`);
      await this.#put(piece);
    });
    if (left > 0 && !this.#isOver) {
      throw unreadable(path, `it has ${size - left} bytes of content, and its size says ${size}`);
    }
  }

  /** Calls `use` for each item, until the transfer is over. */
  async #each<T>(
    items: AsyncIterable<T> | Iterable<T>,
    path: BytePath | undefined,
    use: (item: T) => Promise<void>,
  ): Promise<void> {
    const iterator = open(items, path);
    this.#open.add(iterator);
    while (!this.#isOver && !this.#ring.cancelled) {
      const next = await this.#next(iterator, path);
      if (next.done === true) break;
      await use(next.value);
      await this.#turns.next();
    }
    this.#open.delete(iterator);
  }

  async #next<T>(iterator: Iterating<T>, path: BytePath | undefined): Promise<IteratorResult<T>> {
    this.#waiting.begin();
    try {
      return await iterator.next();
    } catch (cause) {
      throw failed(path, cause);
    } finally {
      this.#waiting.end();
    }
  }

  async #put(bytes: Uint8Array): Promise<void> {
    this.bytes += bytes.length;
    await writeToRing(this.#ring, bytes);
  }
}

function open<T>(items: AsyncIterable<T> | Iterable<T>, path: BytePath | undefined): Iterating<T> {
  try {
    return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  } catch (cause) {
    throw failed(path, cause);
  }
}

function close(iterator: Iterating<unknown>): void {
  void (async () => iterator.return?.())().catch(() => {});
}

/** What the program itself threw. */
function failed(path: BytePath | undefined, cause: unknown): CtxsyncError {
  const why = cause instanceof Error ? cause.message : String(cause);
  if (path !== undefined) return unreadable(path, why, cause);
  return new CtxsyncError('source-unreadable', `cannot read the entries: ${why}`, { cause });
}

function unreadable(path: BytePath, why: string, cause?: unknown): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError('source-unreadable', `cannot read ${text}: ${why}`, {
    path: text,
    cause,
  });
}
