import { describe, expect, test } from 'vitest';
import { fromText } from '../../src/disk/byte-path.ts';
import { DISK_STATES } from '../../src/disk/worker-status.ts';
import { type Observation, verdictOf } from '../../src/observe/verdict.ts';

const ARRIVED = { arrivedBytes: 9_000, bytesPerSecond: 0 };
const SENDER: Observation = {
  side: 'sender',
  disks: [],
  reading: false,
  silentMs: 12_000,
  ...ARRIVED,
};
const RECEIVER: Observation = {
  side: 'receiver',
  disks: [],
  reading: true,
  silentMs: 12_300,
  ...ARRIVED,
};
const BEAT = {
  state: 'reading',
  stateAgeMs: 10_500,
  path: 'web/app.js',
  ageMs: 600,
  freshMs: 3_000,
};
const WAITS = { state: 'waiting-for-data', path: '', pendingMs: 12_000 } as const;

describe('verdictOf, on either side,', () => {
  test('names our own disk, whatever else is pending', () => {
    const disks = [{ state: 'writing', path: 'web/app.js', pendingMs: 1_000 } as const];
    expect(verdictOf({ ...RECEIVER, disks, beat: BEAT, outputPendingMs: 9_000 })).toEqual({
      side: 'receiver',
      cause: 'disk-not-answering',
      path: 'web/app.js',
      text: 'receiver is writing web/app.js (disk not answering)',
    });
  });

  test('names our own disk rather than a peer that does not read', () => {
    const disks = [{ state: 'reading', path: 'a/b.bin', pendingMs: 11_000 } as const];
    const { text } = verdictOf({ ...SENDER, disks, writePendingMs: 12_000 });
    expect(text).toBe('sender is reading a/b.bin (disk not answering)');
  });

  test('names the call that has been pending longest', () => {
    const disks = [
      { state: 'writing', path: 'young', pendingMs: 2_000 },
      { state: 'writing', path: 'old', pendingMs: 9_000 },
      { state: 'waiting-for-data', path: 'oldest', pendingMs: 99_000 },
    ] as const;
    expect(verdictOf({ ...RECEIVER, disks: [...disks] }).path).toBe('old');
  });

  test('blames neither a disk that just got a call nor the peer', () => {
    const disks = [{ state: 'scanning', path: 'a', pendingMs: 300 } as const];
    expect(verdictOf({ ...SENDER, disks, writePendingMs: 12_000 })).toEqual({
      side: 'sender',
      cause: 'unknown',
      path: 'a',
      text: 'sender is scanning a',
    });
  });

  test('omits a path that is not known', () => {
    const disks = [{ state: 'committing', path: '', pendingMs: 5_000 } as const];
    const verdict = verdictOf({ ...RECEIVER, disks });
    expect(verdict.text).toBe('receiver is committing (disk not answering)');
    expect(verdict.path).toBeUndefined();
  });

  test('shows a path as readable text', () => {
    const disks = [{ state: 'writing', path: fromText('é\u001b[31m'), pendingMs: 5_000 } as const];
    expect(verdictOf({ ...RECEIVER, disks }).path).toBe('é\\x1b[31m');
  });

  test.each(DISK_STATES)('has a text for the state %s', (state) => {
    const disks = [{ state, path: 'p', pendingMs: 5_000 }];
    expect(verdictOf({ ...SENDER, disks }).text).toMatch(/^sender (is|sees) \w/);
  });
});

describe('verdictOf, as the sender,', () => {
  test('reports only that the pipe is full when our write is pending', () => {
    const disks = [{ state: 'waiting-for-room', path: '', pendingMs: 11_000 } as const];
    expect(verdictOf({ ...SENDER, disks, writePendingMs: 12_000 })).toEqual({
      side: 'receiver',
      cause: 'pipe-full',
      text: 'receiver, or the link to it, is slow or does not read (the pipe is full)',
    });
  });

  test('reports that stdin is silent', () => {
    expect(verdictOf({ ...SENDER, disks: [WAITS], inputSilentMs: 72_000 })).toEqual({
      side: 'sender',
      cause: 'input-silent',
      text: 'sender is waiting for the tar (silent for 1m 12s)',
    });
  });

  test('does not take the write of a beat for a receiver that does not read', () => {
    const { cause } = verdictOf({ ...SENDER, inputSilentMs: 12_000, writePendingMs: 20 });
    expect(cause).toBe('input-silent');
  });

  test('blames the receiver when it does not read and stdin is silent too', () => {
    const { cause } = verdictOf({ ...SENDER, inputSilentMs: 12_000, writePendingMs: 11_000 });
    expect(cause).toBe('pipe-full');
  });

  test('reports that it waits for itself when nothing is pending', () => {
    expect(verdictOf(SENDER)).toEqual({
      side: 'sender',
      cause: 'unknown',
      text: 'sender is waiting for a thread of its own',
    });
  });
});

