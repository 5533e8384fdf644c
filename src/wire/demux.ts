import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { CreditGrant } from '../flow/credit.ts';
import { MAX_STREAMS } from '../limits.ts';
import { CompressedPayload } from './compressed-payload.ts';
import { protocolError } from './protocol-error.ts';
import { FrameDecoder, type FrameSink } from './frame-decoder.ts';
import { FrameOrder } from './frame-order.ts';
import { frameName, FrameType, MAGIC, type FrameHeader } from './frame.ts';
import {
  decodeBeat,
  decodeCredit,
  decodeEnd,
  decodeFin,
  decodeHello,
  decodeOpen,
  decodePeerError,
  decodeReceipt,
  type Beat,
  type Credit,
  type End,
  type Fin,
  type Hello,
  type PeerError,
  type Receipt,
  transferIdToAnswer,
  type Open,
} from './messages.ts';
import { Preamble } from './preamble.ts';
import { StreamDigest } from './stream-digest.ts';
import { StreamTotals } from './stream-totals.ts';

export interface IncomingStream extends Readonly<Open> {
  readonly id: number;
}

/** What it throws ends the connection: push() throws it unchanged. */
export interface DemuxHandler {
  /** If it returns a promise, no frame after HELLO is read before that settles. */
  hello(hello: Hello): Promise<void> | void;
  /** A HELLO that expects an answer is refused, as push() throws next. @param transferId to answer with */
  badHello?(transferId: string): void;
  /** A stream begins. Returns the bounded queue for its bytes; throws to refuse it. */
  open(stream: IncomingStream): Ring;
  /** Count and digest are verified, and the ring was end()ed. */
  end(stream: IncomingStream, end: End): void;
  beat(beat: Beat): void;
  /** Verified: every stream ended; count, bytes and digest match. */
  fin(fin: Fin): void;
  /** The peer failed. Nothing follows. */
  peerError(error: PeerError): void;
  /** Duplex: the consumer of a stream has made room; `limit` is to be sent to the peer. */
  raised?(id: number, limit: number): void;
  /** Duplex: for a side that sends streams. */
  answers?: AnswerHandler;
}

export interface AnswerHandler {
  /** The new limit of our own stream of this id. Returns false when it is invalid. */
  credit(id: number, credit: Credit): boolean;
  /** The peer has committed what we sent; absent when we send nothing to commit. */
  receipt?(receipt: Receipt): void;
}

interface Incoming extends IncomingStream {
  readonly ring: Ring;
  /** Duplex: how much of it the peer may send. */
  readonly grant: CreditGrant | undefined;
  readonly digest: StreamDigest;
  /** Bytes that arrived. */
  bytes: number;
}

/**
 * The incoming direction of a connection: turns bytes into events, and puts each stream's payload into
 * its ring. While a ring is full, everything behind it waits: nothing is dropped or buffered here, the
 * transport is just not read. That is the backpressure.
 *
 * The caller owns the rings, and cancels them to abandon a transfer. Only the bytes of a cancelled ring
 * are discarded.
 */
export class Demux {
  readonly #handler: DemuxHandler;
  readonly #preamble = new Preamble();
  readonly #decoder: FrameDecoder;
  readonly #tally = new StreamTotals();
  readonly #order = new FrameOrder();
  readonly #open = new Map<number, Incoming>();
  #lastId = 0;
  /** The stream of the current DATA. */
  #current: Incoming | undefined;
  /** The payload of the current DATA, if it is compressed. */
  #compressed: CompressedPayload | undefined;
  #transferId = '';
  #failure: unknown;
  #failed = false;
  #waitingFor: Incoming | undefined;
  /** The handler's promise that we wait for after HELLO. */
  #held: Promise<void> | undefined;
  #payloadBytes = 0;
  #words = 0;
  #pushing = false;

  constructor(handler: DemuxHandler) {
    this.#handler = handler;
    const sink: FrameSink = {
      handleControl: (header, payload, at) => this.#handleControl(header, payload, at),
      handleData: (header, at) => this.#handleData(header, at),
      handlePayload: (piece) => this.#handlePayload(piece),
      handleUnknown: (header, at) => this.#order.check(header.type, at),
    };
    this.#decoder = new FrameDecoder(sink, MAGIC.length);
  }

  /** Bytes taken, framing included. */
  get wireBytes(): number {
    return this.#preamble.complete ? this.#decoder.position : this.#preamble.count;
  }

  /** Stream bytes taken, discarded ones included: only these are progress. */
  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** HELLO and BEATs that have arrived. */
  get words(): number {
    return this.#words;
  }

  /** FIN, RECEIPT or ERROR has arrived. */
  get finished(): boolean {
    return this.#order.finished;
  }

  /** We wait for room in a ring, or for the handler, and do not read: the peer must not be blamed. */
  get waiting(): boolean {
    return this.#waitingFor !== undefined || this.#held !== undefined;
  }

