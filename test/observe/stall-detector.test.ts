import { describe, expect, test } from 'vitest';
import { CLAIMED_STALL_TIMEOUTS, MAX_QUEUED_MS } from '../../src/limits.ts';
import type { Verdict } from '../../src/report.ts';
import type { Movement } from '../../src/observe/movement.ts';
import {
  StallDetector,
  type StallEvent,
  type StallOptions,
} from '../../src/observe/stall-detector.ts';

const TICK_MS = 100;
const VERDICT: Verdict = { side: 'sender', cause: 'peer-silent', text: 'sender is silent' };

function create(options: Partial<StallOptions> = {}): StallDetector {
  return new StallDetector({
    stallAfterMs: 10_000,
    stallTimeoutMs: 0,
    suspensionMs: TICK_MS,
    startedAt: 0,
    ...options,
  });
}

/** What was observed: this much progress, and nothing else. */
function moved(diskWork: number, more: Partial<Movement> = {}): Movement {
  return { payloadBytes: 0, diskWork, claims: 0, busy: false, queued: false, ...more };
}

/** Ticks from after `fromMs` to `toMs`; the counter does not move. Events as 'type@stalledMs'. */
function idle(
  detector: StallDetector,
  span: { fromMs: number; toMs: number; counter?: number; verdict?: Verdict },
): string[] {
  const events: StallEvent[] = [];
  for (let now = span.fromMs + TICK_MS; now <= span.toMs; now += TICK_MS) {
    events.push(...detector.tick(now, moved(span.counter ?? 0), () => span.verdict ?? VERDICT));
  }
  return events.map(({ type, stalledMs }) => `${type}@${stalledMs}`);
}

