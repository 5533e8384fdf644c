import { expect, test } from 'vitest';
import { MAX_TRACE_CHARS, SPARSER_TRACE_CHARS } from '../../src/limits.ts';
import type { DiskThreadSample, Sample } from '../../src/observe/sample.ts';
import { TransferTrace } from '../../src/observe/transfer-trace.ts';
import { readTrace, slicesOf, type ReadTrace } from '../helpers/check-trace.ts';

/** A trace on a clock of its own, from 1,000 ms on. */
class Traced {
  ms = 1_000;
  readonly trace = new TransferTrace('sender', () => this.ms);

  /** A sample, and the time until the next one. */
  sample(seen: Partial<Sample> = {}, passMs = 100): void {
    this.trace.onSample({ ...NOTHING, elapsedMs: this.ms - 1_000, ...seen });
    this.ms += passMs;
  }

  phase(phase: 'preparing' | 'sending' | 'queued', queue?: string): void {
    this.trace.onEvent({ type: 'phase', side: 'sender', phase, elapsedMs: 0, queue });
  }

  read(): ReadTrace {
    return readTrace(this.trace.text());
  }
}

const NOTHING: Sample = {
  side: 'sender',
  elapsedMs: 0,
  entries: 0,
  bytes: 0,
  mainThread: 'idle',
  diskThreads: [],
  rings: [],
  wire: { sentBytes: 0, receivedBytes: 0 },
};
const READING: DiskThreadSample = {
  id: 1,
  state: 'reading',
  path: 'a.bin',
  pendingMs: 0,
  waitedForRoomMs: 0,
  waitedForDataMs: 0,
};

test('a trace of nothing is valid', () => {
  const { slices } = new Traced().read();
  expect(slices).toMatchObject([{ track: 'phase', name: 'starting', dur: 0 }]);
});

test('phases follow one another, and one in a queue names who is ahead', () => {
  const traced = new Traced();
  traced.phase('preparing');
  traced.ms += 10;
  traced.phase('queued', '1 sender ahead');
  traced.ms += 20;
  traced.phase('sending');
  traced.ms += 30;
  const read = traced.read();
  expect(slicesOf(read, 'phase')).toEqual(['starting', 'preparing', 'queued', 'sending']);
  expect(slicesOf(read, 'phase', 1)).toEqual(['1 sender ahead']);
  expect(read.slices.map(({ dur }) => dur)).toEqual([0, 10_000, 20_000, 20_000, 30_000]);
});

test('a call that is seen in several samples is one slice with its path, as long as it lasted', () => {
  const traced = new Traced();
  for (let i = 0; i < 5; i++) traced.sample({ diskThreads: [READING] });
  traced.sample({ diskThreads: [{ ...READING, path: 'b.bin' }] });
  traced.sample({ diskThreads: [{ ...READING, state: 'waiting-for-room', path: '' }] });
  traced.sample();
  const { slices } = traced.read();
  expect(slices.filter(({ track }) => track === 'disk thread 1')).toMatchObject([
    { name: 'a.bin', depth: 1, dur: 500_000 },
    { name: 'b.bin', depth: 1, dur: 100_000 },
    { name: 'reading', depth: 0, dur: 600_000 },
    { name: 'waiting for room to send', depth: 0, dur: 100_000 },
  ]);
});

test('curves show rates, levels, and the exact shares of a thread, and end at 0', () => {
  const traced = new Traced();
  const tree = { kind: 'tree', usedBytes: 3, capacityBytes: 4 } as const;
  const wire = { sentBytes: 0, receivedBytes: 0, creditBytes: 50 };
  traced.sample({ diskThreads: [READING], rings: [tree], wire });
  traced.sample({
    bytes: 1_000,
    entries: 2,
    wire: { ...wire, sentBytes: 500, creditBytes: 0 },
    rings: [{ ...tree, usedBytes: 4 }],
    diskThreads: [{ ...READING, waitedForRoomMs: 40, waitedForDataMs: 10 }],
  });
  traced.sample({ bytes: 1_000, entries: 2, wire: { ...wire, sentBytes: 500 } });
  expect(Object.fromEntries(traced.read().counters)).toEqual({
    'ring fill, %: tree': [75, 100, 0],
    'credit, bytes: credit': [50, 0, 50],
    'content, bytes/s: content': [10_000, 0],
    'entries/s: entries': [20, 0],
    'wire, bytes/s: sent': [5_000, 0],
    'wire, bytes/s: received': [0, 0],
    'disk thread 1, % of the time: working': [50, 0],
    'disk thread 1, % of the time: waiting for room': [40, 0],
    'disk thread 1, % of the time: waiting for data': [10, 0],
  });
});

