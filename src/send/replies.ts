import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import type { EntryCounts, Phase } from '../observe/events.ts';
import type { WireObservation } from '../observe/verdict.ts';
import type { Incoming } from '../transport/transport.ts';
import { Demux, type IncomingStream } from '../wire/demux.ts';
import type { Beat, Hello, PeerError, Receipt } from '../wire/messages.ts';
import type { Mux } from '../wire/mux.ts';
import type { Heard } from '../transfer/monitor.ts';
import { PeerBeat } from '../transfer/peer-beat.ts';
import { peerFailed } from '../transfer/peer-error.ts';
import type { Queue } from '../transfer/queue.ts';

const QUEUED = 'queued' satisfies Phase;

/** What a receiver wants of a context. */
export interface Wants {
  /** Everything. */
  all: boolean;
  /** A list, unless it is everything. */
  ring: Ring;
}

export interface RepliesOptions {
  from: Incoming;
  mux: Mux;
  transferId: string;
  /** For what the receiver sends. */
  createRing: () => Ring;
  /** The receiver has answered: what it may send of our payload comes after this. */
  onAnswer: () => void;
  /** Told at each beat whether the receiver lets us wait behind other senders. */
  onQueue: (queue: Queue | undefined) => void;
}

/** What a sender hears from its receiver on a duplex transport: credit, beats, and the receipt. */
export class Replies {
  /** What the receiver can do: settles when it has answered. */
  readonly capabilities: Promise<readonly string[]>;
  #tellCapabilities = (_capabilities: readonly string[]): void => {};
  /** Contexts whose wants were not told yet. */
  readonly #asking = new Map<string, (wants: Wants) => void>();
  /** Settles when nothing more will be heard. */
  readonly ended: Promise<void>;
  readonly #from: Incoming;
  readonly #mux: Mux;
  readonly #transferId: string;
  readonly #onAnswer: () => void;
  readonly #onQueue: (queue: Queue | undefined) => void;
  readonly #demux: Demux;
  #end = (): void => {};
  /** Receipt or ERROR: what comes after it is not waited for. */
  readonly #lastWord: Promise<void>;
  #saidLastWord = (): void => {};
  #lastByteAt = performance.now();
  readonly #beat = new PeerBeat();
  #receipt: Receipt | undefined;
  #peerError: CtxsyncError | undefined;

  constructor({ from, mux, transferId, createRing, onAnswer, onQueue }: RepliesOptions) {
    this.#from = from;
    this.#mux = mux;
    this.#transferId = transferId;
    this.#onAnswer = onAnswer;
    this.#onQueue = onQueue;
    this.capabilities = new Promise((resolve) => (this.#tellCapabilities = resolve));
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#lastWord = new Promise((resolve) => (this.#saidLastWord = resolve));
    this.#demux = new Demux({
      hello: (hello) => this.#handleHello(hello),
      open: (stream) => this.#handleOpen(stream, createRing()),
      raised: (id, limit) => mux.grant(id, limit),
      end: () => {},
      fin: () => {
        throw new CtxsyncError('corrupt', 'the receiver ended with FIN; RECEIPT is its last word');
      },
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

  /** What the receiver wants of a context, when it has been offered a manifest of it. */
  wants(name: string): Promise<Wants> {
    return new Promise((resolve) => this.#asking.set(name, resolve));
  }

  get wireBytes(): number {
    return this.#demux.wireBytes;
  }

  /** Reads no more. */
  destroy(): void {
    this.#from.destroy();
  }

  /** Bytes in which the receiver asks for entries. */
  get payloadBytes(): number {
    return this.#demux.payloadBytes;
  }

  /** Grows when the receiver reports that its work goes on. */
  get claims(): number {
    return this.#beat.claims;
  }

  /** Bytes of our payload that the receiver has. */
  get acknowledgedBytes(): number {
    return this.#beat.receivedBytes(this.#handedOver);
  }

  /** Bytes of our payload that may be on their way. */
  get unheardBytes(): number {
    return this.#handedOver - this.acknowledgedBytes;
  }

  /** HELLO came. */
  get answered(): boolean {
    return this.#demux.words > 0;
  }

  /** How many of our HELLO and BEATs the receiver has heard. */
  get heardOfUs(): number {
    return this.#beat.heard;
  }

  /** What our BEATs say of the receiver's. */
  get heard(): Heard {
    return { received: this.#demux.payloadBytes, heard: this.#demux.words };
  }

  get #handedOver(): number {
    return this.#mux.payloadBytes + this.#mux.payloadUnderWay;
  }

  /** What became of the entries, as far as the receiver said. */
  get counts(): EntryCounts | undefined {
    const { changed, unchanged, removed } = this.#receipt ?? {};
    if (changed === undefined || unchanged === undefined || removed === undefined) return undefined;
    return { changed, unchanged, removed };
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

  beat(now: number, linkIsSlow: boolean): WireObservation['beat'] {
    return this.#beat.observation(now, linkIsSlow);
  }

  #handleOpen({ id, kind, name, all }: IncomingStream, ring: Ring): Ring {
    const tell = this.#asking.get(name);
    if (kind !== 'want' || tell === undefined) {
      throw new CtxsyncError('corrupt', `the receiver opened stream ${id}, which it may not`);
    }
    this.#asking.delete(name);
    tell({ all: all === true, ring });
    return ring;
  }

  #handleHello({ role, mode, transferId, credit, capabilities }: Hello): void {
    if (role !== 'receiver' || mode !== 'duplex' || transferId !== this.#transferId) {
      throw new CtxsyncError('corrupt', 'what answers is not the receiver of this transfer');
    }
    // First, so that a word of ours gets there before all payload, which may be long on its way.
    this.#onAnswer();
    this.#mux.setFirstCredit(credit);
    this.#tellCapabilities(capabilities);
  }

  #handleBeat(beat: Beat): void {
    this.#beat.take(beat);
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

  #handlePeerError(error: PeerError): void {
    this.#peerError = peerFailed('receiver', error);
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
