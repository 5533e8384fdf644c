import { randomBytes } from 'node:crypto';
import { Budget } from '../archive/budget.ts';
import { toText } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { BEAT_INTERVAL_MS, COUNT_AFTER_MS, MAX_STREAMS } from '../limits.ts';
import type { TransferReport } from '../observe/events.ts';
import { within } from '../within.ts';
import { timeShares } from '../observe/time-shares.ts';
import type { Incoming, Outgoing } from '../transport/transport.ts';
import { MAX_VERSION, MIN_VERSION } from '../wire/frame.ts';
import type { Beat } from '../wire/messages.ts';
import { Mux } from '../wire/mux.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import type { ContextSource } from '../worker/jobs.ts';
import { Crew } from './crew.ts';
import { Failure } from './failure.ts';
import { graceMs } from './give-up.ts';
import { Monitor } from './monitor.ts';
import { Notes } from './notes.ts';
import type { TransferOptions } from './options.ts';
import { PumpOut } from './pump-out.ts';
import { makeReport } from './report.ts';
import { TarInput } from './tar-input.ts';

/** What is sent: a folder, or a tar (plain or gzip) that comes from elsewhere. */
export type Context =
  | (ContextSource & {
      /** The folder in OUT that it becomes; '' or absent: OUT itself. */
      name?: string | undefined;
    })
  | { tar: Incoming };

export interface SendOptions extends TransferOptions {
  /** Each travels in a stream of its own, several side by side. */
  contexts: readonly Context[];
  to: Outgoing;
  /** We show progress on a terminal, so the receiver need not. */
  speaks?: boolean | undefined;
  /** Count entries and bytes ahead of the transfer, for an ETA. Costs a second walk. */
  countTotals?: boolean | undefined;
}

/**
 * Sends contexts. Resolves when all is handed over to the transport; on a one-way transport nothing
 * more can be known here.
 *
 * @throws CtxsyncError; nothing is committed by the receiver then. The report comes as the last event
 */
export async function send(options: SendOptions): Promise<TransferReport> {
  const run = new SendRun(options);
  let error: CtxsyncError | undefined;
  try {
    await run.transfer();
  } catch (thrown) {
    error = CtxsyncError.from(thrown);
    await run.giveUp(error);
  }
  const report = await run.conclude(error);
  if (error !== undefined) throw error;
  return report;
}

interface Sending {
  name: string;
  thread: DiskThread;
}

class SendRun {
  readonly #options: SendOptions;
  readonly #notes = new Notes();
  readonly #crew = new Crew('waitedForRoomMs', (word) => this.#notes.add(word));
  readonly #failure: Failure;
  readonly #mux: Mux;
  readonly #pump: PumpOut;
  readonly #monitor: Monitor;
  readonly #sending: Sending[] = [];
  #pumping: Promise<void> = Promise.resolve();
  #input: TarInput | undefined;
  #beatAt = 0;

