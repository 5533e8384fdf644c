import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { FIRST_FRAME_BYTES, MAX_STREAM_ID, MAX_STREAMS } from '../limits.ts';
import { CODEC_FLAGS, compress, type Codec } from './codec.ts';
import { ControlQueue } from './control-queue.ts';
import { encodeFrame, FrameType } from './frame.ts';
import {
  encodeEnd,
  encodeFin,
  encodePeerError,
  type Beat,
  type End,
  type Hello,
  type Open,
  type PeerError,
  type Receipt,
  type StreamKind,
} from './messages.ts';
import { StreamDigest } from './stream-digest.ts';
import { StreamTotals } from './stream-totals.ts';

export interface OutgoingStream {
  /** From 1 up, never reused. */
  readonly id: number;
  readonly kind: StreamKind;
  readonly name: string;
  /** Settles once END is written; never after fail() or once its ring is cancelled. */
  readonly ended: Promise<void>;
}

interface Outgoing extends OutgoingStream {
  readonly ring: Ring;
  readonly digest: StreamDigest;
  readonly settleEnded: () => void;
  /** Bytes put into frames so far. */
  bytes: number;
  /** Bytes that may be put into frames: the receiver's credit, or Infinity where there is none. */
  limit: number;
  /** A wake-up by the ring is pending: at most one per stream. */
  watched: boolean;
}

/** What written() must do for the current frame. */
interface UnderWay {
  wireBytes: number;
  last: boolean;
  /** DATA: the ring that holds the payload. */
  ring?: Ring;
  /** DATA: bytes of the stream in it. */
  payloadBytes?: number;
  /** END: settles the stream's `ended`. */
  settleEnded?: () => void;
}

/**
 * The outgoing direction of a connection: turns rings and events into frames, one at a time, when the
 * transport asks. It buffers nothing: payload stays in its ring until it is written.
 *
 * Control frames go before data; streams with data take turns. The caller owns the rings: a stream
 * whose ring was cancelled sends nothing more and never ends, so the caller must call fail() after a
 * cancellation, and must cancel the rings after fail(), so that nothing waits for room in them.
 */
export class Mux {
  readonly #transferId: string;
  readonly #tally = new StreamTotals();
  readonly #controls: ControlQueue;
  /** The stream whose turn is next comes first. */
  #streams: Outgoing[] = [];
  #lastId = 0;
  #error: PeerError | undefined;
  /** Bytes that each new stream may send before its first CREDIT. */
  #firstCredit: number;
  #state: 'open' | 'finishing' | 'fin' | 'error' = 'open';
  #underWay: UnderWay | undefined;
  #wireBytes = 0;
  #payloadBytes = 0;
  #words = 0;
  #finished = false;
  #digest: string | undefined;
  #readiness: { promise: Promise<void>; settle: () => void } | undefined;

  constructor(hello: Hello) {
    this.#transferId = hello.transferId;
    this.#controls = new ControlQueue(hello);
    // On duplex the peer's room is unknown before its HELLO.
    this.#firstCredit = hello.mode === 'duplex' ? 0 : Infinity;
  }

  /** Streams open now. Another can be opened while there are fewer than MAX_STREAMS. */
  get openStreams(): number {
    return this.#streams.length;
  }

  /** Bytes written, framing included. */
  get wireBytes(): number {
    return this.#wireBytes;
  }

  /** Stream bytes written: only these are progress. */
  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Bytes of payload in the current frame. */
  get payloadUnderWay(): number {
    return this.#underWay?.payloadBytes ?? 0;
  }

  /** Bytes of the current frame as it travels. */
  get wireUnderWay(): number {
    return this.#underWay?.wireBytes ?? 0;
  }

  /** Bytes that the open streams may still send before the peer raises a limit; Infinity one way. */
  get creditBytes(): number {
    return this.#streams.reduce((sum, { limit, bytes }) => sum + limit - bytes, 0);
  }

