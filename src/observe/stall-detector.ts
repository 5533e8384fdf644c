import type { StallReport, Verdict } from './events.ts';
import { MAX_STALL_REPORTS } from '../limits.ts';

/** Milliseconds of age at which a stall is said for the second time, and then each minute. */
const SECOND_MARK_MS = 30_000;
const MINUTE_MS = 60_000;

export interface StallOptions {
  /** Milliseconds without progress until a stall is said; 0 = never. */
  stallAfterMs: number;
  /** Milliseconds without progress until the run has to fail; 0 = never. */
  stallTimeoutMs: number;
  /** Milliseconds between two ticks. */
  tickMs: number;
  /** Milliseconds, on the clock of the ticks. */
  startedAt: number;
}

export type StallEvent =
  | { type: 'stall'; verdict: Verdict; stalledMs: number }
  | { type: 'resumed'; stalledMs: number }
  /** The run has to fail now; nothing follows. */
  | { type: 'expired'; verdict: Verdict; stalledMs: number };

/**
 * The progress timer: says when nothing has moved for too long. It counts from the last progress,
 * and only time in which this process was awake: a late tick means that we were suspended, and then
 * the peer's silence proves nothing.
 */
export class StallDetector {
  /** Every stall that was said, in order. The last one may still go on: it grows with the ticks. */
  readonly reports: StallReport[] = [];
  readonly #options: StallOptions;
  #counter = 0;
  #lastTickAt: number;
  /** Of the last progress, or of the tick at which the timers were restarted. */
  #quietSince: number;
  /** The age, in milliseconds, at which the stall is said next. */
  #nextMark: number;
  /** The stall that was said and has not ended. */
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
   * @param progressCounter anything that changes exactly when payload is read, written or consumed
   * @param verdict asked only when there is a stall to tell
   */
  tick(now: number, progressCounter: number, verdict: () => Verdict): StallEvent[] {
    if (this.#expired) return [];
    // On time is one interval after the last tick: three are late by two.
    const suspended = now - this.#lastTickAt > 3 * this.#options.tickMs;
    this.#lastTickAt = now;
    const moved = progressCounter !== this.#counter;
    this.#counter = progressCounter;
    if (!suspended) this.#grow(now);
    if (moved) return this.#progressed(now);
    if (!suspended) return this.#overdue(now, verdict);
    this.#restart(now);
    return [];
  }

  /** The run came to a good end, however late its last progress was seen: so did its stall. */
  finish(now: number): StallEvent[] {
    this.#grow(now);
    return this.#progressed(now);
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

  #overdue(now: number, verdict: () => Verdict): StallEvent[] {
    const stalledMs = now - this.#quietSince;
    const { stallTimeoutMs } = this.#options;
    this.#expired = stallTimeoutMs > 0 && stalledMs >= stallTimeoutMs;
    if (!this.#expired && stalledMs < this.#nextMark) return [];
    this.#nextMark = markAfter(stalledMs);
    const told = verdict();
    this.#report(told, stalledMs);
    return [{ type: this.#expired ? 'expired' : 'stall', verdict: told, stalledMs }];
  }

  /** A stall that is said again is the same stall; its newest verdict counts. */
  #report(verdict: Verdict, stalledMs: number): void {
    if (this.#open !== undefined) {
      this.#open.verdict = verdict;
      return;
    }
    const startedMs = this.#quietSince - this.#options.startedAt;
    this.#open = { verdict, startedMs, stalledMs };
    if (this.reports.length < MAX_STALL_REPORTS) this.reports.push(this.#open);
  }
}

function firstMark({ stallAfterMs }: StallOptions): number {
  return stallAfterMs > 0 ? stallAfterMs : Infinity;
}

function markAfter(stalledMs: number): number {
  if (stalledMs < SECOND_MARK_MS) return SECOND_MARK_MS;
  return (Math.floor(stalledMs / MINUTE_MS) + 1) * MINUTE_MS;
}
