import {
  CLAIMED_STALL_TIMEOUTS,
  MAX_QUEUED_MS,
  MAX_STALL_REPORTS,
  STALL_AGAIN_MS,
  STALL_EVERY_MS,
  STALL_SHOWN_MS,
} from '../limits.ts';
import type { StallReport, Verdict } from '../report.ts';
import { progressOf, type Movement } from './movement.ts';

export interface StallOptions {
  /** Milliseconds without progress until a stall is reported; 0 = never. */
  stallAfterMs: number;
  /** Milliseconds without progress until the run must fail; 0 = never. */
  stallTimeoutMs: number;
  /** Three times these milliseconds between two ticks mean that the process was suspended. */
  suspensionMs: number;
  /** Milliseconds, on the clock of the ticks. */
  startedAt: number;
}

export type StallEvent =
  | { type: 'stall'; verdict: Verdict; stalledMs: number }
  | { type: 'resumed'; stalledMs: number }
  /** The run must fail now; nothing follows. `what` describes what took `stalledMs`. */
  | { type: 'expired'; verdict: Verdict; stalledMs: number; what: string };

interface Overdue {
  stalledMs: number;
  /** The text after "gave up after 20s". */
  what: string;
}

/**
 * The progress timer: reports when nothing has moved for too long, by the rule of Movement. It counts
 * only time in which this process was awake: a late tick means that we were suspended, and then the
 * peer's silence proves nothing. Time in a queue is not a stall.
 */
export class StallDetector {
  /** Every reported stall, in order. The last one may be ongoing: it grows with the ticks. */
  readonly reports: StallReport[] = [];
  readonly #options: StallOptions;
  #progress = 0;
  #claims = 0;
  #queued = false;
  #lastTickAt: number;
  /** Time of the last progress or claim, or of the tick at which the timer was restarted. */
  #quietSince: number;
  /** Milliseconds outside of any queue since the last progress, regardless of claims. */
  #unprovenMs = 0;
  /** Total milliseconds in queues: a peer that queues us again and again gains nothing. */
  #queuedMs = 0;
  /** The age, in milliseconds, at which the stall is reported next. */
  #nextMark: number;
  /** The reported stall that has not ended. */
  #open: StallReport | undefined;
  /** Milliseconds that the open stall had lasted when the timers were restarted. */
  #beforeRestartMs = 0;
  #expired = false;

  constructor(options: StallOptions) {
    this.#options = options;
    this.#lastTickAt = options.startedAt;
    this.#quietSince = options.startedAt;
    this.#nextMark = firstMark(options);
  }

