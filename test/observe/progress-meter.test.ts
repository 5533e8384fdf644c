import { describe, expect, test } from 'vitest';
import { ENTRY_WORK_BYTES } from '../../src/limits.ts';
import { ProgressMeter } from '../../src/observe/progress-meter.ts';

const TICK_MS = 100;

/** Feeds a meter on each tick from `fromMs` to `toMs` and returns its last figures. */
function run(
  meter: ProgressMeter,
  span: { fromMs: number; toMs: number },
  at: (now: number) => { entries: number; bytes: number },
  contexts?: { entries: number; bytes: number },
) {
  const plan = { contexts };
  let figures = meter.tick({ now: span.fromMs, ...at(span.fromMs), plan });
  for (let now = span.fromMs + TICK_MS; now <= span.toMs; now += TICK_MS) {
    figures = meter.tick({ now, ...at(now), plan });
  }
  return figures;
}

describe('ProgressMeter', () => {
  test('reports a steady pace as the rate, and the time since the start', () => {
    const meter = new ProgressMeter(1_000);
    const figures = run(meter, { fromMs: 1_000, toMs: 3_000 }, (now) => ({
      entries: (now - 1_000) / 10,
      bytes: (now - 1_000) * 50,
    }));
    expect(figures).toMatchObject({ bytesPerSecond: 50_000, entriesPerSecond: 100 });
    expect(figures.elapsedMs).toBe(2_000);
    expect(figures.etaSeconds).toBeUndefined();
  });

  test('reports no rate before it has seen half a second', () => {
    const figures = new ProgressMeter(0).tick({ now: 400, entries: 9, bytes: 9_000, plan: {} });
    expect(figures).toMatchObject({ bytesPerSecond: 0, entriesPerSecond: 0 });
  });

  test('forgets what is more than five seconds old', () => {
    const meter = new ProgressMeter(0);
    run(meter, { fromMs: 0, toMs: 10_000 }, (now) => ({ entries: 0, bytes: now * 1_000 }));
    const slow = run(meter, { fromMs: 10_100, toMs: 15_100 }, (now) => ({
      entries: 0,
      bytes: 10_000_000 + (now - 10_000) * 10,
    }));
    expect(slow.bytesPerSecond).toBe(10_000);
  });

  test('falls to zero, with no ETA, when nothing moves', () => {
    const meter = new ProgressMeter(0);
    const totals = { entries: 10, bytes: 10_000 };
    const still = run(meter, { fromMs: 0, toMs: 9_000 }, () => ({ entries: 5, bytes: 5 }), totals);
    expect(still).toMatchObject({ bytesPerSecond: 0, entriesPerSecond: 0 });
    expect(still.etaSeconds).toBeUndefined();
  });

  test('estimates after a stall from the pace after it', () => {
    const meter = new ProgressMeter(0);
    const contexts = { entries: 0, bytes: 1_000_000 };
    const at = (now: number) => ({ entries: 0, bytes: Math.min(now, 2_000) * 100 });
    run(meter, { fromMs: 0, toMs: 32_000 }, at, contexts);
    const after = (now: number) => ({ entries: 0, bytes: 200_000 + (now - 32_000) * 100 });
    const resumed = run(meter, { fromMs: 32_100, toMs: 33_000 }, after, contexts);
    expect(resumed).toMatchObject({ bytesPerSecond: 100_000, etaSeconds: 7 });
  });

  test('measures bytes, and a fixed cost of each entry, for percentage and ETA alike', () => {
    // A quarter of the bytes and a quarter of the entries; then all bytes, and no other entry.
    const contexts = { entries: 400, bytes: 400 * ENTRY_WORK_BYTES };
    const at = (now: number) => ({ entries: now / 40, bytes: (now / 40) * ENTRY_WORK_BYTES });
    const meter = new ProgressMeter(0);
    const quarter = run(meter, { fromMs: 0, toMs: 4_000 }, at, contexts);
    expect(quarter).toMatchObject({ percent: 25, etaSeconds: 12, totalEntries: 400 });
    const content = { entries: 100, bytes: contexts.bytes };
    expect(meter.tick({ now: 4_100, ...content, plan: { contexts } }).percent).toBe(62);
  });

  test('moves on while one big file is read, in which no entry is completed', () => {
    const meter = new ProgressMeter(0);
    const contexts = { entries: 1, bytes: 20_000_000 - ENTRY_WORK_BYTES };
    const at = (now: number) => ({ entries: 0, bytes: now * 1_000 });
    const half = run(meter, { fromMs: 0, toMs: 10_000 }, at, contexts);
    expect(half).toMatchObject({ percent: 50, etaSeconds: 10 });
  });

  test('is at 100 percent only when everything is done', () => {
    const plan = { contexts: { entries: 1_000, bytes: 0 } };
    const percent = (entries: number) =>
      new ProgressMeter(0).tick({ now: 0, entries, bytes: 0, plan }).percent;
    expect([999, 1_000, 1_001].map(percent)).toEqual([99, 100, 100]);
  });

  test('reports zero seconds when everything is done, or more was done than was counted', () => {
    const at = (now: number) => ({ entries: now / 10, bytes: now });
    const totals = { entries: 400, bytes: 3_000 };
    const figures = run(new ProgressMeter(0), { fromMs: 0, toMs: 4_000 }, at, totals);
    expect(figures.etaSeconds).toBe(0);
  });

  test('reports the same rate however often it is fed', () => {
    const often = new ProgressMeter(0);
    let figures = often.tick({ now: 0, entries: 0, bytes: 0, plan: {} });
    for (let now = 1; now <= 20_000; now++) {
      figures = often.tick({ now, entries: now, bytes: now * 7, plan: {} });
    }
    expect(figures).toMatchObject({ bytesPerSecond: 7_000, entriesPerSecond: 1_000 });
  });
});
