import type { ByteSink, ByteSource } from '../entry/byte-io.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { FLUSH_AFTER_MS } from '../limits.ts';

/**
 * The writing end of a ring on a worker: a full ring blocks the thread, and so stops reading from the
 * disk.
 */
export class RingSink implements ByteSink {
  readonly #ring: Ring;
  readonly #status: WorkerStatus;
  #flushedAt = 0;

  constructor(ring: Ring, status: WorkerStatus) {
    this.#ring = ring;
    this.#status = status;
  }

  reserve(): Uint8Array {
    const room = this.#ring.writable();
    if (room.length > 0) return room;
    const since = performance.now();
    this.#status.enter('waiting-for-room');
    if (!this.#ring.waitForRoom()) throw cancelled();
    this.#status.addWait('waiting-for-room', performance.now() - since);
    return this.#ring.writable();
  }

  /** Flushes in batches, but soon for a slow disk or stdin, so that slow does not become stalled. */
  produced(count: number): void {
    this.#ring.produced(count);
    const now = performance.now();
    if (now - this.#flushedAt < FLUSH_AFTER_MS) return;
    this.#flushedAt = now;
    this.#ring.flush();
  }
}

/** The reading end of a ring on a worker: an empty ring blocks the thread until bytes come. */
export class RingSource implements ByteSource {
  readonly #ring: Ring;
  readonly #status: WorkerStatus;
  readonly #everyMs: number;
  readonly #chore: () => void;
  #choreAt: number;

  /** @param chore called every `everyMs`, also while no data comes */
  constructor(ring: Ring, status: WorkerStatus, everyMs = Infinity, chore: () => void = () => {}) {
    this.#ring = ring;
    this.#status = status;
    this.#everyMs = everyMs;
    this.#chore = chore;
    this.#choreAt = performance.now() + everyMs;
  }

  peek(): Uint8Array {
    this.#doChore();
    const bytes = this.#ring.readable();
    return bytes.length > 0 ? bytes : this.#wait();
  }

  consumed(count: number): void {
    this.#ring.consumed(count);
  }

  #wait(): Uint8Array {
    const since = performance.now();
    this.#status.enter('waiting-for-data');
    for (;;) {
      const came = this.#ring.waitForData(this.#everyMs);
      if (came === 'cancelled') throw cancelled();
      if (came !== 'timeout') break;
      this.#doChore();
      this.#status.enter('waiting-for-data');
    }
    this.#status.addWait('waiting-for-data', performance.now() - since);
    return this.#ring.readable();
  }

  #doChore(): void {
    if (this.#everyMs === Infinity || performance.now() < this.#choreAt) return;
    this.#choreAt = performance.now() + this.#everyMs;
    this.#chore();
  }
}

function cancelled(): CtxsyncError {
  return new CtxsyncError('interrupted', 'the transfer was given up');
}