test('the peer is shown as its beats report it, and as silent when none come', () => {
  const traced = new Traced();
  const peer = { state: 'writing', path: 'a', ageMs: 20, isStale: false };
  traced.sample({ peer });
  traced.sample({ peer: { ...peer, state: 'of-a-newer-version', path: '' } });
  traced.sample({ peer: { ...peer, ageMs: 9_000, isStale: true } });
  const read = traced.read();
  const track = 'receiver, by its beats';
  expect(slicesOf(read, track)).toEqual(['writing', 'of-a-newer-version', 'silent']);
  expect(slicesOf(read, track, 1)).toEqual(['a']);
});

test('stalls and the end are instants with their verdicts, and the end closes all slices', () => {
  const traced = new Traced();
  traced.sample({ mainThread: 'writing to the transport', diskThreads: [READING] });
  const verdict = { side: 'receiver', cause: 'pipe-full', text: 'receiver is slow' } as const;
  traced.trace.onEvent({ type: 'stall', side: 'sender', verdict, stalledMs: 10_000 });
  traced.trace.onEvent({ type: 'resumed', side: 'sender', stalledMs: 12_000 });
  const report = { result: 'failed', error: { message: 'gave up' } } as never;
  traced.trace.onEvent({ type: 'end', side: 'sender', report });
  traced.ms += 5_000;
  const { events, instants, slices } = traced.read();
  expect(instants).toEqual([
    'stalled 10s: receiver is slow',
    'resumed after 12s',
    'failed: gave up',
  ]);
  expect(events.find(({ name }) => name?.startsWith('stalled'))?.args).toMatchObject({
    cause: 'pipe-full',
    side: 'receiver',
  });
  expect(Math.max(...slices.map(({ ts, dur }) => ts + dur))).toBe(1_100_000);
});

test('the tracks of the two sides differ, so that both traces can be shown together', () => {
  const ids = (['sender', 'receiver'] as const).map((side) => {
    const trace = new TransferTrace(side);
    trace.onSample({ ...NOTHING, side, diskThreads: [READING, { ...READING, id: 2 }] });
    return new Set(readTrace(trace.text()).events.map(({ tid }) => tid));
  });
  expect(ids[0]!.size).toBeGreaterThan(3);
  expect([...ids[0]!].filter((tid) => ids[1]!.has(tid))).toEqual([]);
});

test('samples become rarer as a trace grows, and phases do not', () => {
  const traced = new Traced();
  let path = 'x'.repeat(2_000);
  const samples = (count: number): number => {
    const before = traced.read().slices.length;
    for (let i = 0; i < count; i++) {
      path = String(i).padStart(2_000, 'x');
      traced.sample({ diskThreads: [{ ...READING, path }] });
    }
    return traced.read().slices.length - before;
  };
  expect(samples(100)).toBeCloseTo(100, -1);
  samples(1.1 * (SPARSER_TRACE_CHARS / path.length));
  expect(samples(100)).toBeCloseTo(50, -1);
  traced.phase('sending');
  expect(slicesOf(traced.read(), 'phase')).toEqual(['starting', 'sending']);
});

test('a trace ends at its bound, is valid then, and says so', () => {
  const traced = new Traced();
  const path = 'x'.repeat(MAX_TRACE_CHARS / 8);
  for (let i = 0; i < 12; i++)
    traced.sample({ diskThreads: [{ ...READING, path: path + i }] }, 3_600_000);
  const read = traced.read();
  expect(read.instants).toEqual(['the trace is full, and ends here']);
  expect(traced.trace.text().length).toBeLessThan(1.2 * MAX_TRACE_CHARS);
});