  /** The stream whose ring is full, while `waiting`. */
  get waitingFor(): IncomingStream | undefined {
    return this.#waitingFor;
  }

  /**
   * The error when the bytes cannot be ctxsync's, even if fewer than STRAY_BYTES have arrived. push()
   * keeps collecting them for the message; a caller with a clock need not wait for more.
   */
  get stray(): CtxsyncError | undefined {
    return this.#preamble.stray;
  }

  /**
   * Takes all of `bytes`.
   *
   * @returns undefined when done; a promise when a stream's ring is full or hello() is pending. It
   *   settles when all bytes were taken: until then they must stay unchanged, and no others may be
   *   pushed.
   * @throws (or rejects with) CtxsyncError 'not-ctxsync', 'corrupt' or 'version-mismatch', and what the
   *   handler throws. Every later call throws the same.
   */
  push(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#pushing) throw new CtxsyncError('internal', 'Demux: push() while one is under way');
    const taken = this.#take(bytes);
    return taken === bytes.length ? undefined : this.#pushRest(bytes.subarray(taken));
  }

  /**
   * The transport has ended, and all its bytes were pushed.
   *
   * @throws CtxsyncError 'truncated' unless FIN, RECEIPT or ERROR has arrived, 'not-ctxsync' when the
   *   bytes are not ctxsync's, and what push() threw
   */
  eof(): void {
    if (this.#pushing) throw new CtxsyncError('internal', 'Demux: eof() while push() is under way');
    if (this.#failed) throw this.#failure;
    if (this.finished) return;
    if (this.#preamble.stray !== undefined) throw this.#preamble.stray;
    throw truncated(this.wireBytes);
  }

  async #pushRest(bytes: Uint8Array): Promise<void> {
    this.#pushing = true;
    try {
      let rest = bytes;
      while (rest.length > 0) {
        if (this.#held === undefined) await this.#room();
        else await this.#held;
        rest = rest.subarray(this.#take(rest));
      }
    } finally {
      this.#pushing = false;
    }
  }

  async #room(): Promise<void> {
    this.#waitingFor = this.#current;
    await this.#current?.ring.room();
    this.#waitingFor = undefined;
  }

  #take(bytes: Uint8Array): number {
    if (this.#failed) throw this.#failure;
    try {
      if (this.#preamble.complete) return this.#decoder.decode(bytes);
      const taken = this.#preamble.take(bytes);
      if (!this.#preamble.complete) return taken;
      return taken + this.#decoder.decode(bytes.subarray(taken));
    } catch (error) {
      this.#failed = true;
      this.#failure = error;
      throw error;
    }
  }

  #handleData(header: FrameHeader, at: number): void {
    this.#order.check(header.type, at);
    const stream = this.#streamOf(header, at);
    if (stream.kind === 'want' && stream.all === true) {
      throw protocolError(`DATA of stream ${stream.id}, which wants everything`, at);
    }
    this.#current = stream;
    this.#compressed = undefined;
    if (header.flags === 0) this.#checkGrant(stream, header.length, at);
    else this.#compressed = new CompressedPayload(header.flags, header.length, at);
  }

  /** For a whole frame at once: a refusal must not depend on the pieces in which it arrives. */
  #checkGrant({ id, grant }: Incoming, length: number, at: number): void {
    if (grant?.receive(length) === false) {
      throw protocolError(`stream ${id} has more bytes than were granted`, at);
    }
  }

  #handlePayload(piece: Uint8Array): number {
    const stream = this.#current;
    if (stream === undefined) throw new CtxsyncError('internal', 'Demux: payload of no stream');
    if (this.#compressed === undefined) return this.#takePayload(stream, piece);
    return this.#compressed.push(
      piece,
      (length, at) => this.#checkGrant(stream, length, at),
      (payload) => this.#takePayload(stream, payload),
    );
  }

  #takePayload(stream: Incoming, payload: Uint8Array): number {
    const taken = stream.ring.cancelled ? payload.length : stream.ring.write(payload);
    if (taken === 0) return 0;
    stream.digest.update(taken === payload.length ? payload : payload.subarray(0, taken));
    stream.bytes += taken;
    this.#payloadBytes += taken;
    return taken;
  }

  #handleControl(header: FrameHeader, payload: Uint8Array, at: number): void {
    this.#order.check(header.type, at);
    if (header.type === FrameType.hello || header.type === FrameType.beat) this.#words += 1;
    switch (header.type) {
      case FrameType.hello:
        return this.#handleHello(payload, at);
      case FrameType.open:
        return this.#handleOpen(header, payload, at);
      case FrameType.end:
        return this.#handleEnd(header, payload, at);
      case FrameType.beat:
        return this.#handler.beat(decodeBeat(payload, at));
      case FrameType.fin:
        return this.#handleFin(payload, at);
      case FrameType.error:
        return this.#handleError(payload, at);
      default:
        return this.#handleDuplex(header, payload, at);
    }
  }

