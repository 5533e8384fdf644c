import { randomBytes } from 'node:crypto';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { LINGER_MS, SAME_SIGNAL_MS } from '../limits.ts';
import type { WireObservation } from '../observe/verdict.ts';
import type { Plan } from '../observe/work.ts';
import { FirstFailure } from '../transfer/first-failure.ts';
import { Monitor, type WireMovement } from '../transfer/monitor.ts';
import { ITEMIZE } from '../transfer/options.ts';
import { closeTransport, PeerLink } from '../transfer/peer-link.ts';
import { toTransport } from '../transport/to-transport.ts';
import { isConnection, type Connection, type Outgoing } from '../transport/transport.ts';
import { BandwidthLimit } from '../wire/bandwidth-limit.ts';
import type { Open } from '../wire/messages.ts';
import type { OutgoingStream } from '../wire/mux.ts';
import { withTimeout } from '../with-timeout.ts';
import { Answers, type AnswersOptions } from './answers.ts';
import { chooseDuplex, chooseOneWay, type Compression } from './compression.ts';
import { namesForHello } from './context.ts';
import type { SilentInput } from './input.ts';
import type { TryOptions } from './send-options.ts';

export interface ReceiverLinkOptions extends TryOptions {
  createWantsRing: AnswersOptions['createWantsRing'];
  createChangesRing: () => Ring;
  /** What is known about the work of the transfer. */
  plan: () => Plan;
  /** Milliseconds for which our disk was idle because the wire took no more data. */
  waitedMs: () => number;
  /** Bytes of the tar read so far. */
  inputBytes: () => number;
  /** What comes from elsewhere than our disk and is waited for. */
  silentInput: (now: number) => SilentInput | undefined;
}

/** Error codes that mean that the other side is gone. */
const LOST = new Set<ErrorCode>(['peer-gone', 'truncated', 'outcome-unknown']);

/** A sender's connection to its receiver: what it sends, and what the receiver answers. */
export class ReceiverLink {
  readonly failure: FirstFailure;
  readonly monitor: Monitor;
  /** Duplex only. */
  readonly answers: Answers | undefined;
  released: Promise<void> = Promise.resolve();
  readonly #options: ReceiverLinkOptions;
  readonly #transferId = randomBytes(16).toString('hex');
  readonly #to: Outgoing | Connection;
  readonly #link: PeerLink;

