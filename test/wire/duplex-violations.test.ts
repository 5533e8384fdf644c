import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { Demux } from '../../src/wire/demux.ts';
import { FrameType } from '../../src/wire/frame.ts';
import { hearingSide } from '../helpers/wire/duplex.ts';
import { BEAT, fullRing, HELLO, Recorder, settle, someBytes } from '../helpers/wire/harness.ts';
import { SLOW_MAGIC, slowFrame, slowGmac, type SlowFrame } from '../helpers/wire/slow-codec.ts';

const SENDER = { ...HELLO, mode: 'duplex', credit: 16 } as const;
const ANSWER = { ...SENDER, role: 'receiver', credit: 16 } as const;

const hello: SlowFrame = { type: FrameType.hello, payload: ANSWER };
const beat: SlowFrame = { type: FrameType.beat, payload: BEAT };
const credit = (stream: number, payload: object | string): SlowFrame => ({
  type: FrameType.credit,
  stream,
  payload,
});
const RECEIPT = { transferId: HELLO.transferId, digest: 'ab'.repeat(32) };
const receipt = (changes: object = {}): SlowFrame => ({
  type: FrameType.receipt,
  payload: { ...RECEIPT, ...changes },
});
const open: SlowFrame = {
  type: FrameType.open,
  stream: 1,
  payload: { kind: 'tree', name: '' },
};
const data = (offset: number, payload: string): SlowFrame => ({
  type: FrameType.data,
  stream: 1,
  offset,
  payload,
});
const fin: SlowFrame = {
  type: FrameType.fin,
  payload: { streams: 0, bytes: 0, digest: createHash('sha256').digest('hex') },
};
const connection = (frames: SlowFrame[]) =>
  Uint8Array.from([...SLOW_MAGIC, ...frames.flatMap((frame) => slowFrame(frame))]);

describe('a sender with stream 1 open and a limit of 16', () => {
  /** The error of its demux on these frames; undefined if it accepts them. */
  function hear(frames: SlowFrame[]): unknown {
    const { mux, demux } = hearingSide(SENDER);
    mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(40)));
    try {
      expect(demux.push(connection(frames))).toBeUndefined();
    } catch (error) {
      return error;
    }
    return undefined;
  }

  test.each<[string, SlowFrame[]]>([
    ['CREDIT, beats and a receipt', [hello, credit(1, { limit: 20 }), beat, receipt(), beat]],
    ['an ERROR after the receipt', [hello, receipt(), { type: 9, payload: errorPayload() }]],
    ['unknown keys', [hello, credit(1, { limit: 20, later: 1 }), receipt({ later: 1 })]],
    ['CREDIT after FIN', [hello, fin, credit(1, { limit: 20 })]],
  ])('accepts %s', (_, frames) => {
    expect(hear(frames)).toBeUndefined();
  });

  test.each<[string, SlowFrame[], RegExp]>([
    ['CREDIT before HELLO', [credit(1, { limit: 20 })], /CREDIT before HELLO/],
    [
      'CREDIT for a stream that never was',
      [hello, credit(2, { limit: 20 })],
      /CREDIT for stream 2/,
    ],
    ['CREDIT for no stream', [hello, credit(0, { limit: 20 })], /CREDIT on stream 0/],
    ['CREDIT below the first', [hello, credit(1, { limit: 15 })], /CREDIT for stream 1/],
    [
      'CREDIT below an earlier one',
      [hello, credit(1, { limit: 20 }), credit(1, { limit: 19 })],
      /CREDIT for stream 1/,
    ],
    ['CREDIT without a limit', [hello, credit(1, {})], /CREDIT: limit/],
    ['a negative limit', [hello, credit(1, { limit: -1 })], /CREDIT: limit/],
    ['a limit with a fraction', [hello, credit(1, { limit: 20.5 })], /CREDIT: limit/],
    ['a limit beyond 2^53', [hello, credit(1, { limit: 2 ** 53 })], /CREDIT: limit/],
    ['a limit in words', [hello, credit(1, { limit: '20' })], /CREDIT: limit/],
    ['CREDIT that is not JSON', [hello, credit(1, '{')], /CREDIT is not JSON/],
    ['CREDIT with an offset', [hello, { ...credit(1, { limit: 20 }), offset: 1 }], /with offset/],
    ['RECEIPT before HELLO', [receipt()], /RECEIPT before HELLO/],
    ['RECEIPT on a stream', [hello, { ...receipt(), stream: 1 }], /RECEIPT on stream 1/],
    ['RECEIPT of a short id', [hello, receipt({ transferId: 'ab' })], /RECEIPT: transferId/],
    ['RECEIPT without a digest', [hello, receipt({ digest: undefined })], /RECEIPT: digest/],
    ['RECEIPT of a digest in capitals', [hello, receipt({ digest: 'AB'.repeat(32) })], /digest/],
    [
      'RECEIPT with a stream open',
      [hello, { ...open, payload: { kind: 'want', name: '' } }, receipt()],
      /RECEIPT with 1 streams open/,
    ],
    [
      'DATA of a stream that wants everything',
      [hello, { ...open, payload: { kind: 'want', name: '', all: true } }, data(0, 'a')],
      /DATA of stream 1, which wants everything/,
    ],
    ['a second RECEIPT', [hello, receipt(), receipt()], /RECEIPT after RECEIPT/],
    ['CREDIT after RECEIPT', [hello, receipt(), credit(1, { limit: 20 })], /CREDIT after RECEIPT/],
    ['FIN after RECEIPT', [hello, receipt(), fin], /FIN after RECEIPT/],
    ['RECEIPT after FIN', [hello, fin, receipt()], /RECEIPT after FIN/],
  ])('refuses %s', (_, frames, message) => {
    expect(hear(frames)).toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(message),
    });
  });

  test('accepts no answer from a peer whose HELLO is one-way', () => {
    const oneWay: SlowFrame = {
      type: FrameType.hello,
      payload: { ...ANSWER, mode: 'oneway', credit: 0 },
    };
    for (const frame of [credit(1, { limit: 20 }), receipt()]) {
      expect(hear([oneWay, frame])).toMatchObject({
        code: 'corrupt',
        message: expect.stringMatching(/which nobody asked for/),
      });
    }
  });
});