  /**
   * @param now milliseconds
   * @param verdict called only when there is a stall to report
   */
  tick(now: number, seen: Movement, verdict: () => Verdict): StallEvent[] {
    if (this.#expired) return [];
    const passedMs = now - this.#lastTickAt;
    this.#lastTickAt = now;
    const suspended = passedMs > 3 * this.#options.suspensionMs;
    const awakeMs = suspended ? 0 : passedMs;
    const moved = this.#count(seen, awakeMs);
    if (!suspended) this.#grow(now);
    const overdue = this.#overdue(moved ? now : this.#quietSince, now);
    if (overdue !== undefined && !suspended) return this.#expire(overdue, verdict());
    if (moved) return this.#progressed(now);
    if (suspended) this.#restart(now);
    else if (!seen.queued) return this.#sayStall(now, verdict);
    return [];
  }

  /** How long nothing has moved, if that is worth showing, and when the run will fail for it. */
  stalled(now: number): { stalledMs?: number; failsInMs?: number } {
    const stalledMs = this.#beforeRestartMs + now - this.#quietSince;
    if (this.#queued || this.#expired || stalledMs < STALL_SHOWN_MS) return {};
    const { stallTimeoutMs } = this.#options;
    if (stallTimeoutMs === 0) return { stalledMs };
    const leftMs = Math.min(
      stallTimeoutMs - (now - this.#quietSince),
      CLAIMED_STALL_TIMEOUTS * stallTimeoutMs - this.#unprovenMs,
    );
    return { stalledMs, failsInMs: Math.max(0, leftMs) };
  }

  /** The run succeeded, so its stall is over, however late its last progress was seen. */
  finish(now: number): StallEvent[] {
    this.#grow(now);
    return this.#progressed(now);
  }

  /** @returns whether anything moved, or was claimed to */
  #count(seen: Movement, awakeMs: number): boolean {
    const progress = progressOf(seen);
    const proven = progress !== this.#progress;
    // Leaving the queue counts as movement.
    const moved = proven || seen.claims !== this.#claims || (this.#queued && !seen.queued);
    if (proven) this.#unprovenMs = 0;
    else if (seen.queued) this.#queuedMs += awakeMs;
    else this.#unprovenMs += awakeMs;
    this.#progress = progress;
    this.#claims = seen.claims;
    this.#queued = seen.queued;
    return moved;
  }

  /** What has lasted for too long, if anything. */
  #overdue(quietSince: number, now: number): Overdue | undefined {
    const { stallTimeoutMs } = this.#options;
    if (stallTimeoutMs === 0) return undefined;
    const quietMs = now - quietSince;
    const unprovenMs = this.#unprovenMs;
    const queuedMs = this.#queuedMs;
    const claimLimitMs = CLAIMED_STALL_TIMEOUTS * stallTimeoutMs;
    const quietLimitMs = this.#queued ? claimLimitMs : stallTimeoutMs;
    if (quietMs >= quietLimitMs) return { stalledMs: quietMs, what: 'without progress' };
    if (unprovenMs >= claimLimitMs) {
      return { stalledMs: unprovenMs, what: 'in which the other side only reported its own work' };
    }
    return queuedMs < MAX_QUEUED_MS ? undefined : { stalledMs: queuedMs, what: 'in the queue' };
  }

  #expire(overdue: Overdue, verdict: Verdict): StallEvent[] {
    this.#expired = true;
    this.#report(verdict, overdue.stalledMs);
    return [{ type: 'expired', verdict, ...overdue }];
  }

  #grow(now: number): void {
    if (this.#open === undefined) return;
    this.#open.stalledMs = this.#beforeRestartMs + now - this.#quietSince;
  }

  #progressed(now: number): StallEvent[] {
    const ended = this.#open;
    this.#open = undefined;
    this.#restart(now);
    return ended === undefined ? [] : [{ type: 'resumed', stalledMs: ended.stalledMs }];
  }

  #restart(now: number): void {
    this.#beforeRestartMs = this.#open?.stalledMs ?? 0;
    this.#quietSince = now;
    this.#nextMark = firstMark(this.#options);
  }

  #sayStall(now: number, verdict: () => Verdict): StallEvent[] {
    const stalledMs = now - this.#quietSince;
    if (stalledMs < this.#nextMark) return [];
    this.#nextMark = markAfter(stalledMs);
    const told = verdict();
    this.#report(told, stalledMs);
    return [{ type: 'stall', verdict: told, stalledMs }];
  }

  /** A stall that is reported again is the same stall; its newest verdict counts. */
  #report(verdict: Verdict, stalledMs: number): void {
    if (this.#open !== undefined) {
      this.#open.verdict = verdict;
      return;
    }
    const startedMs = Math.max(0, this.#lastTickAt - stalledMs - this.#options.startedAt);
    this.#open = { verdict, startedMs, stalledMs };
    if (this.reports.length < MAX_STALL_REPORTS) this.reports.push(this.#open);
  }
}

function firstMark({ stallAfterMs }: StallOptions): number {
  return stallAfterMs > 0 ? stallAfterMs : Infinity;
}

function markAfter(stalledMs: number): number {
  if (stalledMs < STALL_AGAIN_MS) return STALL_AGAIN_MS;
  return (Math.floor(stalledMs / STALL_EVERY_MS) + 1) * STALL_EVERY_MS;
}
