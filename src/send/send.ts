import { randomBytes } from 'node:crypto';
import type { Writable } from 'node:stream';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import { LINGER_MS, MAX_HELLO_CONTEXTS, MAX_STREAMS, SAME_SIGNAL_MS } from '../limits.ts';
import type { TransferReport } from '../report.ts';
import { withTimeout } from '../with-timeout.ts';
import { timeShares } from '../observe/time-shares.ts';
import type { WireObservation } from '../observe/verdict.ts';
import type { Connection, Outgoing } from '../transport/transport.ts';
import { isConnection } from '../transport/transport.ts';
import { toTransport } from '../transport/node-stream.ts';
import { ContextSender, nameOf, type Context } from './context-sender.ts';
import { DiskThreads } from '../transfer/disk-threads.ts';
import { FirstFailure } from '../transfer/first-failure.ts';
import { graceMs } from '../transfer/grace-period.ts';
import { Monitor, type WireMovement } from '../transfer/monitor.ts';
import { PathNoteCollector } from '../transfer/path-notes.ts';
import { INCREMENTAL, type TransferOptions } from '../transfer/options.ts';
import { PeerLink } from '../transfer/peer-link.ts';
import { Answers } from './answers.ts';
import { makeReport } from '../transfer/report.ts';
import { checkContexts } from './check-contexts.ts';
import { countTotals } from './count-totals.ts';

export interface SendOptions extends TransferOptions {
  /** Each is sent in a stream of its own, several at the same time. */
  contexts: readonly Context[];
  /**
   * One way (a Writable, or a Transform): then all that can be known is that everything was handed
   * over. Or both ways (a Duplex): then it is done when the receiver has said that it committed.
   */
  to: Outgoing | Connection | Writable;
  /** This side shows progress on a terminal, so the receiver need not. */
  showsProgress?: boolean | undefined;
  /** Duplex: send everything, even what the receiver already has. */
  full?: boolean | undefined;
  /** Duplex: compare file contents instead of size and mtime. Reads every file. */
  checksum?: boolean | undefined;
  /** Count entries and bytes ahead of the transfer, for an ETA. Costs a second walk. */
  countTotals?: boolean | undefined;
}

/**
 * Sends contexts. Resolves on a one-way transport when all is handed over, on one that goes both ways
 * when the receiver has committed.
 *
 * @throws CtxsyncError with the report; nothing is committed by the receiver then
 */
export async function send(options: SendOptions): Promise<TransferReport> {
  checkContexts(options.contexts);
  const run = new SendRun(options);
  let error: CtxsyncError | undefined;
  try {
    await run.transfer();
  } catch (thrown) {
    error = await run.explain(CtxsyncError.from(thrown));
    await run.giveUp(error);
    error = run.outcome(error);
  }
  const report = await run.conclude(error);
  if (error !== undefined) throw Object.assign(error, { report });
  return report;
}

/** Error codes that mean that the other side is gone. */
const LOST = new Set<ErrorCode>(['peer-gone', 'truncated', 'outcome-unknown']);

class SendRun {
  readonly #options: SendOptions;
  readonly #notes = new PathNoteCollector();
  readonly #threads = new DiskThreads('sender', (note) => this.#notes.add(note));
  readonly #failure: FirstFailure;
  readonly #transferId = randomBytes(16).toString('hex');
  /** Duplex only. */
  readonly #answers: Answers | undefined;
  readonly #to: Outgoing | Connection;
  readonly #link: PeerLink;
  readonly #monitor: Monitor;
  readonly #sender: ContextSender;
  /** Contexts that the receiver wants all of. */
  #allWanted = 0;

