import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { BEAT_INTERVAL_MS, LINGER_MS, RING_BYTES } from '../limits.ts';
import type { EntryCounts } from '../report.ts';
import type { WireObservation } from '../observe/verdict.ts';
import type { Plan } from '../observe/work.ts';
import {
  isConnection,
  type Connection,
  type Incoming,
  type Outgoing,
} from '../transport/transport.ts';
import type { BandwidthLimit } from '../wire/bandwidth-limit.ts';
import type { CompressionChoice } from '../wire/compression-choice.ts';
import { Demux, type IncomingStream } from '../wire/demux.ts';
import type { Beat, Fin, Hello, Open, Receipt, Role } from '../wire/messages.ts';
import { Mux, type OutgoingStream } from '../wire/mux.ts';
import { withTimeout } from '../with-timeout.ts';
import { BeatClock } from './beat-clock.ts';
import { FramePump } from './frame-pump.ts';
import { graceMs } from './grace-period.ts';
import type { Heard, WireMovement } from './monitor.ts';
import { OUR_VERSIONS } from './options.ts';
import { PeerBeat } from './peer-beat.ts';
import { peerFailed, toPeerError } from './peer-error.ts';

/** The part of this side's HELLO that differs between transfers. */
export type OurHello = Pick<Hello, 'transferId' | 'capabilities' | 'showsProgress' | 'contexts'>;

/** Handles what the peer sends. An error thrown here ends the connection, and is thrown by read(). */
export interface PeerHandler {
  /** If it returns a promise, nothing that follows is processed before that settles. */
  hello(hello: Hello): Promise<void> | void;
  /** A HELLO that expects an answer is refused: read() throws the reason next. */
  badHello?(transferId: string): void;
  /** Called when a stream begins; returns the bounded queue for its bytes. */
  open(stream: IncomingStream): Ring;
  /** Every stream of the sender has ended and was verified. */
  fin(fin: Fin): void;
  /** The receiver has committed what we sent. */
  receipt(receipt: Receipt): void;
  beat?(beat: Beat): void;
  /** The peer gave up. */
  failed(error: CtxsyncError): void;
}

export interface PeerLinkOptions {
  /** Our role. */
  role: Role;
  /** From the peer; absent when a sender's transport is one-way. */
  incoming: Incoming | undefined;
  /** To the peer, opened when there is something to send; absent when a receiver's transport is one-way. */
  outgoing: (() => Outgoing) | undefined;
  handler: PeerHandler;
  /** Of what we send; absent: none. */
  limit?: BandwidthLimit | undefined;
  /**
   * The content of our BEAT.
   * @param heard on duplex, what has arrived here
   * @param isBrief the link is slow: leave out what only shows progress
   */
  beat: (heard: Heard | undefined, isBrief: boolean) => Beat;
}

