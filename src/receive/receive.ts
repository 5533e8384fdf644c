import type { Readable } from 'node:stream';
import { Budget } from '../entry/budget.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { DEFAULT_MAX_ENTRIES } from '../limits.ts';
import type { TransferReport } from '../report.ts';
import { timeShares } from '../observe/time-shares.ts';
import type { WireObservation } from '../observe/verdict.ts';
import type { Connection, Incoming } from '../transport/transport.ts';
import type { IncomingStream } from '../wire/demux.ts';
import type { Hello } from '../wire/messages.ts';
import { PeerLink } from '../transfer/peer-link.ts';
import { isConnection } from '../transport/transport.ts';
import { fromTransport, toTar } from '../transport/node-stream.ts';
import { DiskThreads } from '../transfer/disk-threads.ts';
import { FirstFailure } from '../transfer/first-failure.ts';
import { DirectoryTarget, type Place } from './directory-target.ts';
import type { TargetOptions } from './target-options.ts';
import type { Target } from './target.ts';
import { Monitor, type WireMovement } from '../transfer/monitor.ts';
import { PathNoteCollector } from '../transfer/path-notes.ts';
import { INCREMENTAL, type TransferOptions } from '../transfer/options.ts';
import { Admission, senderLeft, type AdmissionOptions } from './admission.ts';
import { makeReport } from '../transfer/report.ts';
import { TarTarget } from './tar-target.ts';

export interface ReceiveOptions extends TransferOptions {
  /**
   * One way (a Readable, or a Transform), or both ways (a Duplex): then a sender that asks for it is
   * told what becomes of its contexts.
   */
  from: Incoming | Connection | Readable;
  to: TargetOptions;
  /** Refuse more bytes of file content than this; default: no limit. */
  maxBytes?: number | undefined;
  /** Refuse more entries than this; default 4,000,000. */
  maxEntries?: number | undefined;
}

/**
 * Receives contexts. Resolves when everything has arrived, was verified, and is in place.
 *
 * @throws CtxsyncError with the report; the directory is as it was then
 */
export function receive(options: ReceiveOptions): Promise<TransferReport> {
  return receiveWhenAdmitted(options);
}

/** The same for one of many senders, which must be admitted to its destination first. */
export async function receiveWhenAdmitted(
  options: ReceiveOptions & AdmissionOptions,
): Promise<TransferReport> {
  const run = new ReceiveRun(options);
  let error: CtxsyncError | undefined;
  try {
    await run.transfer();
  } catch (thrown) {
    error = CtxsyncError.from(thrown);
    await run.giveUp(error);
    // The disk answered after all, while we were giving up.
    if (run.committed) error = undefined;
  }
  const report = await run.conclude(error);
  if (error !== undefined) throw Object.assign(error, { report });
  return report;
}

/** The wire side of a receiver; the target decides what happens to the contexts. */
class ReceiveRun {
  readonly #options: ReceiveOptions & AdmissionOptions;
  readonly #notes = new PathNoteCollector();
  readonly #threads = new DiskThreads('receiver', (note) => this.#notes.add(note));
  readonly #failure: FirstFailure;
  readonly #from: Incoming | Connection;
  readonly #link: PeerLink;
  readonly #monitor: Monitor;
  readonly #target: Target;
  readonly #hello: Promise<Hello>;
  #greet = (_hello: Hello): void => {};
  /** The names of all contexts, if the sender listed them. */
  #contexts: readonly string[] | undefined;
  readonly #admission: Admission;
  #finished = (): void => {};
  #transferId = '';
  /** Of the sender's FIN. */
  #digest: string | undefined;

  constructor(options: ReceiveOptions & AdmissionOptions) {
    this.#options = options;
    this.#failure = new FirstFailure(options.signal);
    this.#from = fromTransport(options.from);
    const from = this.#from;
    this.#hello = new Promise((resolve) => (this.#greet = resolve));
    this.#admission = new Admission(options);
    this.#link = new PeerLink({
      role: 'receiver',
      incoming: isConnection(from) ? from.incoming : from,
      outgoing: isConnection(from) ? () => from.outgoing : undefined,
      handler: {
        hello: (hello) => this.#handleHello(hello),
        open: (stream) => this.#handleOpen(stream),
        fin: ({ digest }) => {
          this.#digest = digest;
          this.#finished();
        },
        receipt: () => {},
        failed: (error) => this.#failure.fail(error),
      },
      beat: (heard) => this.#monitor.beat(0, heard),
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
        this.#failure.failOnStray(this.#link.stray, this.#link.silentMs(now));
        this.#monitor.wait(this.#admission.look());
        this.#link.tick(now, !this.#admission.done);
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
    await this.#sendReceipt();
    this.#link.stopReading();
  }

  get committed(): boolean {
    return this.#target.committed;
  }

  /** Releases everything, and undoes what was done to the destination. */
  async giveUp(error: CtxsyncError): Promise<void> {
    this.#monitor.giveUp();
    this.#threads.cancel();
    this.#link.discard();
    this.#admission.giveUp();
    const isAnswered = this.#link.begun;
    if (!isAnswered) this.#link.stopReading();
    await this.#target.settle(error);
    // Tell the sender the actual outcome, which may differ from the first failure.
    const told = this.committed ? this.#sendReceipt() : this.#link.fail(error);
    await this.#target.discard(error, isAnswered);
    await told;
    this.#link.stopReading();
  }