describe('verdictOf, as the sender on duplex,', () => {
  const DUPLEX: Observation = { ...SENDER, reading: true };
  const NO_ROOM = { state: 'waiting-for-room', path: '', pendingMs: 12_000 } as const;
  const WRITES = { ...BEAT, state: 'writing', stateAgeMs: 11_000 };

  test('reports what the beat of the receiver contains when it gives no credit', () => {
    expect(verdictOf({ ...DUPLEX, silentMs: 600, disks: [NO_ROOM], beat: WRITES })).toEqual({
      side: 'receiver',
      cause: 'peer-reports',
      path: 'web/app.js',
      text: 'receiver is alive: writing web/app.js for 11s',
    });
  });

  test('reports the same when our write is pending too', () => {
    const seen = { ...DUPLEX, silentMs: 600, disks: [NO_ROOM], writePendingMs: 12_000 };
    expect(verdictOf({ ...seen, beat: WRITES }).cause).toBe('peer-reports');
  });

  test.each([undefined, 12_000])(
    'reports that a receiver whose beats have stopped is silent, with a write pending for %s ms',
    (writePendingMs) => {
      const beat = { ...WRITES, ageMs: 12_000 };
      expect(verdictOf({ ...DUPLEX, disks: [NO_ROOM], writePendingMs, beat })).toEqual({
        side: 'receiver',
        cause: 'peer-silent',
        text: 'receiver, or the link to it, has been silent for 12s',
      });
    },
  );

  test('reports that a receiver that never sent a byte has not answered', () => {
    expect(verdictOf({ ...DUPLEX, arrivedBytes: 0 })).toEqual({
      side: 'receiver',
      cause: 'peer-silent',
      text: 'receiver has not answered for 12s',
    });
  });

  test.each(['idle', 'waiting-for-data', 'dreaming'])(
    'reports how much is on its way to a receiver that is %s',
    (state) => {
      const seen = { ...DUPLEX, silentMs: 600, beat: { ...WRITES, state }, unheardBytes: 70_000 };
      expect(verdictOf(seen)).toMatchObject(
        state === 'dreaming'
          ? { cause: 'peer-reports' }
          : {
              cause: 'slow-link',
              text: 'the link is slow (70000 bytes are on their way to the receiver)',
            },
      );
    },
  );

  test('names the slow link, and not a receiver that waits behind it', () => {
    const beat = { ...WRITES, state: 'idle', path: '', ageMs: 9_000, freshMs: 30_000 };
    const slow = { ...DUPLEX, silentMs: 6_000, linkIsSlow: true, bytesPerSecond: 40, beat };
    expect(verdictOf(slow)).toEqual({
      side: 'link',
      cause: 'slow-link',
      text: 'the link is slow (40 bytes a second)',
    });
    expect(verdictOf({ ...slow, beat: { ...WRITES, freshMs: 30_000 } }).cause).toBe('peer-reports');
  });

  test('names a receiver that writes, whatever is on its way to it', () => {
    const seen = { ...DUPLEX, silentMs: 600, beat: WRITES, unheardBytes: 70_000 };
    expect(verdictOf(seen).cause).toBe('peer-reports');
  });

  test.each([1_000, 11_000])(
    'never blames the receiver while our own disk hangs for %i ms',
    (pendingMs) => {
      const disks = [{ state: 'reading', path: 'a/b.bin', pendingMs } as const];
      for (const beat of [undefined, WRITES]) {
        expect(verdictOf({ ...DUPLEX, disks, writePendingMs: 12_000, beat })).toEqual({
          side: 'sender',
          cause: 'disk-not-answering',
          path: 'a/b.bin',
          text: 'sender is reading a/b.bin (disk not answering)',
        });
      }
    },
  );

  test('never blames the receiver while calls come and go on our own disk', () => {
    const disks = [{ state: 'reading', path: 'a/b.bin', pendingMs: 20 } as const];
    expect(verdictOf({ ...DUPLEX, disks, beat: WRITES }).side).toBe('sender');
  });

  test('reports that stdin is silent, though the receiver beats', () => {
    const beat = { ...WRITES, state: 'waiting-for-data' };
    const seen = { ...DUPLEX, disks: [WAITS], inputSilentMs: 12_000, beat };
    expect(verdictOf(seen)).toMatchObject({ side: 'sender', cause: 'input-silent' });
    expect(verdictOf({ ...seen, writePendingMs: 20 }).cause).toBe('input-silent');
  });

  test('reports who is ahead of it in the queue of the receiver', () => {
    const beat = { ...WRITES, state: 'queued', stateAgeMs: 11_000, path: '2 senders ahead' };
    expect(verdictOf({ ...DUPLEX, writePendingMs: 9_000, beat: { ...beat, ageMs: 0 } })).toEqual({
      side: 'receiver',
      cause: 'peer-reports',
      path: undefined,
      text: 'receiver is alive: waiting for its turn (2 senders ahead) for 11s',
    });
  });

  test('reports that the receiver is silent when our write hangs and stdin is silent too', () => {
    const { cause } = verdictOf({ ...DUPLEX, inputSilentMs: 12_000, writePendingMs: 11_000 });
    expect(cause).toBe('peer-silent');
  });

  test('does not call a receiver silent whose bytes just arrived', () => {
    const beat = { ...WRITES, ageMs: 12_000 };
    expect(verdictOf({ ...DUPLEX, silentMs: 200, bytesPerSecond: 40, beat })).toEqual({
      side: 'link',
      cause: 'slow-link',
      text: 'the link is slow (40 bytes a second)',
    });
  });
});