function errorPayload(): object {
  return { code: 7, origin: 'receiver', message: 'disk full' };
}

describe('a receiver on duplex', () => {
  const theirs: SlowFrame = { type: FrameType.hello, payload: SENDER };
  const hear = (frames: SlowFrame[]) => {
    const recorder = new Recorder(() => Ring.create(16));
    const demux = new Demux(recorder);
    return { recorder, push: () => demux.push(connection(frames)) };
  };

  test.each([
    ['CREDIT', credit(1, { limit: 20 })],
    ['RECEIPT', receipt()],
  ])('refuses %s, because it has sent no stream', (name, frame) => {
    expect(hear([theirs, open, frame]).push).toThrow(
      expect.objectContaining({
        code: 'corrupt',
        message: expect.stringMatching(`${name}, which nobody asked for`),
      }),
    );
  });

  test('accepts as many bytes as it granted, and ends the connection at one more', () => {
    expect(hear([theirs, open, data(0, 'x'.repeat(16))]).push()).toBeUndefined();
    for (const frames of [[data(0, 'x'.repeat(17))], [data(0, 'x'.repeat(16)), data(16, 'y')]]) {
      const { push, recorder } = hear([theirs, open, ...frames]);
      const at = connection([theirs, open, ...frames.slice(0, -1)]).length;
      expect(push).toThrow(
        expect.objectContaining({
          code: 'corrupt',
          message: expect.stringMatching(
            `stream 1 has more bytes than were granted, at byte ${at}$`,
          ),
        }),
      );
      // Nothing of the frame with too many bytes, not even the part that has room.
      expect(recorder.of(1).ring.readable().length).toBe(frames.length === 1 ? 0 : 16);
    }
  });

  test('accepts no more than it granted for a cancelled ring either', () => {
    const { push, recorder } = hear([theirs, open, data(0, 'x'.repeat(17))]);
    recorder.open = () => {
      const ring = Ring.create(16);
      ring.cancel();
      return ring;
    };
    expect(push).toThrow(expect.objectContaining({ code: 'corrupt' }));
  });

  test('sends no limit for a stream that has ended', async () => {
    const told: number[] = [];
    const recorder = Object.assign(new Recorder(() => Ring.create(16)), {
      raised: (_id: number, limit: number) => void told.push(limit),
    });
    const text = Buffer.from('x'.repeat(16));
    const end = { bytes: 16, gmac: slowGmac(HELLO.transferId, 1, text) };
    void new Demux(recorder).push(
      connection([
        theirs,
        open,
        data(0, 'x'.repeat(16)),
        { ...open, type: 4, offset: 16, payload: end },
      ]),
    );
    recorder.content(1);
    for (let turn = 0; turn < 20; turn++) await settle();
    expect(told).toEqual([]);
  });
});
