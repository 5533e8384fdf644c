import { describe, expect, test } from 'vitest';
import { COMMIT_WORK_BYTES, COMPARE_WORK_BYTES, ENTRY_WORK_BYTES } from '../../src/limits.ts';
import { NOTHING, workOf, type Comparing } from '../../src/observe/work.ts';

const CONTEXTS = { entries: 1_000, bytes: 5_000_000 };

function comparing(change: Partial<Comparing>): Comparing {
  return { compared: NOTHING, wanted: NOTHING, isOver: false, ...change };
}

describe('the work of a transfer', () => {
  test('that compares nothing is all contexts, once they are counted', () => {
    const sent = { entries: 10, bytes: 700 };
    expect(workOf(sent, {})).toEqual({
      done: 10 * ENTRY_WORK_BYTES + 700,
      total: undefined,
      toSend: undefined,
      isSending: true,
    });
    expect(workOf(sent, { contexts: CONTEXTS })).toMatchObject({
      total: 1_000 * ENTRY_WORK_BYTES + 5_000_000,
      toSend: CONTEXTS,
    });
  });

  test('without changes is the comparison alone', () => {
    const compared = { entries: 250, bytes: 0 };
    const running = workOf(NOTHING, {
      contexts: CONTEXTS,
      whole: NOTHING,
      comparing: comparing({ compared }),
    });
    expect(running).toMatchObject({ isSending: false, total: 1_000 * COMPARE_WORK_BYTES });
    expect(running.done / running.total!).toBe(0.25);
    const all = { compared: { entries: 1_000, bytes: 0 }, isOver: true };
    const over = workOf(NOTHING, { whole: NOTHING, comparing: comparing(all) });
    expect(over).toMatchObject({ done: over.total, toSend: NOTHING, isSending: false });
  });

  test('is estimated from what was compared, and certain when that is over', () => {
    const wanted = { entries: 50, bytes: 1_000_000 };
    const whole = NOTHING;
    const half = comparing({ compared: { entries: 500, bytes: 0 }, wanted });
    const early = workOf(NOTHING, { contexts: CONTEXTS, whole, comparing: half });
    const sending = 100 * (ENTRY_WORK_BYTES + COMMIT_WORK_BYTES) + 2_000_000;
    expect(early.total).toBe(1_000 * COMPARE_WORK_BYTES + sending);
    expect(early.toSend).toBeUndefined();
    const over = comparing({ compared: { entries: 1_000, bytes: 0 }, wanted, isOver: true });
    expect(workOf(NOTHING, { contexts: CONTEXTS, whole, comparing: over })).toMatchObject({
      total: 1_000 * COMPARE_WORK_BYTES + sending / 2,
      toSend: wanted,
      isSending: true,
    });
  });

  test('contains the contexts that are sent whole beside those that are compared', () => {
    const whole = { entries: 400, bytes: 4_000_000 };
    const over = comparing({
      compared: { entries: 600, bytes: 0 },
      wanted: { entries: 1, bytes: 7 },
      isOver: true,
    });
    expect(workOf(NOTHING, { contexts: CONTEXTS, whole, comparing: over }).toSend).toEqual({
      entries: 401,
      bytes: 4_000_007,
    });
    expect(workOf(NOTHING, { contexts: CONTEXTS, comparing: over }).total).toBeUndefined();
  });

  test('counts the bytes that were hashed for a comparison of contents', () => {
    const compared = { entries: 500, bytes: 2_500_000 };
    const plan = { contexts: CONTEXTS, whole: NOTHING, comparing: comparing({ compared }) };
    const { done, total } = workOf(NOTHING, plan);
    expect(done).toBe(500 * COMPARE_WORK_BYTES + 2_500_000);
    expect(total).toBe(2 * done);
  });

  test('is sending as soon as that has taken more than all comparing will', () => {
    const compared = { entries: 100, bytes: 0 };
    const plan = { contexts: CONTEXTS, whole: NOTHING, comparing: comparing({ compared }) };
    const limit = (1_000 * COMPARE_WORK_BYTES) / ENTRY_WORK_BYTES;
    expect(workOf({ entries: limit, bytes: 0 }, plan).isSending).toBe(false);
    expect(workOf({ entries: limit, bytes: 1 }, plan).isSending).toBe(true);
  });
});