describe('verdictOf, as the receiver,', () => {
  test('passes on what a live sender reports', () => {
    expect(verdictOf({ ...RECEIVER, disks: [WAITS], beat: BEAT })).toEqual({
      side: 'sender',
      cause: 'peer-reports',
      path: 'web/app.js',
      text: 'sender is alive: reading web/app.js for 11s',
    });
  });

  test.each([
    ['waiting-for-room', 'a', 'sender is alive: waiting for room to send for 11s'],
    ['comparing', 'a', 'sender is alive: comparing a for 11s'],
    ['idle', '', 'sender is alive: idle for 11s'],
    ['dreaming', 'a', 'sender is alive: working on a for 11s'],
    ['constructor', '', 'sender is alive: busy for 11s'],
  ])('has a text for a sender that is %s', (state, path, text) => {
    expect(verdictOf({ ...RECEIVER, beat: { ...BEAT, state, path } }).text).toBe(text);
  });

  test('takes a beat of three intervals ago as a sign of life, but not an older one', () => {
    const silent = { ...RECEIVER, disks: [WAITS] };
    expect(verdictOf({ ...silent, beat: { ...BEAT, ageMs: 3_000 } }).cause).toBe('peer-reports');
    expect(verdictOf({ ...silent, beat: { ...BEAT, ageMs: 3_001 } })).toEqual({
      side: 'sender',
      cause: 'peer-silent',
      text: 'sender, or the link to it, has been silent for 12s',
    });
  });

  test('reports that the sender is silent when no beat ever came', () => {
    expect(verdictOf(RECEIVER).text).toBe('sender, or the link to it, has been silent for 12s');
    const long = { ...RECEIVER, silentMs: 5_400_000 };
    expect(verdictOf(long).text).toBe('sender, or the link to it, has been silent for 1h 30m');
  });

  test('reports that the tar it writes is not read', () => {
    expect(verdictOf({ ...RECEIVER, outputPendingMs: 9_000, beat: BEAT })).toMatchObject({
      side: 'receiver',
      cause: 'output-not-read',
    });
  });

  test('never blames the sender while we are not reading', () => {
    const { side, cause } = verdictOf({ ...RECEIVER, reading: false, beat: BEAT });
    expect({ side, cause }).toEqual({ side: 'receiver', cause: 'unknown' });
  });

  test('does not call a sender silent whose bytes just arrived', () => {
    const seen = { ...RECEIVER, silentMs: 200, bytesPerSecond: 40 };
    expect(verdictOf(seen)).toMatchObject({ side: 'link', cause: 'slow-link' });
  });

  test('does not call a link slow on which nothing has arrived', () => {
    expect(verdictOf({ ...RECEIVER, silentMs: 900 }).cause).toBe('peer-silent');
  });

  test('does not call a link slow on which much arrives that is not content', () => {
    expect(verdictOf({ ...RECEIVER, silentMs: 200, bytesPerSecond: 50_000 })).toEqual({
      side: 'sender',
      cause: 'unknown',
      text: 'sender sends 50000 bytes a second, without content',
    });
  });
});