describe('StallDetector', () => {
  test('reports a stall after the given time, again at 30 s and then every minute', () => {
    expect(idle(create(), { fromMs: 0, toMs: 200_000 })).toEqual([
      'stall@10000',
      'stall@30000',
      'stall@60000',
      'stall@120000',
      'stall@180000',
    ]);
  });

  test.each([
    [45_000, ['stall@45000', 'stall@60000', 'stall@120000']],
    [30_000, ['stall@30000', 'stall@60000', 'stall@120000']],
    [90_000, ['stall@90000', 'stall@120000']],
  ])('skips the marks before %d ms when a stall is first reported at that time', (ms, expected) => {
    expect(idle(create({ stallAfterMs: ms }), { fromMs: 0, toMs: 130_000 })).toEqual(expected);
  });

  test('reports nothing while the counter moves', () => {
    const detector = create({ stallAfterMs: 200 });
    for (let now = TICK_MS; now < 5_000; now += TICK_MS) {
      expect(detector.tick(now, moved(now), () => VERDICT)).toEqual([]);
    }
    expect(detector.reports).toEqual([]);
  });

  test('measures from the last progress, and reports once that it resumed', () => {
    const detector = create();
    detector.tick(100, moved(7), () => VERDICT);
    expect(idle(detector, { fromMs: 100, toMs: 41_000, counter: 7 })).toEqual([
      'stall@10000',
      'stall@30000',
    ]);
    expect(detector.tick(41_100, moved(8), () => VERDICT)).toEqual([
      { type: 'resumed', stalledMs: 41_000 },
    ]);
    expect(detector.tick(41_200, moved(9), () => VERDICT)).toEqual([]);
    expect(detector.reports).toEqual([{ verdict: VERDICT, startedMs: 100, stalledMs: 41_000 }]);
  });

  test('reports nothing about a pause that was too short to be reported', () => {
    const detector = create();
    idle(detector, { fromMs: 0, toMs: 9_900 });
    expect(detector.tick(10_000, moved(1), () => VERDICT)).toEqual([]);
    expect(detector.reports).toEqual([]);
  });

  test('expires once, and then reports nothing more', () => {
    const detector = create({ stallTimeoutMs: 20_000 });
    expect(idle(detector, { fromMs: 0, toMs: 90_000 })).toEqual(['stall@10000', 'expired@20000']);
    expect(detector.tick(90_100, moved(5), () => VERDICT)).toEqual([]);
    expect(detector.reports).toEqual([{ verdict: VERDICT, startedMs: 0, stalledMs: 20_000 }]);
  });

  test('expires without a stall report when the timeout is the shorter time', () => {
    const detector = create({ stallTimeoutMs: 5_000 });
    expect(idle(detector, { fromMs: 0, toMs: 20_000 })).toEqual(['expired@5000']);
    expect(detector.reports).toHaveLength(1);
  });

  test('reports only the expiry when the timeout falls on a mark', () => {
    const detector = create({ stallTimeoutMs: 60_000 });
    expect(idle(detector, { fromMs: 0, toMs: 60_000 }).slice(2)).toEqual(['expired@60000']);
  });

  test('never reports a stall when that is switched off, but expires', () => {
    const detector = create({ stallAfterMs: 0, stallTimeoutMs: 60_000 });
    expect(idle(detector, { fromMs: 0, toMs: 70_000 })).toEqual(['expired@60000']);
  });

  test('reports nothing after a late tick, and starts to count anew', () => {
    const detector = create({ stallTimeoutMs: 15_000 });
    idle(detector, { fromMs: 0, toMs: 9_900 });
    expect(detector.tick(3_600_000, moved(0), () => VERDICT)).toEqual([]);
    expect(idle(detector, { fromMs: 3_600_000, toMs: 3_609_900 })).toEqual([]);
    expect(idle(detector, { fromMs: 3_609_900, toMs: 3_610_000 })).toEqual(['stall@10000']);
    expect(idle(detector, { fromMs: 3_610_000, toMs: 3_615_000 })).toEqual(['expired@15000']);
  });

  test('keeps counting through a tick that is late by two intervals', () => {
    const detector = create();
    idle(detector, { fromMs: 0, toMs: 9_700 });
    expect(detector.tick(10_000, moved(0), () => VERDICT)).toMatchObject([{ type: 'stall' }]);
  });

  test('excludes the time of a suspension from a stall that continues after it', () => {
    const detector = create();
    idle(detector, { fromMs: 0, toMs: 12_000 });
    detector.tick(900_000, moved(0), () => VERDICT);
    idle(detector, { fromMs: 900_000, toMs: 901_000 });
    expect(detector.tick(901_100, moved(1), () => VERDICT)).toEqual([
      { type: 'resumed', stalledMs: 13_100 },
    ]);
    expect(detector.reports).toEqual([{ verdict: VERDICT, startedMs: 0, stalledMs: 13_100 }]);
  });

  test('reports that it resumed when the late tick itself brings progress', () => {
    const detector = create();
    idle(detector, { fromMs: 0, toMs: 12_000 });
    expect(detector.tick(900_000, moved(1), () => VERDICT)).toEqual([
      { type: 'resumed', stalledMs: 12_000 },
    ]);
  });

  test('reports that it resumed when the run succeeded before a tick saw it', () => {
    const detector = create();
    idle(detector, { fromMs: 0, toMs: 12_000 });
    expect(detector.finish(12_050)).toEqual([{ type: 'resumed', stalledMs: 12_050 }]);
    expect(detector.reports).toEqual([{ verdict: VERDICT, startedMs: 0, stalledMs: 12_050 }]);
    expect(create().finish(50)).toEqual([]);
  });

  test('records a stall with its newest verdict, and its age while it continues', () => {
    const detector = create();
    const newest: Verdict = { ...VERDICT, cause: 'disk-not-answering' };
    idle(detector, { fromMs: 0, toMs: 29_900 });
    idle(detector, { fromMs: 29_900, toMs: 33_000, verdict: newest });
    expect(detector.reports).toEqual([{ verdict: newest, startedMs: 0, stalledMs: 33_000 }]);
  });

  test('asks for a verdict only when there is a stall to report', () => {
    const detector = create();
    let asked = 0;
    for (let now = TICK_MS; now <= 12_000; now += TICK_MS) {
      detector.tick(now, moved(0), () => {
        asked++;
        return VERDICT;
      });
    }
    expect(asked).toBe(1);
  });

  test('records at most a thousand stalls', () => {
    const detector = create({ stallAfterMs: 100 });
    let said = 0;
    for (let round = 1; round <= 1_200; round++) {
      detector.tick(round * 200 - 100, moved(round), () => VERDICT);
      said += detector.tick(round * 200, moved(round), () => VERDICT).length;
    }
    expect(said).toBe(1_200);
    expect(detector.reports).toHaveLength(1_000);
  });
});

