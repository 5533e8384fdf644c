import { TICK_MS } from '../limits.ts';
import type { DiskThreadSample, Sample } from './sample.ts';
import type { TraceEvent } from './trace-event.ts';

/** The curves of a trace, by name, each with its series. */
type Curves = Record<string, Record<string, number>>;

/** Makes curves of samples: rates and shares since the sample before, and what is a level anyway. */
export class TraceCounters {
  readonly #pid: number;
  /** The sample that rates are relative to. */
  #before: Sample | undefined;
  /** What each curve shows at present. */
  readonly #shown: Curves = {};

  constructor(pid: number) {
    this.#pid = pid;
  }

  /**
   * What has changed.
   * @param ts microseconds
   */
  take(sample: Sample, ts: number): TraceEvent[] {
    const curves = { ...levels(sample), ...this.#rates(sample) };
    return Object.entries(curves).flatMap(([name, series]): TraceEvent[] => {
      const shown = this.#shown[name] ?? {};
      // What is gone goes down to 0.
      const args = { ...zeros(shown), ...series };
      if (isEqual(shown, args)) return [];
      this.#shown[name] = args;
      const pid = this.#pid;
      return [{ ph: 'C', name, cat: 'counter', ts, pid, tid: pid, args }];
    });
  }

  #rates(sample: Sample): Curves {
    const before = this.#before;
    const spanMs = sample.elapsedMs - (before?.elapsedMs ?? -Infinity);
    // A sample at a change of phase may come right after another one.
    if (spanMs < TICK_MS / 2) return {};
    this.#before = sample;
    if (before === undefined) return {};
    const perSecond = (now: number, then: number): number =>
      Math.round(((now - then) * 1_000) / spanMs);
    const { wire } = before;
    return {
      'content, bytes/s': { content: perSecond(sample.bytes, before.bytes) },
      'entries/s': { entries: perSecond(sample.entries, before.entries) },
      'wire, bytes/s': {
        sent: perSecond(sample.wire.sentBytes, wire.sentBytes),
        received: perSecond(sample.wire.receivedBytes, wire.receivedBytes),
      },
      ...threadShares(sample, before, spanMs),
    };
  }
}

function levels({ rings, wire, peer }: Sample): Curves {
  const fills = rings.map(({ kind, usedBytes, capacityBytes }) => [
    kind,
    Math.round((100 * usedBytes) / capacityBytes),
  ]);
  const { creditBytes: credit } = wire;
  return {
    'ring fill, %': Object.fromEntries(fills) as Record<string, number>,
    ...(credit === undefined ? {} : { 'credit, bytes': { credit } }),
    ...(peer === undefined ? {} : { 'age of the last beat, ms': { age: Math.round(peer.ageMs) } }),
  };
}

/** How each disk thread has spent the time since the sample before: exact, unlike its state. */
function threadShares({ diskThreads }: Sample, before: Sample, spanMs: number): Curves {
  const ids = new Set([...before.diskThreads, ...diskThreads].map(({ id }) => id));
  const curves = [...ids].map((id) => {
    const ofThis = ({ id: other }: DiskThreadSample): boolean => other === id;
    const [then, now] = [before.diskThreads.find(ofThis), diskThreads.find(ofThis)];
    return [`disk thread ${id}, % of the time`, shares(then, now, spanMs)] as const;
  });
  return Object.fromEntries(curves);
}

function shares(
  then: DiskThreadSample | undefined,
  now: DiskThreadSample | undefined,
  spanMs: number,
): Record<string, number> {
  if (now === undefined) return { working: 0 };
  const share = (waitedMs: number): number =>
    Math.min(100, Math.max(0, Math.round((100 * waitedMs) / spanMs)));
  const room = share(now.waitedForRoomMs - (then?.waitedForRoomMs ?? 0));
  const data = share(now.waitedForDataMs - (then?.waitedForDataMs ?? 0));
  const working = Math.max(0, 100 - room - data);
  return { working, 'waiting for room': room, 'waiting for data': data };
}

function zeros(series: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.keys(series).map((key) => [key, 0]));
}

function isEqual(a: Record<string, number>, b: Record<string, number>): boolean {
  const keys = Object.keys(b);
  return keys.length === Object.keys(a).length && keys.every((key) => a[key] === b[key]);
}
