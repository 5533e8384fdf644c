import { expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { Demux } from '../../src/wire/demux.ts';
import { MAGIC } from '../../src/wire/frame.ts';
import { receiveAll, Recorder, recordTransfer, someBytes } from '../helpers/wire-harness.ts';

const RECORDED = recordTransfer({ a: someBytes(60), b: someBytes(40, 1) });
const receive = (...chunks: Uint8Array[]) =>
  receiveAll(chunks, new Recorder(() => Ring.create(256)));

test('the recorded transfer is whole', () => {
  expect(receive(RECORDED).clean).toBe(true);
});

test('a transfer that is cut anywhere is never finished, and told as truncated', () => {
  for (let cut = 0; cut < RECORDED.length; cut++) {
    const { clean, error, recorder } = receive(RECORDED.subarray(0, cut));
    expect([cut, clean, error?.code]).toEqual([cut, false, 'truncated']);
    expect(recorder.fins).toEqual([]);
  }
});

test('the end of a cut transfer is described', () => {
  const message = (cut: number) => receive(RECORDED.subarray(0, cut)).error?.message;
  expect(message(3)).toContain('inside the magic after 3 bytes');
  expect(message(MAGIC.length)).toContain('before FIN after 8 bytes');
  expect(message(MAGIC.length + 1)).toContain('inside a frame header');
  expect(message(MAGIC.length + 20)).toContain('inside HELLO');
  expect(message(RECORDED.length - 1)).toContain('inside FIN');
});

test('a transfer with any one bit turned never finishes cleanly', () => {
  const damaged = Uint8Array.from(RECORDED);
  for (let bit = 0; bit < damaged.length * 8; bit++) {
    const [at, mask] = [bit >> 3, 1 << (bit & 7)];
    damaged[at]! ^= mask;
    const { clean, error } = receive(damaged);
    expect([bit, clean, error === undefined]).toEqual([bit, false, false]);
    expect(['corrupt', 'truncated', 'not-ctxsync']).toContain(error?.code);
    damaged[at]! ^= mask;
  }
});

test('a transfer with any one byte lost or doubled never finishes cleanly', () => {
  for (let at = 0; at < RECORDED.length; at++) {
    const lost = [RECORDED.subarray(0, at), RECORDED.subarray(at + 1)];
    const doubled = [RECORDED.subarray(0, at + 1), RECORDED.subarray(at)];
    // A byte that follows FIN is the begin of a frame that may come or not.
    const isLast = at === RECORDED.length - 1;
    expect([at, receive(...lost).clean]).toEqual([at, false]);
    expect([at, receive(...doubled).clean]).toEqual([at, isLast]);
  }
});

test('bytes after FIN do not take its verdict back, but are an error as soon as they are a frame', () => {
  const demux = new Demux(new Recorder());
  expect(demux.push(RECORDED)).toBeUndefined();
  expect(demux.push(new Uint8Array(15))).toBeUndefined();
  demux.eof();
  expect(demux.finished).toBe(true);
  expect(() => demux.push(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'corrupt' }));
});
