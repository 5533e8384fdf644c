import { describe, expect, test } from 'vitest';
import { mainThreadState } from '../../src/observe/main-thread-state.ts';
import { makeSample } from '../../src/observe/sample.ts';
import type { WireObservation } from '../../src/observe/verdict.ts';

const QUIET: WireObservation = { reading: false, silentMs: 0, arrivedBytes: 0 };
const READS: WireObservation = { ...QUIET, reading: true, silentMs: 500 };
const SNAPSHOT = {
  sequence: 2,
  state: 'waiting-for-room',
  path: '',
  calls: 0,
  entries: 0,
  bytes: 0,
  waitedForRoomMs: 1_000,
  waitedForDataMs: 5,
  wantedEntries: 0,
  wantedBytes: 0,
} as const;

describe('the main thread of a sender', () => {
  test.each([
    ['writing to the transport', { ...READS, writePendingMs: 0 }, true],
    ['waiting for input', { ...READS, inputSilentMs: 3 }, false],
    ['waiting for credit', { ...READS, outOfCredit: true }, false],
    ['waiting for the disk thread', READS, true],
    ['waiting for the disk thread', QUIET, false],
    ['waiting for the peer', READS, false],
    ['waiting for the peer', { ...READS, handedOver: true }, true],
    ['idle', { ...QUIET, handedOver: true }, false],
  ])('is %s', (state, wire, diskIsBusy) => {
    expect(mainThreadState('sender', wire, diskIsBusy)).toBe(state);
  });
});

describe('the main thread of a receiver', () => {
  test.each([
    ['writing the tar', { ...READS, outputPendingMs: 0 }, true],
    ['waiting for the disk thread', { ...QUIET, readingBlocked: true }, false],
    ['reading from the transport', { ...READS, silentMs: 20 }, true],
    ['waiting for the peer', READS, true],
    ['waiting for the disk thread', QUIET, true],
    ['idle', QUIET, false],
  ])('is %s', (state, wire, diskIsBusy) => {
    expect(mainThreadState('receiver', wire, diskIsBusy)).toBe(state);
  });
});

test('a sample has the disk threads that have work, and counts a wait that is not over', () => {
  const idle = { snapshot: { ...SNAPSHOT, state: 'idle' as const }, pendingMs: 9 };
  const looks = [idle, { snapshot: SNAPSHOT, pendingMs: 250 }];
  const common = { side: 'sender', elapsedMs: 1, entries: 2, bytes: 3, rings: [] } as const;
  const beat = { state: 'writing', stateAgeMs: 0, path: 'a', ageMs: 4_000, freshMs: 3_000 };
  const wire = { ...READS, sentBytes: 7, arrivedBytes: 8, beat };
  expect(makeSample({ ...common, rings: [], looks, wire })).toMatchObject({
    diskThreads: [{ id: 2, state: 'waiting-for-room', waitedForRoomMs: 1_250, waitedForDataMs: 5 }],
    wire: { sentBytes: 7, receivedBytes: 8 },
    peer: { state: 'writing', path: 'a', ageMs: 4_000, isStale: true },
  });
});