  #handleDuplex({ type, stream }: FrameHeader, payload: Uint8Array, at: number): void {
    const answers = this.#order.duplex ? this.#handler.answers : undefined;
    if (answers === undefined)
      throw protocolError(`${frameName(type)}, which nobody asked for`, at);
    if (type === FrameType.credit) {
      const taken = answers.credit(stream, decodeCredit(payload, at));
      if (!taken) throw protocolError(`CREDIT for stream ${stream} that cannot be`, at);
      return;
    }
    if (answers.receipt === undefined) throw protocolError('RECEIPT, which nobody asked for', at);
    this.#checkAllEnded('RECEIPT', at);
    this.#order.end('receipt');
    answers.receipt(decodeReceipt(payload, at));
  }

  #handleHello(payload: Uint8Array, at: number): void {
    const hello = this.#decodeHello(payload, at);
    this.#order.hello(hello.mode);
    this.#transferId = hello.transferId;
    const held = this.#handler.hello(hello);
    if (held !== undefined) this.#hold(held);
  }

  #decodeHello(payload: Uint8Array, at: number): Hello {
    try {
      return decodeHello(payload, at);
    } catch (error) {
      const transferId = transferIdToAnswer(payload);
      if (transferId !== undefined) this.#handler.badHello?.(transferId);
      throw error;
    }
  }

  #hold(held: Promise<void>): void {
    this.#decoder.held = true;
    this.#held = held.then(() => {
      this.#decoder.held = false;
      this.#held = undefined;
    });
    // A rejection reaches the caller through push().
    this.#held.catch(() => {});
  }

  #handleOpen(header: FrameHeader, payload: Uint8Array, at: number): void {
    const id = header.stream;
    if (id !== this.#lastId + 1)
      throw protocolError(`OPEN of stream ${id} after ${this.#lastId}`, at);
    if (this.#open.size === MAX_STREAMS)
      throw protocolError(`over ${MAX_STREAMS} open streams`, at);
    const open = { id, ...decodeOpen(payload, at) };
    const ring = this.#handler.open(open);
    this.#lastId = id;
    const grant = this.#order.duplex ? new CreditGrant(ring) : undefined;
    if (grant !== undefined) void this.#raise(id, grant);
    const digest = new StreamDigest(this.#transferId, id);
    this.#open.set(id, { ...open, ring, grant, digest, bytes: 0 });
  }

  /** Reports new limits as the consumer makes room, until the stream has ended. */
  async #raise(id: number, grant: CreditGrant): Promise<void> {
    for (;;) {
      const limit = await grant.raise();
      if (limit === undefined) return;
      this.#handler.raised?.(id, limit);
    }
  }

  #handleEnd(header: FrameHeader, payload: Uint8Array, at: number): void {
    const stream = this.#streamOf(header, at);
    const end = decodeEnd(payload, at);
    const name = `stream ${stream.id}`;
    if (end.bytes !== stream.bytes) {
      throw protocolError(`${name} has ${stream.bytes} bytes, its END says ${end.bytes}`, at);
    }
    if (end.gmac !== stream.digest.digest()) {
      throw protocolError(`the bytes of ${name} do not match the digest of its END`, at);
    }
    this.#open.delete(stream.id);
    this.#tally.add(stream.id, end);
    stream.ring.end();
    this.#handler.end(stream, end);
  }

  #handleFin(payload: Uint8Array, at: number): void {
    const said = decodeFin(payload, at);
    this.#checkAllEnded('FIN', at);
    const fin = this.#tally.fin();
    const { streams, bytes, digest } = fin;
    if (said.streams !== streams || said.bytes !== bytes || said.digest !== digest) {
      throw protocolError('FIN does not match the streams before it', at);
    }
    this.#order.end('fin');
    this.#handler.fin(fin);
  }

  #handleError(payload: Uint8Array, at: number): void {
    const error = decodePeerError(payload, at);
    this.#order.end('error');
    this.#handler.peerError(error);
  }

  #checkAllEnded(frame: string, at: number): void {
    if (this.#open.size > 0)
      throw protocolError(`${frame} with ${this.#open.size} streams open`, at);
  }

  /** The open stream of a DATA or END, whose offset must match the bytes that have arrived. */
  #streamOf({ type, stream: id, offset }: FrameHeader, at: number): Incoming {
    const stream = this.#open.get(id);
    const name = `${frameName(type)} of stream ${id}`;
    if (stream === undefined) throw protocolError(`${name}, which is not open`, at);
    if (offset === stream.bytes >>> 0) return stream;
    throw protocolError(`${name} with offset ${offset} after ${stream.bytes} bytes`, at);
  }
}

function truncated(bytes: number): CtxsyncError {
  const message =
    bytes === 0
      ? 'nothing arrived: the other side did not start, or failed at once, or this runs in docker exec or kubectl exec without -i'
      : `the transfer was cut off after ${bytes} bytes: the other side was killed or cancelled, or the connection broke`;
  return new CtxsyncError('truncated', message);
}
