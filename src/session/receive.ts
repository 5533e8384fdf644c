import { Budget } from '../archive/budget.ts';
import type { Destination } from '../dest/destination.ts';
import type { FolderMetadata } from '../dest/folder-metadata.ts';
import { fromText } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { DEFAULT_MAX_ENTRIES, MAX_STREAMS, STRAY_SILENCE_MS, TICK_MS } from '../limits.ts';
import { within } from '../within.ts';
import type { TransferReport } from '../observe/events.ts';
import { timeShares } from '../observe/time-shares.ts';
import type { Observation } from '../observe/verdict.ts';
import type { Connection, Incoming, Outgoing } from '../transport/transport.ts';
import { Demux, type IncomingStream } from '../wire/demux.ts';
import type { Beat, Hello, PeerError } from '../wire/messages.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import { Answers } from './answers.ts';
import { isConnection } from './connection.ts';
import { Crew } from './crew.ts';
import { Failure } from './failure.ts';
import { graceMs } from './give-up.ts';
import { Monitor } from './monitor.ts';
import { Notes } from './notes.ts';
import type { TransferOptions } from './options.ts';
import { PumpRing } from './pump-ring.ts';
import { makeReport } from './report.ts';
import { Turns } from './turns.ts';

/** Where contexts end up: laid over a folder, or as one tar. */
export type Target =
  | {
      folder: string;
      /** Take out of the folder what the contexts do not have. */
      delete?: boolean | undefined;
    }
  | { tar: Outgoing };

export interface ReceiveOptions extends TransferOptions {
  /** One way, or both ways: then a sender that asks for it is told what becomes of its contexts. */
  from: Incoming | Connection;
  to: Target;
  /** Bytes of file content that are accepted; default: any number. */
  maxBytes?: number | undefined;
  /** Entries that are accepted; default 4,000,000. */
  maxEntries?: number | undefined;
}

/**
 * Receives contexts. Resolves when all arrived whole, was verified and is in place.
 *
 * @throws CtxsyncError; the folder is as it was then. The report comes as the last event
 */
export async function receive(options: ReceiveOptions): Promise<TransferReport> {
  const run = new ReceiveRun(options);
  let error: CtxsyncError | undefined;
  try {
    await run.transfer();
  } catch (thrown) {
    error = CtxsyncError.from(thrown);
    await run.giveUp(error);
    // The disk answered in the end, while we gave up.
    if (run.committed) error = undefined;
  }
  const report = await run.conclude(error);
  if (error !== undefined) throw error;
  return report;
}

interface Receiving {
  name: string;
  /** Absent while it waits for its turn. */
  thread?: DiskThread;
  done: Promise<void>;
}

class ReceiveRun {
  readonly #options: ReceiveOptions;
  readonly #notes = new Notes();
  readonly #crew = new Crew('waitedForDataMs', (word) => this.#notes.add(word));
  readonly #failure: Failure;
  readonly #from: Incoming;
  readonly #demux: Demux;
  /** Duplex: our words to the sender. */
  #answers: Answers | undefined;
  readonly #monitor: Monitor;
  readonly #budget: Budget;
  readonly #receiving: Receiving[] = [];
  /** A stream that ended on the wire may still be unpacked when the next one opens. */
  readonly #turns = new Turns(MAX_STREAMS);
  /** Does what is to be done once: prepare and commit; and the first stream in between. */
  readonly #thread: DiskThread;
  /** All is in place. */
  committed = false;
  #committing: Promise<void> = Promise.resolve();
  #destination: Destination | undefined;
  #prepared: Promise<Destination> | undefined;
  #output: PumpRing | undefined;
  #root: FolderMetadata | undefined;
  #finished = (): void => {};
  #ended: Promise<void> = Promise.resolve();
  #discarding = false;
  #digest: string | undefined;
  #beat: (Beat & { arrivedAt: number }) | undefined;
  #lastByteAt = performance.now();

