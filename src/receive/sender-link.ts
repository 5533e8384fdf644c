import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import type { Movement } from '../observe/movement.ts';
import type { WireObservation } from '../observe/verdict.ts';
import { NOTHING, type Plan } from '../observe/work.ts';
import type { EntryCounts } from '../report.ts';
import { FirstFailure } from '../transfer/first-failure.ts';
import { Monitor, type WireMovement } from '../transfer/monitor.ts';
import { INCREMENTAL, ITEMIZE, OUR_CODECS } from '../transfer/options.ts';
import { closeTransport, PeerLink } from '../transfer/peer-link.ts';
import type { Queue } from '../transfer/queue.ts';
import { notBegun } from '../transfer/report.ts';
import { fromTransport } from '../transport/to-transport.ts';
import { isConnection, type Connection, type Incoming } from '../transport/transport.ts';
import type { IncomingStream } from '../wire/demux.ts';
import type { Hello } from '../wire/messages.ts';
import type { ReceiveOptions } from './receive-options.ts';
import type { Target } from './target.ts';

export interface SenderLinkOptions extends ReceiveOptions {
  /** Called ten times a second with what has moved. */
  onMovement?: ((now: number, seen: Movement) => void) | undefined;
}

/**
 * A receiver's connection to its sender, which it may keep waiting: until there is a target only HELLO is
 * processed and little more is read, so that a transfer that waits needs neither a ring nor a thread.
 */
export class SenderLink {
  readonly failure: FirstFailure;
  readonly monitor: Monitor;
  /** Settles when HELLO has arrived. */
  readonly hello: Promise<Hello>;
  /** The names of all contexts, if the sender listed them. */
  contexts: readonly string[] | undefined;
  /** The digest of the sender's FIN. */
  digest: string | undefined;
  released: Promise<void> = Promise.resolve();
  readonly #options: SenderLinkOptions;
  readonly #from: Incoming | Connection;
  readonly #link: PeerLink;
  #transferId = '';
  #wantsChanges = false;
  #greet = (_hello: Hello): void => {};
  #target: Target | undefined;
  /** Settles when there is a target. */
  readonly #targeted: Promise<void>;
  #settleTargeted = (): void => {};
  readonly #givenUp: Promise<void>;
  #settleGivenUp = (): void => {};
  readonly #fin: Promise<void>;
  #settleFin = (): void => {};
  /** Set while the sender is kept waiting. */
  #queue: (() => Queue | undefined) | undefined;
  /** How often the queue was checked. It counts as movement: waiting for a turn is not a stall. */
  #looks = 0;

