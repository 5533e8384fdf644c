import { MIN_RATE_SPAN_MS, RATE_SAMPLE_MS, RATE_WINDOW_MS, STALL_SHOWN_MS } from '../limits.ts';
import type { Progress } from './events.ts';
import { workOf, type Plan } from './work.ts';

/** What was sent or received by `now` (milliseconds). Bytes are of file content. */
export interface ProgressSample {
  now: number;
  entries: number;
  bytes: number;
  /** What there is to do. */
  plan: Plan;
}

/** The part of Progress that can be computed: rates, percentage and the ETA's seconds are whole numbers. */
export type ProgressFigures = Omit<Progress, 'phase' | 'path' | 'stalledMs' | 'failsInMs'>;

interface Kept {
  now: number;
  entries: number;
  bytes: number;
  /** As Work.done. */
  work: number;
}

/** Computes a percentage, rates and an ETA from counters passed in once per tick. */
export class ProgressMeter {
  readonly #startedAt: number;
  /** The first is the newest one that is at least a window old. */
  readonly #samples: Kept[];
  #tickedAt: number;
  /** When work was last done. */
  #movedAt: number;

  /** @param startedAt milliseconds, on the clock of the samples */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
    this.#tickedAt = startedAt;
    this.#movedAt = startedAt;
    this.#samples = [{ now: startedAt, entries: 0, bytes: 0, work: 0 }];
  }

  tick({ now, entries, bytes, plan }: ProgressSample): ProgressFigures {
    const { done, total, toSend } = workOf({ entries, bytes }, plan);
    this.#forget(now);
    this.#forgetStall(now, done);
    const oldest = this.#samples[0]!;
    const spanMs = now - oldest.now;
    const pace = rate(done - oldest.work, spanMs);
    this.#tickedAt = now;
    this.#remember({ now, entries, bytes, work: done });
    return {
      entries,
      bytes,
      totalEntries: toSend?.entries,
      totalBytes: toSend?.bytes,
      comparedEntries: plan.comparing?.compared.entries,
      contextEntries: plan.contexts?.entries,
      percent: total === undefined ? undefined : percentOf(done, total),
      bytesPerSecond: Math.round(rate(bytes - oldest.bytes, spanMs)),
      entriesPerSecond: Math.round(rate(entries - oldest.entries, spanMs)),
      etaSeconds:
        total === undefined || pace === 0 ? undefined : Math.ceil(Math.max(0, total - done) / pace),
      elapsedMs: now - this.#startedAt,
    };
  }

  #remember(sample: Kept): void {
    const newest = this.#samples.at(-1)!;
    if (sample.now - newest.now >= RATE_SAMPLE_MS) this.#samples.push(sample);
  }

  /** The pace before and during a stall says nothing about what comes after it. */
  #forgetStall(now: number, work: number): void {
    const newest = this.#samples.at(-1)!;
    if (work === newest.work) return;
    if (now - this.#movedAt >= STALL_SHOWN_MS)
      this.#samples.splice(0, Infinity, { ...newest, now: this.#tickedAt });
    this.#movedAt = now;
  }

  #forget(now: number): void {
    const inWindow = this.#samples.findIndex((sample) => now - sample.now < RATE_WINDOW_MS);
    const firstKept = inWindow === -1 ? this.#samples.length - 1 : inWindow - 1;
    if (firstKept > 0) this.#samples.splice(0, firstKept);
  }
}

/** Rounded down: 100 means all. */
function percentOf(done: number, total: number): number {
  return total <= 0 ? 100 : Math.min(100, Math.floor((100 * done) / total));
}

/** Per second. */
function rate(count: number, spanMs: number): number {
  return spanMs < MIN_RATE_SPAN_MS ? 0 : Math.max(0, (count * 1_000) / spanMs);
}