  constructor(options: ReceiveOptions) {
    this.#options = options;
    this.#failure = new Failure(options.signal);
    this.#from = isConnection(options.from) ? options.from.incoming : options.from;
    this.#thread = this.#crew.hire();
    this.#budget = Budget.create({
      maxBytes: options.maxBytes ?? Number.MAX_SAFE_INTEGER,
      maxEntries: options.maxEntries ?? DEFAULT_MAX_ENTRIES,
    });
    this.#demux = new Demux({
      hello: (hello) => this.#handleHello(hello),
      open: (stream) => this.#handleOpen(stream),
      end: () => {},
      beat: (beat) => (this.#beat = { ...beat, arrivedAt: performance.now() }),
      fin: ({ digest }) => {
        this.#digest = digest;
        this.#finished();
      },
      peerError: (error) => this.#handlePeerError(error),
      raised: (id, limit) => this.#answers?.grant(id, limit),
    });
    this.#monitor = new Monitor({
      side: 'receiver',
      onEvent: options.onEvent ?? (() => {}),
      stallAfterMs: options.stallAfterMs,
      stallTimeoutMs: options.stallTimeoutMs,
      observeWire: () => this.#observeWire(performance.now()),
      payloadBytes: () => this.#demux.payloadBytes,
      onTick: (now) => {
        this.#lookForStray(now);
        this.#answers?.beat(now, this.#monitor);
      },
      onExpired: (error) => this.#failure.fail(error),
    });
    this.#monitor.watch(this.#thread, true);
  }

  /** transport -> demux -> ring -> unpack -> stage -> commit -> disk. */
  async transfer(): Promise<void> {
    const { to } = this.#options;
    this.#monitor.start();
    if ('folder' in to) this.#prepared = this.#prepare(to.folder);
    await this.#race(Promise.all([this.#readToFin(), this.#prepared]));
    await this.#race(Promise.all(this.#receiving.map(({ done }) => done)));
    if ('folder' in to) {
      this.#committing = this.#commit(to.delete ?? false);
      await this.#race(this.#committing);
    } else await this.#race(to.tar.end());
    await this.#answers?.receipt(this.#digest!);
    this.#from.destroy();
  }

  /** Lets go of everything, and takes back what was done to the destination. */
  async giveUp(error: CtxsyncError): Promise<void> {
    const { to } = this.#options;
    this.#crew.cancel();
    this.#discarding = true;
    if (this.#answers === undefined) this.#from.destroy();
    if ('tar' in to) to.tar.destroy();
    const settled = await this.#crew.settle(graceMs(error));
    if (settled) await within(TICK_MS, this.#committing);
    // What the sender is told is what became of it, not what we first thought.
    const told = this.committed
      ? this.#answers?.receipt(this.#digest!)
      : this.#answers?.fail(error, this.#ended);
    await this.#cleanUp(error, settled);
    await told;
    this.#from.destroy();
  }

  async #cleanUp(error: CtxsyncError, settled: boolean): Promise<void> {
    const destination = this.#destination;
    if (destination === undefined) return;
    const clean = settled && (await this.#crew.cleanUp('discard', { destination }, graceMs(error)));
    if (!clean) this.#warnOfStage(destination, this.#failure.committing && !settled);
  }

  async conclude(error: CtxsyncError | undefined): Promise<TransferReport> {
    this.#failure.close();
    this.#monitor.stop(error === undefined);
    const contexts = this.#receiving.map(({ name, thread }) => {
      const { entries, bytes } = thread?.gauge.read() ?? { entries: 0, bytes: 0 };
      return { name, entries, bytes };
    });
    const totalMs = this.#monitor.elapsedMs;
    const times = timeShares({
      totalMs,
      starvedMs: Math.max(0, totalMs - this.#crew.workedMs()),
      senderWaitedMs: this.#beat?.waitedMs ?? 0,
    });
    await this.#crew.end();
    if (isConnection(this.#options.from)) await this.#options.from.close?.();
    const { wireBytes } = this.#demux;
    const digest = this.#digest;
    const outcome = { side: 'receiver', error, contexts, wireBytes, digest, times } as const;
    const report = makeReport(outcome, this.#monitor, this.#notes);
    this.#options.onEvent?.({ type: 'end', side: 'receiver', report });
    return report;
  }

  async #prepare(folder: string): Promise<Destination> {
    const out = fromText(folder);
    this.#destination = await this.#crew.run(this.#thread, 'prepare', { out });
    this.#monitor.enter('receiving');
    return this.#destination;
  }

  /** Settles when FIN came and all before it was verified; the transport's end does not count. */
  async #readToFin(): Promise<void> {
    const fin = new Promise<void>((resolve) => (this.#finished = resolve));
    this.#ended = this.#from.read((bytes) => this.#take(bytes));
    const verified = this.#ended.then(() => this.#demux.eof());
    // What comes wrong after FIN still counts, until the commit begins.
    verified.catch((error: unknown) => this.#failure.fail(CtxsyncError.from(error)));
    await fin;
  }

  #take(bytes: Uint8Array): Promise<void> | undefined {
    this.#lastByteAt = performance.now();
    if (this.#discarding) return undefined;
    const pending = this.#demux.push(bytes);
    return this.#turns.awaited ? this.#afterTurns(pending) : pending;
  }

  /** What came for streams that wait for their turn is all that is kept for them. */
  async #afterTurns(pending: Promise<void> | undefined): Promise<void> {
    await pending;
    await this.#turns.noneWaiting();
  }

  async #commit(mirror: boolean): Promise<void> {
    const destination = this.#destination!;
    this.#failure.committing = true;
    this.#monitor.enter('committing');
    const options = { delete: mirror, root: this.#root };
    const result = await this.#crew.run(this.#thread, 'commit', { destination, options });
    this.#destination = undefined;
    this.committed = true;
    for (const message of result.warnings) {
      this.#options.onEvent?.({ type: 'warning', side: 'receiver', message });
    }
  }

  #handleHello({ role, speaks, mode, transferId }: Hello): void {
    if (mode === 'duplex') this.#answers = this.#answer(transferId);
    if (role !== 'sender') {
      throw new CtxsyncError('corrupt', 'the peer is a receiver too; one side has to send');
    }
    if (speaks) this.#options.onEvent?.({ type: 'peer-speaks' });
  }

  #answer(transferId: string): Answers {
    const { from, to } = this.#options;
    if (isConnection(from)) return new Answers(from.outgoing, transferId);
    const why =
      'tar' in to ? 'stdout is where the tar goes; receive into a folder' : 'it is one way';
    throw new CtxsyncError('usage', `the sender wants to be answered, and cannot be: ${why}`);
  }

  #handleOpen({ id, kind, name }: IncomingStream): Ring {
    if (kind !== 'tree') {
      throw new CtxsyncError(
        'corrupt',
        `stream ${id} is of kind ${kind}, which needs a duplex transport`,
      );
    }
    const { to } = this.#options;
    const ring = this.#crew.ring();
    const receiving: Receiving = { name, done: Promise.resolve() };
    receiving.done =
      'tar' in to ? this.#writeTar(to.tar, receiving, ring) : this.#receiveOne(receiving, ring);
    // The failure of one stream is the run's at once, and not when its turn to be awaited comes.
    receiving.done.catch((error: unknown) => this.#failure.fail(CtxsyncError.from(error)));
    this.#receiving.push(receiving);
    return ring;
  }

  /** After a failure nobody else gets a turn. */
  async #receiveOne(receiving: Receiving, ring: Ring): Promise<void> {
    const first = this.#receiving.length === 0;
    await this.#turns.take();
    const thread = first ? this.#thread : this.#crew.hire();
    receiving.thread = thread;
    if (!first) this.#monitor.watch(thread, true);
    await this.#unpack(thread, ring, receiving.name);
    if (!first) await this.#crew.dismiss(thread, ring);
    this.#turns.done();
  }

  async #unpack(thread: DiskThread, ring: Ring, name: string): Promise<void> {
    const destination = await this.#prepared!;
    const { root } = await this.#crew.run(thread, 'unpack', {
      ring: ring.shared,
      destination,
      name: fromText(name),
      budget: this.#budget.shared.buffer,
    });
    this.#root ??= root;
  }

  async #writeTar(to: Outgoing, receiving: Receiving, ring: Ring): Promise<void> {
    if (this.#output !== undefined) {
      throw new CtxsyncError(
        'usage',
        'several contexts were sent, and "receive -" writes one tar; receive them into a folder',
      );
    }
    const output = this.#crew.ring();
    receiving.thread = this.#thread;
    this.#output = new PumpRing(output, to);
    this.#monitor.enter('receiving');
    const repacked = this.#crew.run(this.#thread, 'repack', {
      from: ring.shared,
      to: output.shared,
      name: fromText(receiving.name),
      budget: this.#budget.shared.buffer,
      origin: 'stream',
    });
    await Promise.all([repacked, this.#output.run()]);
  }

  #handlePeerError({ code, message, path }: PeerError): void {
    const error = new CtxsyncError('peer-failed', `the sender failed: ${message}`, {
      path,
      peer: { code, message },
    });
    this.#failure.fail(error);
  }

  #lookForStray(now: number): void {
    const { stray } = this.#demux;
    if (stray !== undefined && now - this.#lastByteAt >= STRAY_SILENCE_MS)
      this.#failure.fail(stray);
  }

  #warnOfStage({ out, stage }: Destination, midCommit: boolean): void {
    const left = `${stage} is left, the next receive removes it`;
    const message = midCommit
      ? `the disk hung in the middle of the commit: ${out} may hold a part of the context; receive it again. ${left}`
      : `the disk does not let us clean up: ${left}`;
    this.#options.onEvent?.({ type: 'warning', side: 'receiver', message });
  }

  #observeWire(now: number): Omit<Observation, 'side' | 'disks'> {
    const beat = this.#beat;
    return {
      reading: !this.#demux.waiting && !this.#turns.awaited && !this.#demux.finished,
      silentMs: now - this.#lastByteAt,
      beat: beat === undefined ? undefined : { ...beat, ageMs: now - beat.arrivedAt },
      outputPendingMs: this.#output?.pendingMs(now),
    };
  }

  #race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failure.promise]);
  }
}