  /** A stream has bytes to send, and no credit. */
  get outOfCredit(): boolean {
    return this.#streams.some(
      ({ ring, bytes, limit }) => bytes >= limit && ring.readable().length > 0,
    );
  }

  /** HELLO and BEATs that next() returned: the peer reports how many of them it received. */
  get words(): number {
    return this.#words;
  }

  /** FIN, RECEIPT or ERROR was written. */
  get finished(): boolean {
    return this.#finished;
  }

  /** FIN's digest, once FIN exists. */
  get digest(): string | undefined {
    return this.#digest;
  }

  /**
   * Opens a stream that sends the bytes of the ring until it is drained, and then END.
   *
   * @throws CtxsyncError 'over-limit' when the transfer is out of ids; 'internal' when MAX_STREAMS are
   *   open, after finish() or fail(), or for a bad name
   */
  open(open: Open, ring: Ring): OutgoingStream {
    if (this.#state !== 'open') throw misuse('open() after the end');
    if (this.#streams.length === MAX_STREAMS) throw misuse(`over ${MAX_STREAMS} open streams`);
    if (this.#lastId === MAX_STREAM_ID) {
      throw new CtxsyncError('over-limit', `a transfer has at most ${MAX_STREAM_ID} streams`);
    }
    const id = this.#lastId + 1;
    this.#controls.open(id, open);
    this.#lastId = id;
    let settleEnded = (): void => {};
    const ended = new Promise<void>((resolve) => (settleEnded = resolve));
    const { kind, name } = open;
    const stream: OutgoingStream = { id, kind, name, ended };
    const digest = new StreamDigest(this.#transferId, id);
    this.#streams.push({
      ...stream,
      ring,
      digest,
      settleEnded,
      bytes: 0,
      limit: this.#firstCredit,
      watched: false,
    });
    this.#wake();
    return stream;
  }

  /** Duplex: how many bytes each stream may send before its first CREDIT, from the peer's HELLO. */
  setFirstCredit(credit: number): void {
    const more = credit - this.#firstCredit;
    this.#firstCredit = credit;
    for (const stream of this.#streams) stream.limit += more;
    this.#wake();
  }

  /**
   * Duplex: applies the peer's CREDIT for a stream of ours; ignored if the stream has ended.
   * @returns false when there never was such a stream, or the limit went down
   */
  raiseLimit(id: number, limit: number): boolean {
    if (id > this.#lastId) return false;
    const stream = this.#streams.find((each) => each.id === id);
    if (stream === undefined) return true;
    if (limit < stream.limit) return false;
    stream.limit = limit;
    this.#wake();
    return true;
  }

  /** Duplex: sends the peer the new limit of one of its streams; replaces one still queued. */
  grant(id: number, limit: number): void {
    this.#controls.grant(id, limit);
    this.#wake();
  }

  /** Duplex: everything is committed; the last frame of this direction except BEATs. */
  sendReceipt(receipt: Receipt): void {
    this.#controls.receipt(receipt);
    this.#wake();
  }

  /** Replaces a beat that is still queued. */
  beat(beat: Beat): void {
    this.#controls.beat(beat);
    this.#wake();
  }

  /**
   * Sends ERROR as the last frame: the current frame is completed, all others are dropped. The first of
   * several errors counts.
   */
  fail(error: PeerError): void {
    this.#error ??= error;
    if (this.#state === 'open') this.#state = 'finishing';
    this.#wake();
  }

  /** Sends FIN once every opened stream has ended. */
  finish(): void {
    if (this.#state === 'open') this.#state = 'finishing';
    this.#wake();
  }

  /**
   * The next frame, in pieces to write in this order; valid until written().
   *
   * @param mostPayload bytes of payload that DATA may have, up to MAX_PAYLOAD_BYTES; 0: no DATA
   * @param codec compresses DATA that shrinks
   * @returns undefined when there is nothing to send now
   * @throws CtxsyncError 'internal' when written() was not called for the previous frame
   */
  next(mostPayload = FIRST_FRAME_BYTES, codec?: Codec): Uint8Array[] | undefined {
    if (this.#underWay !== undefined) throw misuse('next() before written()');
    const views = this.#nextFrame(mostPayload, codec);
    if (views === undefined) return undefined;
    const underWay: UnderWay = (this.#underWay ??= { wireBytes: 0, last: false });
    for (const view of views) underWay.wireBytes += view.length;
    return views;
  }

  /** The frame of next() was written: its bytes in the ring may be reused. */
  written(): void {
    const underWay = this.#underWay;
    if (underWay === undefined) throw misuse('written() before next()');
    this.#underWay = undefined;
    this.#wireBytes += underWay.wireBytes;
    this.#payloadBytes += underWay.payloadBytes ?? 0;
    this.#finished ||= underWay.last;
    underWay.ring?.consumed(underWay.payloadBytes ?? 0);
    underWay.settleEnded?.();
  }

  /**
   * Settles when next() may have a frame. Repeated calls share one promise and one waiter per stream.
   * After ERROR it never settles: check `finished`.
   */
  ready(): Promise<void> {
    if (this.#readiness !== undefined) return this.#readiness.promise;
    if (this.#hasFrame()) return Promise.resolve();
    let settle = (): void => {};
    const promise = new Promise<void>((resolve) => (settle = resolve));
    this.#readiness = { promise, settle };
    if (this.#error === undefined) for (const stream of this.#streams) this.#watch(stream);
    return promise;
  }

  #nextFrame(mostPayload: number, codec: Codec | undefined): Uint8Array[] | undefined {
    if (this.#state === 'error') return undefined;
    // Only HELLO goes before an ERROR; queued OPENs are dropped with their streams.
    if (this.#error !== undefined && this.#wireBytes > 0) return this.#errorFrame(this.#error);
    const control = this.#controls.next();
    if (control === undefined) return this.#streamFrame(mostPayload, codec) ?? this.#finFrame();
    if (control.type === FrameType.hello || control.type === FrameType.beat) this.#words += 1;
    if (control.type === FrameType.receipt) {
      this.#state = 'fin';
      this.#underWay = { wireBytes: 0, last: true };
    }
    return control.views;
  }

  #errorFrame(error: PeerError): Uint8Array[] {
    this.#state = 'error';
    this.#underWay = { wireBytes: 0, last: true };
    this.#streams = [];
    return encodeFrame(FrameType.error, 0, 0, encodePeerError(error));
  }

  /** DATA or END of the first stream that has one; the stream then goes to the back. */
  #streamFrame(mostPayload: number, codec: Codec | undefined): Uint8Array[] | undefined {
    for (const [index, stream] of this.#streams.entries()) {
      if (stream.ring.cancelled) continue;
      const payload = stream.ring.readable();
      if (payload.length === 0 && !stream.ring.drained) continue;
      const most = Math.min(stream.limit - stream.bytes, mostPayload);
      if (payload.length > 0 && most <= 0) continue;
      this.#streams.splice(index, 1);
      if (payload.length === 0) return this.#endFrame(stream);
      this.#streams.push(stream);
      return this.#dataFrame(stream, payload.subarray(0, most), codec);
    }
    return undefined;
  }

  #dataFrame(stream: Outgoing, payload: Uint8Array, codec: Codec | undefined): Uint8Array[] {
    const { bytes, flags } = travelling(payload, codec);
    const views = encodeFrame(FrameType.data, stream.id, stream.bytes, bytes, flags);
    stream.digest.update(payload);
    stream.bytes += payload.length;
    const { ring } = stream;
    this.#underWay = { wireBytes: 0, last: false, ring, payloadBytes: payload.length };
    return views;
  }

  #endFrame(stream: Outgoing): Uint8Array[] {
    const end: End = { bytes: stream.bytes, gmac: stream.digest.digest() };
    this.#tally.add(stream.id, end);
    this.#underWay = { wireBytes: 0, last: false, settleEnded: stream.settleEnded };
    return encodeFrame(FrameType.end, stream.id, stream.bytes, encodeEnd(end));
  }

  #finFrame(): Uint8Array[] | undefined {
    if (this.#state !== 'finishing' || this.#streams.length > 0) return undefined;
    this.#state = 'fin';
    const fin = this.#tally.fin();
    this.#digest = fin.digest;
    this.#underWay = { wireBytes: 0, last: true };
    return encodeFrame(FrameType.fin, 0, 0, encodeFin(fin));
  }

  #hasFrame(): boolean {
    if (this.#state === 'error') return false;
    if (this.#error !== undefined || !this.#controls.empty) return true;
    if (this.#state === 'finishing' && this.#streams.length === 0) return true;
    return this.#streams.some(hasFrame);
  }

  #watch(stream: Outgoing): void {
    if (stream.watched || stream.ring.cancelled) return;
    // Without credit, raiseLimit() wakes us.
    if (stream.bytes >= stream.limit && stream.ring.readable().length > 0) return;
    stream.watched = true;
    // data() never rejects.
    void stream.ring.data().then(() => {
      stream.watched = false;
      this.#wake();
    });
  }

  #wake(): void {
    const readiness = this.#readiness;
    this.#readiness = undefined;
    readiness?.settle();
  }
}

/** The payload of DATA as it travels: compressed, unless it does not shrink. */
function travelling(
  payload: Uint8Array,
  codec: Codec | undefined,
): { bytes: Uint8Array; flags: number } {
  if (codec !== undefined) {
    const bytes = compress(codec, payload);
    if (bytes.length < payload.length) return { bytes, flags: CODEC_FLAGS[codec] };
  }
  return { bytes: payload, flags: 0 };
}

function hasFrame({ ring, bytes, limit }: Outgoing): boolean {
  if (ring.cancelled) return false;
  return ring.drained || (bytes < limit && ring.readable().length > 0);
}

function misuse(what: string): CtxsyncError {
  return new CtxsyncError('internal', `Mux: ${what}`);
}
