import { expect, test } from 'vitest';
import { FrameType } from '../../src/wire/frame.ts';
import { BEAT, HELLO } from '../helpers/wire/harness.ts';
import { encodeControl, MAGIC } from '../helpers/wire/independent-encoder.ts';
import { digestOfNothing, hearAsSender } from '../helpers/wire/memory-reader.ts';

const SENDER = { transferId: HELLO.transferId, offered: ['web'], sentAll: true, ringBytes: 64 };
const ANSWER = { ...HELLO, role: 'receiver', mode: 'duplex' };
/** The SHA-256 of an empty input. */
const NO_STREAMS = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('a receiver that ends with FIN fails the transfer at once, because no receipt can follow', async () => {
  const fin = { streams: 0, bytes: 0, digest: NO_STREAMS };
  const pieces = [
    MAGIC,
    encodeControl(FrameType.hello, 0, ANSWER),
    encodeControl(FrameType.fin, 0, fin),
  ];
  expect((await hearAsSender(pieces, SENDER)).verdict).toBe('corrupt');
});

test('a list of changes that was not asked for is rejected', async () => {
  const pieces = [
    MAGIC,
    encodeControl(FrameType.hello, 0, ANSWER),
    encodeControl(FrameType.open, 1, { kind: 'changes', name: '' }),
  ];
  expect((await hearAsSender(pieces, SENDER)).verdict).toBe('corrupt');
});

test('a receipt with another digest is rejected', async () => {
  const receipt = { transferId: HELLO.transferId, digest: '0'.repeat(64) };
  const pieces = [
    MAGIC,
    encodeControl(FrameType.hello, 0, ANSWER),
    encodeControl(FrameType.receipt, 0, receipt),
  ];
  expect((await hearAsSender(pieces, SENDER)).verdict).toBe('corrupt');
});

test('the end of the connection without a receipt does not count as success', async () => {
  const pieces = [MAGIC, encodeControl(FrameType.hello, 0, ANSWER)];
  expect((await hearAsSender(pieces, SENDER)).verdict).toBe('outcome-unknown');
});

test('answers are read while nothing can be written', async () => {
  const error = { code: 7, origin: 'receiver', message: 'disk full' };
  // Nothing was granted: data to be sent waits for answers.
  const pieces = [
    MAGIC,
    encodeControl(FrameType.hello, 0, { ...ANSWER, credit: 0 }),
    encodeControl(FrameType.beat, 0, BEAT),
    encodeControl(FrameType.error, 0, error),
  ];
  expect((await hearAsSender(pieces, { ...SENDER, sentAll: false })).verdict).toBe('error');
});

test('bytes after the receipt, in the same piece, do not revoke it', async () => {
  const digest = digestOfNothing(SENDER.transferId, SENDER.offered);
  const receipt = { transferId: SENDER.transferId, digest };
  const whole = Buffer.concat([
    MAGIC,
    encodeControl(FrameType.hello, 0, ANSWER),
    encodeControl(FrameType.receipt, 0, receipt),
    encodeControl(FrameType.fin, 0, { streams: 0, bytes: 0, digest }),
  ]);
  expect((await hearAsSender([whole], SENDER)).verdict).toBe('receipt');
});
