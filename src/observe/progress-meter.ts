import { MIN_RATE_SPAN_MS, RATE_SAMPLE_MS, RATE_WINDOW_MS } from '../limits.ts';
import type { Progress } from './events.ts';

/** What was done by `now` (milliseconds). Bytes are of file content. */
export interface ProgressSample {
  now: number;
  entries: number;
  bytes: number;
  /** Of the whole context, once counted. */
  totals?: { entries: number; bytes: number } | undefined;
}

/** The part of Progress that can be computed: rates are whole numbers, the ETA whole seconds. */
export type ProgressFigures = Omit<Progress, 'phase' | 'path'>;

/** Computes rates and an ETA from counters passed in once per tick. */
export class ProgressMeter {
  readonly #startedAt: number;
  /** The first is the newest one that is at least a window old. */
  readonly #samples: ProgressSample[];

  /** @param startedAt milliseconds, on the clock of the samples */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
    this.#samples = [{ now: startedAt, entries: 0, bytes: 0 }];
  }

  tick(sample: ProgressSample): ProgressFigures {
    this.#forget(sample.now);
    const oldest = this.#samples[0]!;
    const bytesPerSecond = rate(sample.bytes - oldest.bytes, sample.now - oldest.now);
    const entriesPerSecond = rate(sample.entries - oldest.entries, sample.now - oldest.now);
    this.#remember(sample);
    const elapsedMs = sample.now - this.#startedAt;
    // During one big file no entry completes: then the whole run predicts better than the window.
    const entriesPace = Math.max(entriesPerSecond, rate(sample.entries, elapsedMs));
    return {
      entries: sample.entries,
      bytes: sample.bytes,
      totalEntries: sample.totals?.entries,
      totalBytes: sample.totals?.bytes,
      bytesPerSecond: Math.round(bytesPerSecond),
      entriesPerSecond: Math.round(entriesPerSecond),
      etaSeconds:
        bytesPerSecond + entriesPerSecond > 0
          ? secondsLeft(sample, bytesPerSecond, entriesPace)
          : undefined,
      elapsedMs,
    };
  }

  #remember(sample: ProgressSample): void {
    const newest = this.#samples.at(-1)!;
    if (sample.now - newest.now >= RATE_SAMPLE_MS) this.#samples.push(sample);
  }

  #forget(now: number): void {
    const inWindow = this.#samples.findIndex((sample) => now - sample.now < RATE_WINDOW_MS);
    const firstKept = inWindow === -1 ? this.#samples.length - 1 : inWindow - 1;
    if (firstKept > 0) this.#samples.splice(0, firstKept);
  }
}

/** Seconds until the slower of the two is done; undefined when there is no estimate. */
function secondsLeft(
  { entries, bytes, totals }: ProgressSample,
  bytesPerSecond: number,
  entriesPerSecond: number,
): number | undefined {
  if (totals === undefined) return undefined;
  const estimates = [
    [totals.bytes - bytes, bytesPerSecond] as const,
    [totals.entries - entries, entriesPerSecond] as const,
  ].flatMap(([left, perSecond]) => {
    if (left <= 0) return [0];
    return perSecond > 0 ? [left / perSecond] : [];
  });
  return estimates.length === 0 ? undefined : Math.ceil(Math.max(...estimates));
}

/** Per second. */
function rate(count: number, spanMs: number): number {
  return spanMs < MIN_RATE_SPAN_MS ? 0 : Math.max(0, (count * 1_000) / spanMs);
}
