import { toText } from '../disk/byte-path.ts';
import type { DiskState, StatusSnapshot } from '../disk/worker-status.ts';
import { CtxsyncError } from '../errors.ts';
import {
  DEFAULT_STALL_AFTER_MS,
  DEFAULT_STALL_TIMEOUT_MS,
  SUSPENSION_MS,
  TICK_MS,
} from '../limits.ts';
import type { Phase, TransferEvent } from '../observe/events.ts';
import type { Side } from '../report.ts';
import { ArrivalRate } from '../observe/arrival-rate.ts';
import { StatusWatch } from '../observe/status-watch.ts';
import type { Movement } from '../observe/movement.ts';
import { ProgressMeter } from '../observe/progress-meter.ts';
import { workOf, type Plan, type Work } from '../observe/work.ts';
import { StallDetector, type StallEvent } from '../observe/stall-detector.ts';
import { makeSample, type RingFill, type Sample } from '../observe/sample.ts';
import { isCall } from '../observe/state-words.ts';
import { verdictOf, type DiskObservation, type WireObservation } from '../observe/verdict.ts';
import type { Beat } from '../wire/messages.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import { planFields } from './plan-fields.ts';
import type { Queue } from './queue.ts';

export interface MonitorOptions {
  side: Side;
  onEvent: (event: TransferEvent) => void;
  /** Called ten times a second, at each new phase, and at the end. */
  onSample?: ((sample: Sample) => void) | undefined;
  /** Milliseconds without progress until a stall is reported; default 10,000. */
  stallAfterMs?: number | undefined;
  /** Milliseconds without progress until the transfer fails; default 300,000; 0 = never. */
  stallTimeoutMs?: number | undefined;
  /** What this side knows about the work of the transfer. */
  plan: () => Plan;
  /** What the wire side of this run observes. */
  observeWire: () => WireObservation;
  /** What has moved on the wire side of this run. */
  moved: () => WireMovement;
  /** Called at each tick with everything that has moved. */
  onMovement?: ((now: number, seen: Movement) => void) | undefined;
  /** Ten times a second. */
  onTick?: (now: number) => void;
  /** Nothing has moved for the stall timeout: the run must fail with this error. */
  onExpired: (error: CtxsyncError) => void;
}

/** What a BEAT acknowledges. */
export type Heard = Required<Pick<Beat, 'received' | 'heard'>>;

/** The wire's part of Movement. */
export type WireMovement = Pick<Movement, 'payloadBytes' | 'claims'>;

/** What is not worth reporting: for what threads a thread waits, those report. */
const RESTS = new Set<DiskState>(['idle', 'waiting-for-threads']);

interface Watched {
  thread: DiskThread;
  watch: StatusWatch;
  snapshot: StatusSnapshot;
  pendingMs: number;
  /** Its entries and bytes count for progress. */
  counts: boolean;
}

/**
 * Looks at the status of the disk threads and of the wire ten times a second, and reports progress, stalls,
 * and when a run must be given up. It only observes: without it the same bytes are sent.
 */