describe('StallDetector, while only the peer reports progress,', () => {
  const TIMEOUT_MS = 20_000;
  const LIMIT_MS = CLAIMED_STALL_TIMEOUTS * TIMEOUT_MS;
  const detector = () => create({ stallTimeoutMs: TIMEOUT_MS });

  /** One claim per second. */
  const claims = (now: number): number => Math.floor(now / 1_000);

  test('reports no stall, and gives up after several timeouts', () => {
    const events = run(detector(), { toMs: 200_000 }, (now) => moved(0, { claims: claims(now) }));
    expect(events).toEqual([
      `expired@${LIMIT_MS} in which the other side only reported its own work`,
    ]);
  });

  test('starts anew with each byte that this side sees itself', () => {
    const events = run(detector(), { toMs: 5 * LIMIT_MS }, (now) =>
      moved(0, { claims: claims(now), payloadBytes: Math.floor(now / (LIMIT_MS - 1_000)) }),
    );
    expect(events).toEqual([]);
  });

  test('gives up after one timeout when the claims stop', () => {
    const events = run(detector(), { toMs: 200_000 }, (now) =>
      moved(0, { claims: Math.min(claims(now), 5) }),
    );
    expect(events).toEqual(['stall@10000', 'expired@20000 without progress']);
  });

  test('never gives up without a timeout', () => {
    const never = create({ stallTimeoutMs: 0 });
    expect(run(never, { toMs: 20 * LIMIT_MS }, (now) => moved(0, { claims: claims(now) }))).toEqual(
      [],
    );
  });
});

describe('StallDetector, in a queue,', () => {
  const TIMEOUT_MS = 20_000;
  const LIMIT_MS = CLAIMED_STALL_TIMEOUTS * TIMEOUT_MS;

  test('reports no stall, and keeps waiting for as long as the queue moves', () => {
    const detector = create({ stallTimeoutMs: TIMEOUT_MS });
    const queue = (now: number) => moved(0, { queued: true, claims: Math.floor(now / 15_000) });
    expect(run(detector, { toMs: 10 * LIMIT_MS }, queue)).toEqual([]);
  });

  test('gives up when the queue does not move for several timeouts', () => {
    const detector = create({ stallTimeoutMs: TIMEOUT_MS });
    const events = run(detector, { toMs: 200_000 }, () => moved(0, { queued: true }));
    expect(events).toEqual([`expired@${LIMIT_MS} without progress`]);
  });

  test('starts to count anew when its turn comes', () => {
    const detector = create({ stallTimeoutMs: TIMEOUT_MS });
    const events = run(detector, { toMs: 90_000 }, (now) => moved(0, { queued: now <= 70_000 }));
    expect(events).toEqual(['stall@10000']);
  });

  test('stays there for no more than a day, even if it is queued again and again', () => {
    const suspensionMs = 1_000;
    const detector = create({ stallTimeoutMs: TIMEOUT_MS, suspensionMs });
    const events = run(detector, { toMs: 3 * MAX_QUEUED_MS, suspensionMs }, (now) =>
      moved(0, { queued: now % 3_000 > 0, claims: now, payloadBytes: Math.floor(now / 30_000) }),
    );
    expect(events).toEqual([`expired@${MAX_QUEUED_MS} in the queue`]);
  });
});

/** Ticks until `toMs`; events as 'type@stalledMs'. */
function run(
  detector: StallDetector,
  { toMs, suspensionMs = TICK_MS }: { toMs: number; suspensionMs?: number },
  seenAt: (now: number) => Movement,
): string[] {
  const events: string[] = [];
  for (let now = suspensionMs; now <= toMs; now += suspensionMs) {
    for (const event of detector.tick(now, seenAt(now), () => VERDICT)) {
      events.push(`${event.type}@${event.stalledMs}${'what' in event ? ` ${event.what}` : ''}`);
    }
  }
  return events;
}