/**
 * One end of the wire, for both modes: frames out and in, beats, and the figures that the monitor
 * observes. The handler knows what the frames mean to a sender or a receiver.
 */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #demux: Demux | undefined;
  #outgoing: Outgoing | undefined;
  #mux: Mux | undefined;
  #pump: FramePump | undefined;
  #pumping: Promise<void> = Promise.resolve();
  #reading: Promise<void> = Promise.resolve();
  #isDiscarding = false;
  readonly #clock = new BeatClock();
  readonly #peerBeat = new PeerBeat();
  #lastByteAt = performance.now();

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#demux = options.incoming && this.#createDemux();
  }

  // --- out ------------------------------------------------------------------------------------

  /** Sends HELLO. From now on frames go out as fast as the transport takes them. */
  begin(hello: OurHello): void {
    const { role, incoming, outgoing, limit } = this.#options;
    if (outgoing === undefined) throw new Error('there is no transport to the peer');
    const duplex = incoming !== undefined;
    this.#outgoing = outgoing();
    this.#mux = new Mux({
      ...OUR_VERSIONS,
      role,
      mode: duplex ? 'duplex' : 'oneway',
      credit: duplex ? RING_BYTES : 0,
      beatIntervalMs: BEAT_INTERVAL_MS,
      ...hello,
    });
    this.#pump = new FramePump(this.#mux, this.#outgoing, limit);
    this.#pumping = this.#pump.run();
    // handedOver reports it, but may not be awaited yet.
    this.#pumping.catch(() => {});
  }

  /** HELLO was sent or is on its way. */
  get begun(): boolean {
    return this.#mux !== undefined;
  }

  /** Settles when the last frame was handed over. @throws CtxsyncError peer-gone */
  get handedOver(): Promise<void> {
    return this.#pumping;
  }

  /** After FIN: grants credit for what the peer still sends. @throws CtxsyncError peer-gone */
  async grantUntil(over: Promise<unknown>): Promise<void> {
    await this.#pumping;
    await this.#pump?.grantUntil(over);
  }

  /** @throws CtxsyncError as Mux.open() */
  open(open: Open, ring: Ring): OutgoingStream {
    return this.#out.open(open, ring);
  }

  /** How the frames from now on are compressed. */
  compress(choice: CompressionChoice): void {
    if (this.#pump !== undefined) this.#pump.compression = choice;
  }

  /** FIN is sent when all streams have ended. */
  finish(): void {
    this.#out.finish();
  }

  /** The digest of our FIN, once it exists. */
  get digest(): string | undefined {
    return this.#mux?.digest;
  }

  /** The last frame of our direction was handed over. */
  get finished(): boolean {
    return this.#mux?.finished === true;
  }

  /** Settles when the transport has taken everything and was closed. @throws CtxsyncError peer-gone */
  async end(): Promise<void> {
    await this.#pumping;
    await this.#outgoing?.end();
  }

  /** Confirms the commit. Settles when RECEIPT was handed over, or the sender is gone. */
  async sendReceipt(
    receipt: Pick<Receipt, 'transferId' | 'digest'>,
    counts?: EntryCounts,
  ): Promise<void> {
    this.#out.sendReceipt({ ...receipt, ...counts });
    await withTimeout(LINGER_MS, this.end());
  }

  /**
   * Sends ERROR, if there is a peer to read it, and keeps reading until the peer has ended: closing while the
   * peer still writes could lose the ERROR. Then releases the transport. Never rejects.
   */
  async fail(error: CtxsyncError): Promise<void> {
    if (this.#mux !== undefined) {
      this.#mux.fail(toPeerError(error, this.#options.role));
      await withTimeout(graceMs(error), this.#linger());
    }
    this.destroy();
  }

  async #linger(): Promise<void> {
    await this.end();
    await this.#reading;
  }

  // --- in -------------------------------------------------------------------------------------

  /**
   * Reads until the transport ends.
   * @param gate maps what a push waits for to what must be waited for instead
   * @throws CtxsyncError corrupt, not-ctxsync, what the handler throws, and what the transport does
   */
  read(
    gate: (pending: Promise<void> | undefined) => Promise<void> | undefined = same,
  ): Promise<void> {
    const { incoming } = this.#options;
    if (incoming === undefined) return Promise.resolve();
    this.#reading = incoming.read((bytes) => {
      this.#lastByteAt = performance.now();
      return this.#isDiscarding ? undefined : gate(this.#demux!.push(bytes));
    });
    return this.#reading;
  }

  /** The transport has ended. @throws CtxsyncError truncated, when that was too early */
  eof(): void {
    this.#demux?.eof();
  }

  /** Discards everything that arrives from now on. */
  discard(): void {
    this.#isDiscarding = true;
  }

  /** Nothing was read for a while, so this is not silence of the peer. */
  resumed(): void {
    this.#lastByteAt = performance.now();
  }

  /** A stream's queue is full, or the handler holds HELLO: nothing is read meanwhile. */
  get waiting(): boolean {
    return this.#demux?.waiting === true;
  }

  /** The last frame of the peer has arrived. */
  get heardAll(): boolean {
    return this.#demux?.finished === true;
  }

  /** The error for stray bytes, which cannot be ctxsync's; more of them may arrive. */
  get stray(): CtxsyncError | undefined {
    return this.#demux?.stray;
  }

  // --- both -----------------------------------------------------------------------------------

  /** Releases the transport in both directions. */
  destroy(): void {
    this.#outgoing?.destroy();
    this.#options.incoming?.destroy();
  }

  /** Stops reading. */
  stopReading(): void {
    this.#options.incoming?.destroy();
  }

  /** Bytes both ways, framing included. */
  get wireBytes(): number {
    return (this.#mux?.wireBytes ?? 0) + (this.#demux?.wireBytes ?? 0);
  }

  /** What the peer reports about the work of the transfer. */
  get peerPlan(): Plan {
    return this.#peerBeat.plan;
  }

  /** Milliseconds for which the peer's disk threads have waited so far. */
  get peerWaitedMs(): number {
    return this.#peerBeat.waitedMs;
  }

  /**
   * To be called ten times a second: sends a BEAT when one is due, but on duplex not before the peer has
   * answered, as earlier ones would only be in the way.
   *
   * @param isHeld nothing is read at present, so it is unknown what the peer has heard of us
   */
  tick(now: number, isHeld = false): void {
    const mux = this.#mux;
    if (mux === undefined) return;
    const duplex = this.#demux !== undefined && !isHeld;
    this.#clock.tick(now, mux.words, duplex ? this.#peerBeat.heard : undefined);
    const hasAnswered = this.#demux === undefined || this.#demux.words > 0;
    if (mux.finished || !hasAnswered) return;
    if (this.#clock.due(now, this.#unheardBytes)) this.sendBeat();
  }

  sendBeat(): void {
    this.#mux?.beat(
      this.#options.beat(
        this.#demux && { received: this.#demux.payloadBytes, heard: this.#demux.words },
        this.#clock.linkIsSlow,
      ),
    );
  }

  /** What has moved so far. Waiting and beats are not movement. */
  moved(): WireMovement {
    const arrived = this.#demux?.payloadBytes ?? 0;
    const written = this.#pump?.payloadBytes ?? 0;
    const { claims } = this.#peerBeat;
    return { payloadBytes: arrived + written + this.#acknowledgedBytes, claims };
  }

  /** @param reading we wait for bytes from the peer */
  observe(now: number, reading: boolean): WireObservation {
    const { linkIsSlow } = this.#clock;
    return {
      reading: reading && this.#demux !== undefined,
      silentMs: this.silentMs(now),
      arrivedBytes: this.#demux?.wireBytes ?? 0,
      linkIsSlow,
      beat: this.#peerBeat.observation(now, linkIsSlow),
      unheardBytes: this.#demux && this.#unheardBytes,
      sentBytes: this.#mux?.wireBytes,
      creditBytes: this.#demux && this.#mux?.creditBytes,
      outOfCredit: this.#mux?.outOfCredit,
      handedOver: this.#mux?.finished,
    };
  }

  /** Milliseconds since the last byte arrived. */
  silentMs(now: number): number {
    return this.#demux === undefined ? 0 : now - this.#lastByteAt;
  }

  /** Milliseconds for which a write has been pending; undefined when none is. */
  writePendingMs(now: number): number | undefined {
    return this.#pump?.pendingMs(now);
  }

  #createDemux(): Demux {
    const { role, handler } = this.#options;
    const isSender = role === 'sender';
    const peer = isSender ? 'receiver' : 'sender';
    return new Demux({
      hello: (hello) => {
        const held = handler.hello(hello);
        this.#mux?.setFirstCredit(hello.credit);
        return held;
      },
      badHello: (transferId) => handler.badHello?.(transferId),
      open: (stream) => handler.open(stream),
      raised: (id, limit) => this.#mux?.grant(id, limit),
      end: () => {},
      beat: (beat) => {
        this.#peerBeat.take(beat);
        handler.beat?.(beat);
      },
      fin: (fin) => handler.fin(fin),
      peerError: (error) => handler.failed(peerFailed(peer, error)),
      answers: {
        credit: (id, { limit }) => this.#mux?.raiseLimit(id, limit) ?? false,
        ...(isSender ? { receipt: (receipt) => handler.receipt(receipt) } : {}),
      },
    });
  }

  get #out(): Mux {
    if (this.#mux === undefined) throw new CtxsyncError('internal', 'frames before HELLO');
    return this.#mux;
  }

  /** Bytes of our payload, handed over or being written. */
  get #handedOverBytes(): number {
    return (this.#mux?.payloadBytes ?? 0) + (this.#mux?.payloadUnderWay ?? 0);
  }

  /** Bytes of our payload that the peer has acknowledged. */
  get #acknowledgedBytes(): number {
    return this.#peerBeat.receivedBytes(this.#handedOverBytes);
  }

  /** Bytes of our payload that may be in flight. */
  get #unheardBytes(): number {
    return this.#demux === undefined ? 0 : this.#handedOverBytes - this.#acknowledgedBytes;
  }
}

/** Releases what a transport holds besides its ends, once those are `released`. */
export async function closeTransport(
  transport: Incoming | Outgoing | Connection,
  released: Promise<void>,
): Promise<void> {
  await released;
  if (isConnection(transport)) await transport.close?.();
}

function same<T>(pending: T): T {
  return pending;
}