  async #sendReceipt(): Promise<void> {
    if (!this.#link.begun) return;
    const receipt = { transferId: this.#transferId, digest: this.#digest! };
    await this.#link.sendReceipt(receipt, this.#target.counts());
  }

  async conclude(error: CtxsyncError | undefined): Promise<TransferReport> {
    this.#failure.close();
    this.#monitor.stop(error === undefined);
    const contexts = this.#target.contexts();
    const totalMs = this.#monitor.elapsedMs;
    const times = timeShares({
      totalMs,
      starvedMs: Math.max(0, totalMs - this.#threads.workedMs()),
      senderWaitedMs: this.#link.peerWaitedMs,
    });
    await this.#threads.end();
    if (isConnection(this.#from)) await this.#from.close?.();
    const { wireBytes } = this.#link;
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
    if ('tar' in to) return new TarTarget({ ...common, budget: budget(), to: toTar(to.tar) });
    return new DirectoryTarget({
      ...common,
      place: () => this.#place(to.directory),
      to,
      onRemoved: (removals) => this.#notes.addRemoved(removals),
      budgets: { manifests: budget(), trees: budget() },
      openWants: (name, ring, all) =>
        this.#link.open({ kind: 'want', name, all: all ? true : undefined }, ring).ended,
      onWarning: (message) =>
        this.#options.onEvent?.({ type: 'warning', side: 'receiver', message }),
      onCommit: () => (this.#failure.committing = true),
    });
  }

  async #place(directory: string): Promise<Place> {
    if (this.#admission.done) return { directory, context: '' };
    const { contexts } = await this.#hello;
    const place = await this.#failure.race(this.#admission.ask(contexts, this.#link.handedOver));
    this.#monitor.wait(undefined);
    this.#link.resumed();
    return place;
  }

  /** Settles when FIN has arrived and all before it was verified. The transport's end proves nothing. */
  async #readToFin(): Promise<void> {
    const fin = new Promise<void>((resolve) => (this.#finished = resolve));
    const verified = this.#link.read((pending) => this.#gate(pending)).then(() => this.#eof());
    // An error after FIN still counts, until the commit begins.
    verified.catch((error: unknown) => this.#failure.fail(CtxsyncError.from(error)));
    await fin;
  }

  #eof(): void {
    // Its data was held back and not read to the end, so nobody knows whether it was complete.
    if (!this.#admission.done && this.#link.waiting) throw senderLeft();
    this.#link.eof();
  }

  /** What has to happen before more is read. */
  #gate(pending: Promise<void> | undefined): Promise<void> | undefined {
    if (this.#target.crowded) return this.#admission.hold(this.#afterTurns(pending));
    return this.#admission.done ? pending : this.#admission.hold(pending);
  }

  /** Reads nothing more while streams wait for their turn: only what has already arrived is kept for them. */
  async #afterTurns(pending: Promise<void> | undefined): Promise<void> {
    await pending;
    await this.#target.noneWaiting();
  }

  #handleHello(hello: Hello): Promise<void> | undefined {
    const { role, showsProgress, mode, contexts } = hello;
    if (mode === 'duplex') this.#answer(hello);
    this.#contexts = contexts;
    if (role !== 'sender') {
      throw new CtxsyncError('corrupt', 'the peer is a receiver too; one side has to send');
    }
    if (showsProgress) this.#options.onEvent?.({ type: 'peer-shows-progress' });
    this.#greet(hello);
    return this.#admission.done ? undefined : this.#admission.placed;
  }

  #answer({ transferId }: Hello): void {
    const { to } = this.#options;
    if (isConnection(this.#from)) {
      this.#transferId = transferId;
      this.#link.begin({ transferId, showsProgress: false, capabilities: [INCREMENTAL] });
      return;
    }
    const why =
      'tar' in to ? 'stdout is for the tar; receive into a directory' : 'the transport is one-way';
    throw new CtxsyncError(
      'usage',
      `the sender expects answers, and there is no way to send any: ${why}`,
    );
  }

  #handleOpen(stream: IncomingStream): Ring {
    const { id, kind } = stream;
    const contexts = this.#contexts;
    if (contexts?.includes(stream.name) === false) {
      throw new CtxsyncError('corrupt', `stream ${id} is of a context that HELLO does not name`);
    }
    const comparable = this.#link.begun && contexts !== undefined;
    if (kind === 'tree' || (kind === 'manifest' && comparable && 'directory' in this.#options.to)) {
      return this.#target.open(stream, contexts ?? []);
    }
    throw new CtxsyncError('corrupt', `stream ${id} has the unexpected kind ${kind}`);
  }

  /** A sender must send each context that it names: a mirror would take a missing one for an empty one. */
  #checkAllCame(): void {
    const came = new Set(this.#target.contexts().map(({ name }) => name));
    const missing = this.#contexts?.find((name) => !came.has(name));
    if (missing === undefined) return;
    const message = `the sender named the context "${missing}" and did not send it`;
    throw new CtxsyncError('corrupt', message);
  }

  #moved(): WireMovement {
    const { payloadBytes, claims } = this.#link.moved();
    const elsewhere = this.#target.outputBytes + this.#admission.looks;
    return { payloadBytes: payloadBytes + elsewhere, claims };
  }

  #observeWire(now: number): WireObservation {
    const { waiting, heardAll } = this.#link;
    const reading = !waiting && !this.#target.crowded && !heardAll;
    const outputPendingMs = this.#target.outputPendingMs(now);
    return { ...this.#link.observe(now, reading), outputPendingMs };
  }
}
