import { CtxsyncError } from '../errors.ts';
import type { Phase } from '../observe/events.ts';
import type { Observation } from '../observe/verdict.ts';
import type { Incoming } from '../transport/transport.ts';
import { Demux } from '../wire/demux.ts';
import type { Beat, Hello, PeerError, Receipt } from '../wire/messages.ts';
import type { Mux } from '../wire/mux.ts';
import type { Queue } from './queue.ts';

const QUEUED = 'queued' satisfies Phase;

/** What a sender hears from its receiver on a duplex transport: credit, beats, and the receipt. */
export class Replies {
  /** Settles when nothing more will be heard. */
  readonly ended: Promise<void>;
  readonly #from: Incoming;
  readonly #mux: Mux;
  readonly #transferId: string;
  readonly #onQueue: (queue: Queue | undefined) => void;
  readonly #demux: Demux;
  #end = (): void => {};
  /** Receipt or ERROR: what comes after it is not waited for. */
  readonly #lastWord: Promise<void>;
  #saidLastWord = (): void => {};
  #progress = 0;
  #lastByteAt = performance.now();
  #beat: (Beat & { arrivedAt: number }) | undefined;
  #receipt: Receipt | undefined;
  #peerError: CtxsyncError | undefined;

  /** @param onQueue told at each beat whether the receiver lets us wait behind other senders */
  constructor(
    from: Incoming,
    mux: Mux,
    transferId: string,
    onQueue: (queue: Queue | undefined) => void,
  ) {
    this.#from = from;
    this.#mux = mux;
    this.#transferId = transferId;
    this.#onQueue = onQueue;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#lastWord = new Promise((resolve) => (this.#saidLastWord = resolve));
    this.#demux = new Demux({
      hello: (hello) => this.#handleHello(hello),
      open: ({ id }) => {
        throw new CtxsyncError('corrupt', `the receiver opened stream ${id}, which it may not`);
      },
      end: () => {},
      fin: () => {},
      beat: (beat) => this.#handleBeat(beat),
      answers: {
        credit: (id, { limit }) => mux.raiseLimit(id, limit),
        receipt: (receipt) => this.#handleReceipt(receipt),
      },
      peerError: (error) => this.#handlePeerError(error),
    });
  }

  /**
   * Settles when the receipt came.
   * @throws CtxsyncError peer-failed with the receiver's words; peer-gone, or outcome-unknown when
   *   everything had been handed over; corrupt
   */
  async run(): Promise<void> {
    const reading = this.#from
      .read((bytes) => {
        this.#lastByteAt = performance.now();
        return this.#demux.push(bytes);
      })
      .finally(() => this.#end());
    await Promise.race([reading, this.#lastWord]);
    if (this.#receipt === undefined) throw this.#peerError ?? this.stray ?? this.#lost();
  }

  /** Reads no more. */
  destroy(): void {
    this.#from.destroy();
  }

  /**
   * Counts what beats told of progress on the receiver's disk. That a beat came is none: a stuck
   * receiver beats too, and says the same each time.
   */
  get progress(): number {
    return this.#progress;
  }

  /** What the receiver said when it had committed. */
  get receipt(): Receipt | undefined {
    return this.#receipt;
  }

  /** The error for what came and cannot be ctxsync's, though more of it may come. */
  get stray(): CtxsyncError | undefined {
    return this.#demux.stray;
  }

  silentMs(now: number): number {
    return now - this.#lastByteAt;
  }

  beat(now: number): Observation['beat'] {
    return this.#beat && { ...this.#beat, ageMs: now - this.#beat.arrivedAt };
  }

  #handleHello({ role, mode, transferId, credit }: Hello): void {
    if (role !== 'receiver' || mode !== 'duplex' || transferId !== this.#transferId) {
      throw new CtxsyncError('corrupt', 'what answers is not the receiver of this transfer');
    }
    this.#mux.setFirstCredit(credit);
  }

  #handleBeat(beat: Beat): void {
    const before = this.#beat;
    const same =
      beat.entries === before?.entries && beat.bytes === before.bytes && beat.path === before.path;
    if (!same) this.#progress += 1;
    this.#beat = { ...beat, arrivedAt: performance.now() };
    const { state, path: words, entries, bytes } = beat;
    this.#onQueue(state === QUEUED ? { words, entries, bytes } : undefined);
  }

  #handleReceipt(receipt: Receipt): void {
    if (receipt.transferId !== this.#transferId || receipt.digest !== this.#mux.digest) {
      throw new CtxsyncError('corrupt', 'the receipt is for another transfer');
    }
    this.#receipt = receipt;
    this.#saidLastWord();
  }

  #handlePeerError({ code, message, path }: PeerError): void {
    this.#peerError = new CtxsyncError('peer-failed', `the receiver failed: ${message}`, {
      path,
      peer: { code, message },
    });
    this.#saidLastWord();
  }

  #lost(): CtxsyncError {
    if (this.#mux.finished) {
      return new CtxsyncError(
        'outcome-unknown',
        'everything was sent, but the receiver was lost before it said that it committed; look at its side, or send again',
      );
    }
    return new CtxsyncError('peer-gone', 'the receiver is gone: it died or was cancelled');
  }
}