  constructor(options: SendOptions) {
    this.#options = options;
    this.#failure = new Failure(options.signal);
    this.#mux = new Mux({
      minVersion: MIN_VERSION,
      maxVersion: MAX_VERSION,
      role: 'sender',
      mode: 'oneway',
      transferId: randomBytes(16).toString('hex'),
      credit: 0,
      beatIntervalMs: BEAT_INTERVAL_MS,
      speaks: options.speaks ?? false,
      capabilities: [],
    });
    this.#pump = new PumpOut(this.#mux, options.to);
    this.#monitor = new Monitor({
      side: 'sender',
      onEvent: options.onEvent ?? (() => {}),
      stallAfterMs: options.stallAfterMs,
      stallTimeoutMs: options.stallTimeoutMs,
      observeWire: () => this.#observeWire(performance.now()),
      payloadBytes: () => this.#mux.payloadBytes,
      onTick: (now) => this.#beat(now),
      onExpired: (error) => this.#failure.fail(error),
    });
  }

  /** disk -> walk -> pack -> ring -> mux -> transport. */
  async transfer(): Promise<void> {
    this.#monitor.start();
    this.#monitor.enter('sending');
    this.#pumping = this.#pump.run();
    if (this.#options.countTotals === true) void this.#countTotals();
    await this.#race(Promise.all([this.#pumping, this.#sendAll()]));
    await this.#race(this.#options.to.end());
  }

  /** Says ERROR to the receiver, if it still listens, and lets go of everything. */
  async giveUp(error: CtxsyncError): Promise<void> {
    this.#crew.cancel();
    this.#input?.destroy();
    this.#mux.fail({
      code: error.code,
      origin: 'sender',
      message: error.message,
      path: error.path,
    });
    await within(graceMs(error), this.#handOver());
    this.#options.to.destroy();
    await this.#crew.settle(graceMs(error));
  }

  async #handOver(): Promise<void> {
    await this.#pumping;
    await this.#options.to.end();
  }

  async conclude(error: CtxsyncError | undefined): Promise<TransferReport> {
    this.#failure.close();
    this.#monitor.stop(error === undefined);
    const contexts = this.#sending.map(({ name, thread }) => {
      const { entries, bytes } = thread.gauge.read();
      return { name, entries, bytes };
    });
    await this.#crew.end();
    const totalMs = this.#monitor.elapsedMs;
    const times = timeShares({ totalMs, senderWaitedMs: this.#waitedMs() });
    const { wireBytes, digest } = this.#mux;
    const outcome = { side: 'sender', error, contexts, wireBytes, digest, times } as const;
    const report = makeReport(outcome, this.#monitor, this.#notes);
    if (error === undefined && report.entries === 0) this.#warnOfNothing();
    this.#options.onEvent?.({ type: 'end', side: 'sender', report });
    return report;
  }

  async #sendAll(): Promise<void> {
    const waiting = [...this.#options.contexts];
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await this.#sendOne(next);
      }
    };
    await Promise.all(Array.from({ length: MAX_STREAMS }, lane));
    // The receiver works out where the time went: it needs our last figures.
    this.#mux.beat(this.#beatNow());
    this.#mux.finish();
  }

  async #sendOne(context: Context): Promise<void> {
    const thread = this.#crew.hire();
    this.#monitor.watch(thread, true);
    const ring = this.#crew.ring();
    const name = 'tar' in context ? '' : (context.name ?? '');
    this.#sending.push({ name, thread });
    const stream = this.#mux.open('tree', name, ring);
    if ('tar' in context) await this.#sendTar(context.tar, thread, ring);
    else await this.#crew.run(thread, 'pack', { source: source(context), ring: ring.shared });
    await stream.ended;
    await this.#crew.dismiss(thread, ring);
  }

  async #sendTar(tar: Incoming, thread: DiskThread, ring: Ring): Promise<void> {
    const input = this.#crew.ring();
    this.#input = new TarInput(tar, input);
    const unlimited = { maxEntries: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER };
    const repacked = this.#crew.run(thread, 'repack', {
      from: input.shared,
      to: ring.shared,
      name: '',
      budget: Budget.create(unlimited).shared.buffer,
      origin: 'input',
    });
    await Promise.all([this.#input.run(), repacked]);
  }

  /** A second walk, for totals: only where the transfer takes long enough that anybody asks. */
  async #countTotals(): Promise<void> {
    await within(COUNT_AFTER_MS, this.#pumping);
    if (this.#mux.finished) return;
    const totals = { entries: 0, bytes: 0 };
    const thread = this.#crew.hire();
    try {
      for (const context of this.#options.contexts) {
        if ('tar' in context) return;
        const { entries, bytes } = await thread.run('count', { source: source(context) });
        totals.entries += entries;
        totals.bytes += bytes;
      }
      this.#monitor.totals = totals;
    } catch {
      // The transfer itself meets the same trouble, and says so.
    }
  }

  #warnOfNothing(): void {
    this.#options.onEvent?.({
      type: 'warning',
      side: 'sender',
      message: 'the context is empty: no files were sent; check the folder and the ignore rules',
    });
  }

  #beat(now: number): void {
    if (now - this.#beatAt < BEAT_INTERVAL_MS || this.#mux.finished) return;
    this.#beatAt = now;
    this.#mux.beat(this.#beatNow());
  }

  #beatNow(): Beat {
    const slowest = this.#monitor.slowest();
    const { totals } = this.#monitor;
    return {
      state: slowest?.snapshot.state ?? 'idle',
      stateAgeMs: Math.round(slowest?.pendingMs ?? 0),
      path: toText(slowest?.snapshot.path ?? ''),
      ...this.#monitor.counts(),
      totalEntries: totals?.entries,
      totalBytes: totals?.bytes,
      waitedMs: Math.round(this.#waitedMs()),
    };
  }

  /** Milliseconds in which our disk had nothing to do, because the wire took no more. */
  #waitedMs(): number {
    return Math.max(0, this.#monitor.elapsedMs - this.#crew.workedMs());
  }

  #observeWire(now: number): ReturnType<ConstructorParameters<typeof Monitor>[0]['observeWire']> {
    return {
      reading: false,
      silentMs: 0,
      writePendingMs: this.#pump.pendingMs(now),
      inputSilentMs: this.#input?.silentMs(now),
    };
  }

  #race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failure.promise]);
  }
}

function source({ folder, ignore }: ContextSource): ContextSource {
  return { folder, ignore };
}