  constructor(options: ReceiverLinkOptions) {
    this.#options = options;
    this.failure = new FirstFailure(options.signal, options.abortGraceMs);
    this.#to = toTransport(options.to);
    const answers = this.#createAnswers();
    this.answers = isConnection(this.#to) ? answers : undefined;
    this.#link = this.#createLink(this.#to, answers);
    this.monitor = new Monitor({
      side: 'sender',
      onEvent: options.onEvent ?? (() => {}),
      onSample: options.onSample,
      plan: options.plan,
      stallAfterMs: options.stallAfterMs,
      stallTimeoutMs: options.stallTimeoutMs,
      observeWire: () => this.#observeWire(performance.now()),
      moved: () => this.#moved(),
      onTick: (now) => {
        this.failure.failOnStray(this.#link.stray, this.#link.silentMs(now));
        this.#link.tick(now);
      },
      onExpired: (error) => this.failure.fail(error),
    });
  }

  /** Sends HELLO. */
  begin(): void {
    this.monitor.start();
    this.#link.begin({
      transferId: this.#transferId,
      showsProgress: this.#options.showsProgress ?? false,
      capabilities: this.#options.onItem === undefined ? [] : [ITEMIZE],
      contexts: namesForHello(this.#options.contexts),
    });
    if (this.answers === undefined) this.#link.compress(chooseOneWay(this.#compression));
  }

  /** Duplex: settles when the receiver has confirmed the commit. @throws CtxsyncError as Answers */
  async readToReceipt(): Promise<void> {
    await this.answers?.readToReceipt(this.#link);
  }

  /** @throws CtxsyncError as Mux.open() */
  open(open: Open, ring: Ring): OutgoingStream {
    return this.#link.open(open, ring);
  }

  /** Sends FIN when all streams have ended. The receiver needs our last figures for its time shares. */
  finish(): void {
    this.#link.sendBeat();
    this.#link.finish();
  }

  /** Settles when the last frame was handed over. @throws CtxsyncError peer-gone */
  get handedOver(): Promise<void> {
    return this.#link.handedOver;
  }

  /** Duplex, after FIN: lets the receiver send the list of what it changed. */
  async grantUntil(receipt: Promise<void>): Promise<void> {
    if (this.#options.onItem !== undefined) await this.#link.grantUntil(receipt);
  }

  /** Settles when the transport has taken everything. @throws CtxsyncError peer-gone */
  async end(): Promise<void> {
    await this.#link.end();
    this.#link.stopReading();
  }

  /** Like handedOver, but if the peer closed the transport, first reads the reason it may have sent. */
  async handedOverOrExplained(receipt: Promise<void>): Promise<void> {
    try {
      await this.#link.handedOver;
    } catch (error) {
      if (this.answers !== undefined) await withTimeout(LINGER_MS, receipt);
      throw error;
    }
  }

  /** Adds what the transport knows about the failure, which may take a moment. */
  async explain(error: CtxsyncError): Promise<CtxsyncError> {
    const to = this.#to;
    if (!isConnection(to) || to.explain === undefined) return error;
    const explained = (await this.failure.waitForPeer(to.explain(error))) ?? error;
    // Ctrl-C at a terminal ends the command too, and we may see that first.
    const lost = LOST.has(error.code);
    return (lost ? await this.failure.interruptionWithin(SAME_SIGNAL_MS) : undefined) ?? explained;
  }

  /** Sends ERROR to the receiver, if it still reads, and releases the transport. */
  async fail(error: CtxsyncError): Promise<void> {
    this.released = this.#link.fail(error);
    await this.failure.waitForPeer(this.released);
  }

  async close(): Promise<void> {
    await this.failure.waitForPeer(closeTransport(this.#to, this.released));
  }

  /** What the receiver reports about the work of the transfer. */
  get peerPlan(): Plan {
    return this.#link.peerPlan;
  }

  /** The digest of FIN, once everything was sent. */
  get digest(): string | undefined {
    return this.#link.digest;
  }

  get wireBytes(): number {
    return this.#link.wireBytes;
  }

  get #compression(): Compression {
    return this.#options.compress ?? 'auto';
  }

  #createAnswers(): Answers {
    const { onItem, createChangesRing } = this.#options;
    return new Answers({
      transferId: this.#transferId,
      digest: () => this.#link.digest,
      createWantsRing: this.#options.createWantsRing,
      changes: onItem && { createRing: createChangesRing, onItem },
      onHello: (capabilities) => {
        this.#link.compress(chooseDuplex(this.#compression, capabilities));
        this.#link.sendBeat();
      },
      onQueue: (queue) => this.monitor.wait(queue),
      onCommitting: () => this.monitor.enter('committing'),
    });
  }

  #createLink(to: Outgoing | Connection, answers: Answers): PeerLink {
    const { bytesPerSecond } = this.#options;
    return new PeerLink({
      role: 'sender',
      incoming: isConnection(to) ? to.incoming : undefined,
      outgoing: () => (isConnection(to) ? to.outgoing : to),
      handler: answers,
      limit: bytesPerSecond === undefined ? undefined : new BandwidthLimit(bytesPerSecond),
      beat: (heard, isBrief) => this.monitor.beat(this.#options.waitedMs(), heard, isBrief),
    });
  }

  #moved(): WireMovement {
    const { payloadBytes, claims } = this.#link.moved();
    return { payloadBytes: payloadBytes + this.#options.inputBytes(), claims };
  }

  #observeWire(now: number): WireObservation {
    const input = this.#options.silentInput(now);
    return {
      ...this.#link.observe(now, true),
      writePendingMs: this.#link.writePendingMs(now),
      inputSilentMs: input?.silentMs,
      inputName: input?.what,
    };
  }
}