  constructor(options: SenderLinkOptions) {
    this.#options = options;
    this.hello = new Promise((resolve) => (this.#greet = resolve));
    this.#targeted = new Promise((resolve) => (this.#settleTargeted = resolve));
    this.#givenUp = new Promise((resolve) => (this.#settleGivenUp = resolve));
    this.#fin = new Promise((resolve) => (this.#settleFin = resolve));
    this.failure = new FirstFailure(options.signal, options.abortGraceMs);
    this.#from = fromTransport(options.from);
    this.#link = this.#createLink(this.#from);
    this.monitor = new Monitor({
      side: 'receiver',
      onEvent: options.onEvent ?? (() => {}),
      onSample: options.onSample,
      stallAfterMs: options.stallAfterMs,
      stallTimeoutMs: options.stallTimeoutMs,
      plan: () => this.#plan(),
      observeWire: () => this.#observeWire(performance.now()),
      moved: () => this.#moved(),
      onMovement: options.onMovement,
      onTick: (now) => this.#tick(now),
      onExpired: (error) => this.failure.fail(error),
    });
  }

  /** Starts reading. The transport's end proves nothing: an error after FIN still counts. */
  start(): void {
    this.monitor.start();
    const read = this.#link.read((pending) => this.#gate(pending)).then(() => this.#eof());
    read.catch((error: unknown) => this.failure.fail(CtxsyncError.from(error)));
  }

  /**
   * Keeps the sender waiting, and reports to it who comes first.
   * @param queue who comes first
   * @throws CtxsyncError peer-gone if the sender leaves; what the transfer fails with
   */
  async keepWaiting(granted: Promise<unknown>, queue: () => Queue | undefined): Promise<void> {
    this.#queue = queue;
    try {
      await this.failure.race(Promise.race([granted, this.#left()]));
    } finally {
      this.#queue = undefined;
      this.monitor.wait(undefined);
    }
  }

  /** Receives all streams into the target. Settles when FIN has arrived and all before it was verified. */
  receiveInto(target: Target): Promise<void> {
    this.#target = target;
    this.#link.resumed();
    this.#settleTargeted();
    return this.#fin;
  }

  /** Opens a stream that lists the wanted entries of a context, or asks for all. */
  async sendWants(name: string, ring: Ring, all: boolean): Promise<void> {
    await this.#link.open({ kind: 'want', name, all: all ? true : undefined }, ring).ended;
  }

  /** Reports to the sender what there is to report, without waiting for its turn. */
  sendBeat(): void {
    this.#link.sendBeat();
  }

  /** Sends the list of what the commit has changed, if the sender asked for it. */
  async sendChanges(ring: Ring): Promise<void> {
    await this.#link.open({ kind: 'changes', name: '' }, ring).ended;
  }

  /** The sender wants that list. */
  get wantsChanges(): boolean {
    return this.expectsAnswers && this.#wantsChanges;
  }

  /** Confirms the commit to the sender, if it asked for that. */
  async confirm(counts: EntryCounts | undefined): Promise<void> {
    if (!this.expectsAnswers) return;
    await this.#link.sendReceipt({ transferId: this.#transferId, digest: this.digest! }, counts);
  }

  /** Discards everything that still arrives. */
  giveUp(): void {
    this.monitor.giveUp();
    this.#link.discard();
    this.#settleGivenUp();
    if (!this.expectsAnswers) this.#link.stopReading();
  }

  /** Sends the reason to the sender, after `giveUp`, and releases the transport. */
  async fail(error: CtxsyncError): Promise<void> {
    this.released = this.#link.fail(error);
    await this.failure.waitForPeer(this.released);
  }

  /** Ends a transfer that was never received. */
  async refuse(error: CtxsyncError): Promise<void> {
    this.giveUp();
    await this.fail(error);
    this.monitor.stop(false);
    await this.close();
    this.failure.close();
    const report = notBegun('receiver', error);
    this.#options.onEvent?.({ type: 'end', side: 'receiver', report });
  }

  stopReading(): void {
    this.#link.stopReading();
  }

  async close(): Promise<void> {
    await this.failure.waitForPeer(closeTransport(this.#from, this.released));
  }

  /** The sender wants to know the outcome, and there is a way to send it. */
  get expectsAnswers(): boolean {
    return this.#link.begun;
  }

  get wireBytes(): number {
    return this.#link.wireBytes;
  }

  /** Milliseconds for which the sender's disk waited for the wire to take more. */
  get senderWaitedMs(): number {
    return this.#link.peerWaitedMs;
  }

  #createLink(from: Incoming | Connection): PeerLink {
    return new PeerLink({
      role: 'receiver',
      incoming: isConnection(from) ? from.incoming : from,
      outgoing: isConnection(from) ? () => from.outgoing : undefined,
      handler: {
        hello: (hello) => this.#handleHello(hello),
        // So that it can be told why.
        badHello: (transferId) => {
          if (isConnection(from)) this.#begin(transferId);
        },
        open: (stream) => this.#handleOpen(stream),
        fin: ({ digest }) => {
          this.digest = digest;
          this.#settleFin();
        },
        receipt: () => {},
        failed: (error) => this.failure.fail(error),
      },
      beat: (heard, isBrief) => this.monitor.beat(0, heard, isBrief),
    });
  }

  #handleHello(hello: Hello): Promise<void> | undefined {
    const { role, showsProgress, mode, contexts } = hello;
    if (mode === 'duplex') this.#answer(hello);
    this.contexts = contexts;
    this.#wantsChanges = hello.capabilities.includes(ITEMIZE);
    if (role !== 'sender') {
      throw new CtxsyncError('corrupt', 'the peer is a receiver too; one side has to send');
    }
    const duplex = mode === 'duplex';
    if (showsProgress) this.#options.onEvent?.({ type: 'peer-shows-progress', duplex });
    this.#greet(hello);
    return this.#target === undefined ? this.#targeted : undefined;
  }

  #answer({ transferId }: Hello): void {
    if (isConnection(this.#from)) {
      this.#begin(transferId);
      return;
    }
    const why =
      'tar' in this.#options.to
        ? 'only a tar is written; receive into a directory'
        : 'the transport is one-way';
    const message = `the sender expects answers, and there is no way to send any: ${why}`;
    throw new CtxsyncError('usage', message);
  }

  #begin(transferId: string): void {
    this.#transferId = transferId;
    this.#link.begin({
      transferId,
      showsProgress: false,
      capabilities: [INCREMENTAL, ...OUR_CODECS],
    });
  }

  #handleOpen(stream: IncomingStream): Ring {
    const { id, kind, name } = stream;
    const { contexts } = this;
    if (contexts?.includes(name) === false) {
      throw new CtxsyncError('corrupt', `stream ${id} is of a context that HELLO does not name`);
    }
    const comparable = this.expectsAnswers && contexts !== undefined;
    if (kind === 'tree' || (kind === 'manifest' && comparable && 'directory' in this.#options.to)) {
      return this.#target!.open(stream, contexts ?? []);
    }
    throw new CtxsyncError('corrupt', `stream ${id} has the unexpected kind ${kind}`);
  }

  /** What must happen before more is read. What arrives after a failure is discarded. */
  #gate(pending: Promise<void> | undefined): Promise<void> | undefined {
    if (this.#target === undefined) return pending && Promise.race([pending, this.#givenUp]);
    if (!this.#target.crowded) return pending;
    return Promise.race([this.#afterTurns(this.#target, pending), this.#givenUp]);
  }

  /** Reads nothing more while streams wait for their turn: only what has already arrived is kept for them. */
  async #afterTurns(target: Target, pending: Promise<void> | undefined): Promise<void> {
    await pending;
    await target.noneWaiting();
  }

  #eof(): void {
    try {
      this.#link.eof();
    } catch (error) {
      throw this.#target === undefined ? senderLeft(error) : error;
    }
  }

  /** Little is read from a waiting sender: it is known to have left when it takes no more beats. */
  async #left(): Promise<never> {
    try {
      await this.#link.handedOver;
    } catch (cause) {
      throw senderLeft(cause);
    }
    return new Promise<never>(() => {});
  }

  #tick(now: number): void {
    this.failure.failOnStray(this.#link.stray, this.#link.silentMs(now));
    if (this.#queue !== undefined) {
      const queue = this.#queue();
      if (queue !== undefined) this.#looks += 1;
      this.monitor.wait(queue);
    }
    this.#link.tick(now, this.#target === undefined);
  }

  /** The sender has counted its contexts; the target knows what it compared. */
  #plan(): Plan {
    const { contexts, whole } = this.#link.peerPlan;
    const { comparing, wantsWhole = false } = this.#target?.comparing(this.contexts ?? []) ?? {};
    return { contexts, whole: wantsWhole ? whole : NOTHING, comparing };
  }

  #moved(): WireMovement {
    const { payloadBytes, claims } = this.#link.moved();
    const elsewhere = (this.#target?.outputBytes ?? 0) + this.#looks;
    return { payloadBytes: payloadBytes + elsewhere, claims };
  }

  #observeWire(now: number): WireObservation {
    const { waiting, heardAll } = this.#link;
    const readingBlocked = waiting || this.#target?.crowded === true;
    const reading = !readingBlocked && !heardAll;
    const outputPendingMs = this.#target?.outputPendingMs(now);
    return { ...this.#link.observe(now, reading), outputPendingMs, readingBlocked };
  }
}

/** @param cause the error that showed it */
function senderLeft(cause: unknown): CtxsyncError {
  return new CtxsyncError('peer-gone', 'the sender left while it waited for its turn', { cause });
}