  constructor(options: SendOptions) {
    this.#options = options;
    this.#failure = new FirstFailure(options.signal);
    this.#to = toTransport(options.to);
    const to = this.#to;
    const answers = new Answers({
      transferId: this.#transferId,
      digest: () => this.#link.digest,
      createRing: () => this.#threads.ring(),
      onHello: () => this.#link.sendBeat(),
      onQueue: (queue) => this.#monitor.wait(queue),
    });
    this.#answers = isConnection(to) ? answers : undefined;
    this.#link = new PeerLink({
      role: 'sender',
      incoming: isConnection(to) ? to.incoming : undefined,
      outgoing: () => (isConnection(to) ? to.outgoing : to),
      handler: answers,
      beat: (heard) => this.#monitor.beat(this.#waitedMs(), heard),
    });
    this.#monitor = new Monitor({
      side: 'sender',
      onEvent: options.onEvent ?? (() => {}),
      stallAfterMs: options.stallAfterMs,
      stallTimeoutMs: options.stallTimeoutMs,
      observeWire: () => this.#observeWire(performance.now()),
      moved: () => this.#moved(),
      onTick: (now) => {
        this.#failure.failOnStray(this.#link.stray, this.#link.silentMs(now));
        this.#link.tick(now);
      },
      onExpired: (error) => this.#failure.fail(error),
    });
    this.#sender = new ContextSender({
      threads: this.#threads,
      monitor: this.#monitor,
      link: this.#link,
      checksum: options.checksum ?? false,
      onNote: (note) => this.#notes.add(note),
      onAllWanted: () => {
        this.#allWanted += 1;
        if (this.#allWanted === options.contexts.length) void this.#countTotals();
      },
    });
  }

  /** disk -> walk -> pack -> ring -> mux -> transport. */
  async transfer(): Promise<void> {
    this.#monitor.start();
    this.#link.begin({
      transferId: this.#transferId,
      showsProgress: this.#options.showsProgress ?? false,
      capabilities: [],
      contexts: announced(this.#options.contexts),
    });
    const receipt = this.#answers?.readToReceipt(this.#link);
    await this.#failure.race(Promise.all([this.#handAllOver(receipt), this.#sendAll(), receipt]));
    await this.#failure.race(this.#link.end());
    this.#link.stopReading();
  }

  /** A peer that closed the transport may have sent the reason: read that first. */
  async #handAllOver(receipt: Promise<void> | undefined): Promise<void> {
    try {
      await this.#link.handedOver;
    } catch (error) {
      if (receipt !== undefined) await withTimeout(LINGER_MS, receipt);
      throw error;
    }
  }

  /** Adds what the transport knows about the failure, which may take a moment to be known. */
  async explain(error: CtxsyncError): Promise<CtxsyncError> {
    const to = this.#to;
    if (!isConnection(to) || to.explain === undefined) return error;
    const explained = await to.explain(error);
    // Ctrl-C at a terminal ends the command too, and we may see that first.
    const lost = LOST.has(error.code);
    return (lost ? await this.#failure.interruptionWithin(SAME_SIGNAL_MS) : undefined) ?? explained;
  }

  /** What a failure means after everything was sent: the receiver may have committed. */
  outcome(error: CtxsyncError): CtxsyncError | undefined {
    if (this.#answers === undefined || this.#link.digest === undefined) return error;
    // The receipt arrived after all, while we were giving up.
    if (this.#answers.committed) return undefined;
    if (error.code !== 'interrupted' && error.code !== 'stalled') return error;
    const why = error.code === 'interrupted' ? 'interrupted' : error.message;
    const message = `${why}; everything had been sent, but the receiver had not said that it committed; look at its side, or send again`;
    return new CtxsyncError('outcome-unknown', message, { cause: error });
  }

  /** Sends ERROR to the receiver, if it still reads, and releases everything. */
  async giveUp(error: CtxsyncError): Promise<void> {
    this.#monitor.giveUp();
    this.#threads.cancel();
    this.#sender.destroy();
    await this.#link.fail(error);
    this.#link.destroy();
    await this.#threads.settle(graceMs(error));
  }

  async conclude(error: CtxsyncError | undefined): Promise<TransferReport> {
    this.#failure.close();
    this.#monitor.stop(error === undefined);
    const contexts = this.#sender.contexts();
    const totalMs = this.#monitor.elapsedMs;
    const times = timeShares({ totalMs, senderWaitedMs: this.#waitedMs() });
    await this.#threads.end();
    if (isConnection(this.#to)) await this.#to.close?.();
    const { wireBytes, digest } = this.#link;
    const counts = this.#answers?.counts;
    const outcome = { side: 'sender', error, contexts, counts, wireBytes, digest, times } as const;
    const report = makeReport(outcome, this.#monitor, this.#notes);
    const entries = report.entries + (counts?.unchanged ?? 0);
    if (error === undefined && entries === 0) this.#warnOfNothing();
    this.#options.onEvent?.({ type: 'end', side: 'sender', report });
    return report;
  }

  async #sendAll(): Promise<void> {
    const changesOnly = await this.#sendsChangesOnly();
    this.#monitor.enter(changesOnly ? 'comparing' : 'sending');
    if (!changesOnly) void this.#countTotals();
    const waiting = [...this.#options.contexts];
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (changesOnly && !('tar' in next)) await this.#sender.sendChanges(next, this.#answers!);
        else await this.#sender.sendWhole(next);
      }
    };
    // A context that is compared may have its manifest and its tree open at the same time.
    const lanes = changesOnly ? MAX_STREAMS / 2 : MAX_STREAMS;
    await Promise.all(Array.from({ length: lanes }, lane));
    // The receiver needs our last figures to work out where the time went.
    this.#link.sendBeat();
    this.#link.finish();
  }

  /** To compare, the receiver must know the names of all contexts, and be able to answer. */
  async #sendsChangesOnly(): Promise<boolean> {
    const { contexts, full } = this.#options;
    if (this.#answers === undefined || full === true) return false;
    if (announced(contexts) === undefined || contexts.some((each) => 'tar' in each)) return false;
    return (await this.#answers.capabilities).includes(INCREMENTAL);
  }

  async #countTotals(): Promise<void> {
    if (this.#options.countTotals !== true) return;
    const { contexts } = this.#options;
    this.#monitor.totals = await countTotals(
      contexts,
      this.#threads,
      (context, thread) => this.#sender.open(context, thread),
      this.#link.handedOver,
    );
  }

  #warnOfNothing(): void {
    this.#options.onEvent?.({
      type: 'warning',
      side: 'sender',
      message: 'the context is empty: no files were sent; check the directory and the ignore rules',
    });
  }

  /** Milliseconds in which our disk was idle because the wire took no more data. */
  #waitedMs(): number {
    return Math.max(0, this.#monitor.elapsedMs - this.#threads.workedMs());
  }

  #moved(): WireMovement {
    const { payloadBytes, claims } = this.#link.moved();
    return { payloadBytes: payloadBytes + this.#sender.inputBytes, claims };
  }

  #observeWire(now: number): WireObservation {
    return {
      ...this.#link.observe(now, true),
      writePendingMs: this.#link.writePendingMs(now),
      inputSilentMs: this.#sender.inputSilentMs(now),
    };
  }
}

/** The names of the contexts for HELLO; undefined when they are too many. */
function announced(contexts: readonly Context[]): string[] | undefined {
  return contexts.length > MAX_HELLO_CONTEXTS ? undefined : contexts.map(nameOf);
}
