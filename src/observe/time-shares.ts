import type { TimeShares } from '../report.ts';

/** What one side measured, in milliseconds. */
export interface MeasuredTimes {
  totalMs: number;
  /** Receiver: its disk workers had nothing to write. Absent on a sender. */
  starvedMs?: number | undefined;
  /** The sender's disk workers waited for room. */
  senderWaitedMs: number;
}

/**
 * Where the time went. While the receiver's disk had work, the destination was the bottleneck; while it
 * had none, it was the wire for as long as the sender waited too, and the source for the rest. In whole
 * milliseconds, so that the shares add up to the total exactly; none is negative.
 */
export function timeShares(measured: MeasuredTimes): TimeShares {
  const totalMs = Math.max(0, Math.round(measured.totalMs));
  const waitedMs = within(measured.senderWaitedMs, totalMs);
  if (measured.starvedMs === undefined) {
    return { totalMs, sourceMs: totalMs - waitedMs, wireMs: waitedMs };
  }
  const starvedMs = within(measured.starvedMs, totalMs);
  const destinationMs = totalMs - starvedMs;
  const wireMs = Math.min(starvedMs, Math.max(0, waitedMs - destinationMs));
  return { totalMs, sourceMs: starvedMs - wireMs, wireMs, destinationMs };
}

function within(ms: number, totalMs: number): number {
  return Math.min(totalMs, Math.max(0, Math.round(ms)));
}