export class Monitor {
  readonly #startedAt = performance.now();
  readonly #options: MonitorOptions;
  readonly #detector: StallDetector;
  readonly #meter: ProgressMeter;
  readonly #arrival: ArrivalRate;
  readonly #watched: Watched[] = [];
  #ringFills: () => RingFill[] = () => [];
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  /** The run has failed: whatever still moves is cleanup. */
  #givenUp = false;
  #phase: Phase = 'preparing';
  #entered = false;
  #queue: Queue | undefined;
  /** When the present text about the queue was first reported. */
  #queuedAt = 0;
  #phaseBeforeQueue: Phase = 'preparing';
  /** When a beat first reported that all disk threads are idle, while they are. */
  #idleSince: number | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#meter = new ProgressMeter(this.#startedAt);
    this.#arrival = new ArrivalRate(this.#startedAt);
    this.#detector = new StallDetector({
      stallAfterMs: options.stallAfterMs ?? DEFAULT_STALL_AFTER_MS,
      stallTimeoutMs: options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS,
      suspensionMs: SUSPENSION_MS,
      startedAt: this.#startedAt,
    });
  }

  start(): void {
    this.enter('preparing');
    // Runs after pending input was read: it may explain why a peer is gone that a beat would be sent to.
    const tick = (): void => this.#tick(performance.now());
    this.#timer = setInterval(() => (this.#soon = setImmediate(tick)), TICK_MS);
  }

  /** The run has failed. Stalls are no longer reported. */
  giveUp(): void {
    this.#givenUp = true;
  }

  /** @param done the run succeeded */
  stop(done: boolean): void {
    clearInterval(this.#timer);
    clearImmediate(this.#soon);
    this.#sample(performance.now());
    if (!done) return;
    for (const event of this.#detector.finish(performance.now())) this.#tell(event);
  }

  enter(phase: Phase): void {
    if (phase === this.#phase && this.#entered) return;
    this.#entered = true;
    this.#phase = phase;
    this.#options.onEvent({
      type: 'phase',
      side: this.#options.side,
      phase,
      elapsedMs: this.elapsedMs,
      queue: this.#queue?.words,
    });
    this.#sample(performance.now());
  }

  /** A context is compared; if nothing has been received yet, that is what this side is at. */
  compare(): void {
    const { entries, bytes } = this.#counts();
    if (this.#phase === 'receiving' && entries + bytes === 0) this.enter('comparing');
  }

  /** @param queue others come first, which is a separate phase; undefined: none, or no longer */
  wait(queue: Queue | undefined): void {
    const before = this.#queue;
    this.#queue = queue;
    if (before?.words === queue?.words) return;
    this.#queuedAt = performance.now();
    if (before === undefined) this.#phaseBeforeQueue = this.#phase;
    this.enter(queue === undefined ? this.#phaseBeforeQueue : 'queued');
  }

  /** @param counts its entries and bytes count for the transfer */
  watch(thread: DiskThread, counts: boolean): void {
    const watch = new StatusWatch(thread.status);
    this.#watched.push({ thread, watch, ...watch.look(performance.now()), counts });
  }

  /** @param fills how full the rings of the run are, for samples */
  watchRings(fills: () => RingFill[]): void {
    this.#ringFills = fills;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  get stalls(): StallDetector['reports'] {
    return this.#detector.reports;
  }

  /** The disk call, or otherwise the wait, that has lasted longest. */
  #slowest(): { snapshot: StatusSnapshot; pendingMs: number } | undefined {
    this.#look(performance.now());
    const busy = this.#watched.filter(({ snapshot }) => !RESTS.has(snapshot.state));
    return busy.toSorted((a, b) => b.pendingMs - a.pendingMs)[0];
  }

  /**
   * What a BEAT reports about this side.
   * @param waitedMs how long its disk workers have waited so far
   * @param heard duplex: what has arrived here
   * @param isBrief leaves out what only shows progress
   */
  beat(waitedMs: number, heard?: Heard, isBrief = false): Beat {
    const queue = this.#queue;
    return {
      ...(queue === undefined
        ? this.#workBeat(waitedMs, isBrief)
        : this.#queuedBeat(queue, waitedMs)),
      ...heard,
    };
  }

  #workBeat(waitedMs: number, isBrief: boolean): Beat {
    const { side, plan } = this.#options;
    const slowest = this.#slowest();
    const now = performance.now();
    this.#idleSince = slowest === undefined ? (this.#idleSince ?? now) : undefined;
    return {
      state: slowest?.snapshot.state ?? 'idle',
      stateAgeMs: Math.round(slowest?.pendingMs ?? now - this.#idleSince!),
      path: toText(slowest?.snapshot.path ?? ''),
      ...this.#counts(),
      ...(isBrief ? {} : planFields(side, plan())),
      waitedMs: Math.round(waitedMs),
    };
  }

  #queuedBeat({ words, entries, bytes }: Queue, waitedMs: number): Beat {
    const stateAgeMs = Math.round(performance.now() - this.#queuedAt);
    return { state: 'queued', stateAgeMs, path: words, entries, bytes, waitedMs };
  }

  /** What was done so far. */
  #counts(): { entries: number; bytes: number } {
    this.#look(performance.now());
    const counts = { entries: 0, bytes: 0 };
    for (const { snapshot } of this.#watched.filter((each) => each.counts)) {
      counts.entries += snapshot.entries;
      counts.bytes += snapshot.bytes;
    }
    return counts;
  }

  #tick(now: number): void {
    this.#options.onTick?.(now);
    const counts = this.#counts();
    const plan = this.#options.plan();
    this.#endComparing(workOf(counts, plan));
    this.#arrival.tick(now, this.#options.observeWire().arrivedBytes);
    const movement = this.#movement();
    this.#options.onMovement?.(now, movement);
    if (!this.#givenUp) {
      const events = this.#detector.tick(now, movement, () => this.#verdict(now));
      for (const event of events) this.#tell(event);
    }
    this.#options.onEvent({
      type: 'progress',
      side: this.#options.side,
      phase: this.#phase,
      queue: this.#queue?.words,
      ...this.#meter.tick({ now, ...counts, plan }),
      ...this.#detector.stalled(now),
      path: this.#path(),
    });
    this.#sample(now);
  }

  #sample(now: number): void {
    const { side, observeWire, onSample } = this.#options;
    if (onSample === undefined) return;
    const counts = this.#counts();
    const looks = this.#watched;
    const rings = this.#ringFills();
    const elapsedMs = now - this.#startedAt;
    onSample(makeSample({ side, elapsedMs, ...counts, looks, rings, wire: observeWire() }));
  }

  /** While contexts are compared, changes are sent already. */
  #endComparing({ isSending }: Work): void {
    if (this.#phase !== 'comparing' || !isSending) return;
    this.enter(this.#options.side === 'sender' ? 'sending' : 'receiving');
  }

  #movement(): Movement {
    const snapshots = this.#watched.map(({ snapshot }) => snapshot);
    return {
      ...this.#options.moved(),
      diskWork: snapshots.reduce((sum, { calls, bytes }) => sum + calls + bytes, 0),
      busy: snapshots.some(({ state }) => isCall(state)),
      queued: this.#queue !== undefined,
    };
  }

  #tell(event: StallEvent): void {
    const { side, onEvent, onExpired } = this.#options;
    if (event.type !== 'expired') return onEvent({ ...event, side });
    const seconds = Math.round(event.stalledMs / 1000);
    const { text, path } = event.verdict;
    onExpired(
      new CtxsyncError('stalled', `gave up after ${seconds}s ${event.what}: ${text}`, { path }),
    );
  }

  #verdict(now: number): ReturnType<typeof verdictOf> {
    const { side, observeWire } = this.#options;
    const wire = observeWire();
    const bytesPerSecond = this.#arrival.perSecond(now, wire.arrivedBytes);
    const disks = this.#watched.map(({ snapshot, pendingMs }): DiskObservation => ({
      state: snapshot.state,
      path: snapshot.path,
      pendingMs,
    }));
    return verdictOf({ side, disks, bytesPerSecond, ...wire });
  }

  #path(): string | undefined {
    const path = this.#watched.find(({ snapshot }) => snapshot.path !== '')?.snapshot.path;
    return path === undefined ? undefined : toText(path);
  }

  #look(now: number): void {
    for (const each of this.#watched) Object.assign(each, each.watch.look(now));
  }
}
