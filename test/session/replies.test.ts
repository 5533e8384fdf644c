import { expect, test } from 'vitest';
import { FrameType } from '../../src/wire/frame.ts';
import { HELLO } from '../helpers/wire-harness.ts';
import { encodeControl, MAGIC } from '../helpers/wire/independent-encoder.ts';
import { hearAsSender } from '../helpers/wire/memory-reader.ts';

const SENDER = { transferId: HELLO.transferId, offered: ['web'], sentAll: true, ringBytes: 64 };
const ANSWER = { ...HELLO, role: 'receiver', mode: 'duplex' };
/** The SHA-256 of nothing. */
const NO_STREAMS = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('a receiver that ends with FIN fails the transfer at once: no receipt can follow', async () => {
  const fin = { streams: 0, bytes: 0, digest: NO_STREAMS };
  const pieces = [
    MAGIC,
    encodeControl(FrameType.hello, 0, ANSWER),
    encodeControl(FrameType.fin, 0, fin),
  ];
  expect((await hearAsSender(pieces, SENDER)).verdict).toBe('corrupt');
});
