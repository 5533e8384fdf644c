import { expect } from 'vitest';

export interface TraceEvent {
  ph: string;
  pid: number;
  tid: number;
  ts?: number;
  name?: string;
  s?: string;
  args?: Record<string, unknown>;
}

/** A slice of a track, in microseconds. */
export interface Slice {
  track: string;
  name: string;
  /** 0 for an outermost one. */
  depth: number;
  ts: number;
  dur: number;
}

/** What a viewer shows of a trace. */
export interface ReadTrace {
  events: TraceEvent[];
  slices: Slice[];
  /** Names of instant events, in order. */
  instants: string[];
  /** By name of the curve and of the series. */
  counters: Map<string, number[]>;
}

/**
 * Reads a trace as Perfetto does, and expects that it follows the Trace Event Format: only known phase
 * types with the fields that they need, times that never go back, and each B with its E.
 */
export function readTrace(text: string): ReadTrace {
  const { traceEvents: events } = JSON.parse(text) as { traceEvents: TraceEvent[] };
  const names = new Map<number, string>();
  const open = new Map<number, { name: string; ts: number }[]>();
  const read: ReadTrace = { events, slices: [], instants: [], counters: new Map() };
  const last = new Map<number, number>();
  for (const event of events) {
    const { ph, pid, tid, name = '', args = {} } = event;
    expect([pid, tid].every((id) => Number.isSafeInteger(id) && id > 0)).toBe(true);
    if (ph === 'M') {
      expect(['process_name', 'process_sort_index', 'thread_name', 'thread_sort_index']).toContain(
        name,
      );
      if (name === 'thread_name') names.set(tid, String(args['name']));
      continue;
    }
    const ts = event.ts!;
    expect(Number.isSafeInteger(ts)).toBe(true);
    expect(ts).toBeGreaterThanOrEqual(last.get(tid) ?? 0);
    last.set(tid, ts);
    if (ph === 'B') {
      expect(names.has(tid)).toBe(true);
      expect(name).not.toBe('');
      open.set(tid, [...(open.get(tid) ?? []), { name, ts }]);
    } else if (ph === 'E') {
      const stack = open.get(tid) ?? [];
      const begun = stack.pop();
      if (begun === undefined) throw new Error(`E without B on ${names.get(tid)}`);
      const slice = { name: begun.name, ts: begun.ts, dur: ts - begun.ts };
      read.slices.push({ track: names.get(tid)!, depth: stack.length, ...slice });
    } else if (ph === 'i') {
      expect(event.s).toBe('p');
      read.instants.push(name);
    } else if (ph === 'C') {
      for (const [series, value] of Object.entries(args)) {
        expect(Number.isFinite(value)).toBe(true);
        const key = `${name}: ${series}`;
        read.counters.set(key, [...(read.counters.get(key) ?? []), Number(value)]);
      }
    } else throw new Error(`unknown phase type ${ph}`);
  }
  expect([...open.values()].flat()).toEqual([]);
  return read;
}

/** The names of the slices of a track, in order of their ends; of the outermost ones by default. */
export function slicesOf({ slices }: ReadTrace, track: string, depth = 0): string[] {
  return slices
    .filter((slice) => slice.track === track && slice.depth === depth)
    .map(({ name }) => name);
}
