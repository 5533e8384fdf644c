import { Budget } from '../entry/budget.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { DEFAULT_MAX_ENTRIES } from '../limits.ts';
import type { TransferReport } from '../observe/events.ts';
import { timeShares } from '../observe/time-shares.ts';
import type { WireObservation } from '../observe/verdict.ts';
import type { Connection, Incoming } from '../transport/transport.ts';
import { Demux, type IncomingStream } from '../wire/demux.ts';
import type { Hello } from '../wire/messages.ts';
import { Answers } from './answers.ts';
import { isConnection } from '../transfer/connection.ts';
import { DiskThreads } from '../transfer/disk-threads.ts';
import { FirstFailure } from '../transfer/first-failure.ts';
import { DirectoryTarget, type Place } from './directory-target.ts';
import type { TargetOptions } from './target-options.ts';
import type { Target } from './target.ts';
import { Monitor, type WireMovement } from '../transfer/monitor.ts';
import { PathNoteCollector } from '../transfer/path-notes.ts';
import type { TransferOptions } from '../transfer/options.ts';
import { PeerBeat } from '../transfer/peer-beat.ts';
import { peerFailed } from '../transfer/peer-error.ts';
import { Placing, senderLeft, type PlacingOptions } from './admission.ts';
import { makeReport } from '../transfer/report.ts';
import { TarTarget } from './tar-target.ts';

export interface ReceiveOptions extends TransferOptions, PlacingOptions {
  /** One way, or both ways: then a sender that asks for it is told what becomes of its contexts. */
  from: Incoming | Connection;
  to: TargetOptions;
  /** Bytes of file content that are accepted; default: any number. */
  maxBytes?: number | undefined;
  /** Entries that are accepted; default 4,000,000. */
  maxEntries?: number | undefined;
}

/**
 * Receives contexts. Resolves when all arrived whole, was verified and is in place.
 *
 * @throws CtxsyncError; the directory is as it was then. The report comes as the last event
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

/** The wire's end of a receiver; what it does with the contexts is the landing's. */
class ReceiveRun {
  readonly #options: ReceiveOptions;
  readonly #notes = new PathNoteCollector();
  readonly #threads = new DiskThreads('receiver', (note) => this.#notes.add(note));
  readonly #failure: FirstFailure;
  readonly #from: Incoming;
  readonly #demux: Demux;
  /** Duplex: our words to the sender. */
  #answers: Answers | undefined;
  readonly #monitor: Monitor;
  readonly #target: Target;
  readonly #hello: Promise<Hello>;
  #greet = (_hello: Hello): void => {};
  /** The names of all contexts, where the sender told them. */
  #contexts: readonly string[] | undefined;
  readonly #placing: Placing;
  #finished = (): void => {};
  #ended: Promise<void> = Promise.resolve();
  #discarding = false;
  #digest: string | undefined;
  readonly #beat = new PeerBeat();
  #lastByteAt = performance.now();

  constructor(options: ReceiveOptions) {
    this.#options = options;
    this.#failure = new FirstFailure(options.signal);
    this.#from = isConnection(options.from) ? options.from.incoming : options.from;
    this.#hello = new Promise((resolve) => (this.#greet = resolve));
    this.#placing = new Placing(options);
    this.#demux = new Demux({
      hello: (hello) => this.#handleHello(hello),
      open: (stream) => this.#handleOpen(stream),
      end: () => {},
      beat: (beat) => this.#beat.take(beat),
      fin: ({ digest }) => {
        this.#digest = digest;
        this.#finished();
      },
      peerError: (error) => this.#failure.fail(peerFailed('sender', error)),
      raised: (id, limit) => this.#answers?.grant(id, limit),
      answers: { credit: (id, { limit }) => this.#answers?.raiseLimit(id, limit) ?? false },
    });
    this.#monitor = new Monitor({
      side: 'receiver',
      onEvent: options.onEvent ?? (() => {}),
      stallAfterMs: options.stallAfterMs,
      stallTimeoutMs: options.stallTimeoutMs,
      observeWire: () => this.#observeWire(performance.now()),
      moved: () => this.#moved(),
      onMovement: options.onMovement,
      onTick: (now) => {
        this.#failure.failOnStray(this.#demux.stray, now - this.#lastByteAt);
        this.#monitor.wait(this.#placing.look());
        this.#sayBeat(now);
      },
      onExpired: (error) => this.#failure.fail(error),
    });
    this.#target = this.#createTarget();
  }

  /** transport -> demux -> ring -> unpack -> stage -> commit -> disk. */
  async transfer(): Promise<void> {
    this.#monitor.start();
    await this.#failure.race(Promise.all([this.#readToFin(), this.#target.prepare()]));
    this.#checkAllCame();
    await this.#failure.race(this.#target.worked());
    await this.#failure.race(this.#target.commit());
    await this.#answers?.receipt(this.#digest!, this.#target.counts());
    this.#from.destroy();
  }

  get committed(): boolean {
    return this.#target.committed;
  }

  /** Lets go of everything, and takes back what was done to the destination. */
  async giveUp(error: CtxsyncError): Promise<void> {
    this.#monitor.giveUp();
    this.#threads.cancel();
    this.#discarding = true;
    this.#placing.giveUp();
    if (this.#answers === undefined) this.#from.destroy();
    await this.#target.settle(error);
    // What the sender is told is what became of it, not what we first thought.
    const told = this.committed
      ? this.#answers?.receipt(this.#digest!, this.#target.counts())
      : this.#answers?.fail(error, this.#ended);
    await this.#target.discard(error, this.#answers !== undefined);
    await told;
    this.#from.destroy();
  }

  async conclude(error: CtxsyncError | undefined): Promise<TransferReport> {
    this.#failure.close();
    this.#monitor.stop(error === undefined);
    const contexts = this.#target.contexts();
    const totalMs = this.#monitor.elapsedMs;
    const times = timeShares({
      totalMs,
      starvedMs: Math.max(0, totalMs - this.#threads.workedMs()),
      senderWaitedMs: this.#beat.waitedMs,
    });
    await this.#threads.end();
    if (isConnection(this.#options.from)) await this.#options.from.close?.();
    const wireBytes = this.#demux.wireBytes + (this.#answers?.wireBytes ?? 0);
    const digest = this.#digest;
    const counts = error === undefined ? this.#target.counts() : undefined;
    const outcome = {
      side: 'receiver',
      error,
      contexts,
      counts,
      wireBytes,
      digest,
      times,
    } as const;
    const report = makeReport(outcome, this.#monitor, this.#notes);
    this.#options.onEvent?.({ type: 'end', side: 'receiver', report });
    return report;
  }

  #createTarget(): Target {
    const {
      to,
      maxBytes = Number.MAX_SAFE_INTEGER,
      maxEntries = DEFAULT_MAX_ENTRIES,
    } = this.#options;
    const budget = (): Budget => Budget.create({ maxBytes, maxEntries });
    const common = {
      threads: this.#threads,
      monitor: this.#monitor,
      onFailure: (error: CtxsyncError) => this.#failure.fail(error),
    };
    if ('tar' in to) return new TarTarget({ ...common, budget: budget(), to: to.tar });
    return new DirectoryTarget({
      ...common,
      place: () => this.#place(to.directory),
      to,
      onRemoved: (removals) => this.#notes.addRemoved(removals),
      budgets: { manifests: budget(), trees: budget() },
      openWants: (name, ring, all) => this.#answers!.openWants(name, ring, all),
      onWarning: (message) =>
        this.#options.onEvent?.({ type: 'warning', side: 'receiver', message }),
      onCommit: () => (this.#failure.committing = true),
    });
  }

  async #place(directory: string): Promise<Place> {
    if (this.#placing.done) return { directory, context: '' };
    const { contexts } = await this.#hello;
    const place = await this.#failure.race(this.#placing.ask(contexts, this.#answers));
    this.#monitor.wait(undefined);
    // So long we have not read: nobody was silent.
    this.#lastByteAt = performance.now();
    return place;
  }

  /** Settles when FIN came and all before it was verified; the transport's end does not count. */
  async #readToFin(): Promise<void> {
    const fin = new Promise<void>((resolve) => (this.#finished = resolve));
    this.#ended = this.#from.read((bytes) => this.#take(bytes));
    const verified = this.#ended.then(() => this.#eof());
    // What comes wrong after FIN still counts, until the commit begins.
    verified.catch((error: unknown) => this.#failure.fail(CtxsyncError.from(error)));
    await fin;
  }

  #eof(): void {
    // What it sent is held, and not all read: whether it is whole nobody knows.
    if (!this.#placing.done && this.#demux.waiting) throw senderLeft();
    this.#demux.eof();
  }

  #take(bytes: Uint8Array): Promise<void> | undefined {
    this.#lastByteAt = performance.now();
    if (this.#discarding) return undefined;
    const pending = this.#demux.push(bytes);
    if (this.#target.crowded) return this.#placing.hold(this.#afterTurns(pending));
    return this.#placing.done ? pending : this.#placing.hold(pending);
  }

  /** What came for streams that wait for their turn is all that is kept for them. */
  async #afterTurns(pending: Promise<void> | undefined): Promise<void> {
    await pending;
    await this.#target.noneWaiting();
  }

  #handleHello(hello: Hello): Promise<void> | undefined {
    const { role, showsProgress, mode, contexts } = hello;
    if (mode === 'duplex') this.#answers = this.#answer(hello);
    this.#contexts = contexts;
    if (role !== 'sender') {
      throw new CtxsyncError('corrupt', 'the peer is a receiver too; one side has to send');
    }
    if (showsProgress) this.#options.onEvent?.({ type: 'peer-shows-progress' });
    this.#greet(hello);
    return this.#placing.done ? undefined : this.#placing.placed;
  }

  #answer(hello: Hello): Answers {
    const { from, to } = this.#options;
    if (isConnection(from)) return new Answers(from.outgoing, hello);
    const why =
      'tar' in to ? 'stdout is where the tar goes; receive into a directory' : 'it is one way';
    throw new CtxsyncError('usage', `the sender wants to be answered, and cannot be: ${why}`);
  }

  #handleOpen(stream: IncomingStream): Ring {
    const { id, kind } = stream;
    const contexts = this.#contexts;
    if (contexts?.includes(stream.name) === false) {
      throw new CtxsyncError('corrupt', `stream ${id} is of a context that HELLO does not name`);
    }
    const comparable = this.#answers !== undefined && contexts !== undefined;
    if (kind === 'tree' || (kind === 'manifest' && comparable && 'directory' in this.#options.to)) {
      return this.#target.open(stream, contexts ?? []);
    }
    throw new CtxsyncError(
      'corrupt',
      `stream ${id} is of kind ${kind}, which was not to be expected`,
    );
  }

  /** A sender that names a context sends it: else a mirror would take its absence for emptiness. */
  #checkAllCame(): void {
    const came = new Set(this.#target.contexts().map(({ name }) => name));
    const missing = this.#contexts?.find((name) => !came.has(name));
    if (missing === undefined) return;
    const message = `the sender named the context "${missing}" and did not send it`;
    throw new CtxsyncError('corrupt', message);
  }

  /** While it waits for its place nothing is read: what the sender has heard is not known then. */
  #sayBeat(now: number): void {
    const heard = { received: this.#demux.payloadBytes, heard: this.#demux.words };
    const heardOfUs = this.#placing.done ? this.#beat.heard : undefined;
    const unheardBytes = this.#unheardBytes;
    this.#answers?.beat(now, this.#monitor, { heard, heardOfUs, unheardBytes });
  }

  /** Bytes of lists of wants that may be on their way. */
  get #unheardBytes(): number {
    const { handedOver = 0 } = this.#answers ?? {};
    return handedOver - this.#beat.receivedBytes(handedOver);
  }

  #moved(): WireMovement {
    const { payloadBytes = 0, handedOver = 0 } = this.#answers ?? {};
    const wants = payloadBytes + this.#beat.receivedBytes(handedOver);
    const arrived = this.#demux.payloadBytes + this.#target.outputBytes;
    return { payloadBytes: arrived + wants + this.#placing.looks, claims: this.#beat.claims };
  }

  #observeWire(now: number): WireObservation {
    const { linkIsSlow = false } = this.#answers ?? {};
    return {
      reading: !this.#demux.waiting && !this.#target.crowded && !this.#demux.finished,
      silentMs: now - this.#lastByteAt,
      arrivedBytes: this.#demux.wireBytes,
      unheardBytes: this.#unheardBytes,
      linkIsSlow,
      beat: this.#beat.observation(now, linkIsSlow),
      outputPendingMs: this.#target.outputPendingMs(now),
    };
  }
}
