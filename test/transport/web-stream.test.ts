import { expect, test } from 'vitest';
import { fromStream, toStream } from '../../src/transport/to-transport.ts';
import { settle } from '../helpers/wire/harness.ts';

function nothing(): undefined {}

test('a write settles only when the sink has taken it', async () => {
  let taken = (): void => {};
  const sink = new WritableStream({ write: () => new Promise((resolve) => (taken = resolve)) });
  let isWritten = false;
  void toStream(sink)
    .write([Buffer.from('a')])
    .then(() => (isWritten = true));
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(isWritten).toBe(false);
  taken();
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(isWritten).toBe(true);
});

test('a stream may keep what it was given, although our memory is used again after the write', async () => {
  const kept: Uint8Array[] = [];
  const outgoing = toStream(
    new WritableStream<Uint8Array>({ write: (bytes) => void kept.push(bytes) }),
  );
  const memory = Buffer.from('first');
  await outgoing.write([memory.subarray(0, 2), memory.subarray(2)]);
  memory.fill('x');
  await outgoing.end();
  expect(Buffer.concat(kept).toString()).toBe('first');
});

test('destroying ends a write that its sink never finishes', async () => {
  const outgoing = toStream(new WritableStream({ write: () => new Promise(() => {}) }));
  const written = outgoing.write([Buffer.from('a')]);
  outgoing.destroy();
  await expect(written).rejects.toMatchObject({ code: 'peer-gone' });
  await expect(outgoing.write([Buffer.from('b')])).rejects.toMatchObject({ code: 'peer-gone' });
});

test('a stream that breaks is a peer that is gone, with the reason as the cause', async () => {
  const cause = new Error('HTTP 500');
  const outgoing = toStream(new WritableStream({ write: () => Promise.reject(cause) }));
  await expect(outgoing.write([Buffer.from('a')])).rejects.toMatchObject({
    code: 'peer-gone',
    message: expect.stringContaining('HTTP 500'),
    cause,
  });
});

test('a reader that cancels after the last byte has lost nothing, unless it gives a reason', async () => {
  for (const reason of [undefined, new Error('no')]) {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const reader = readable.getReader();
    const outgoing = toStream(writable);
    const [, { value }] = await Promise.all([outgoing.write([Buffer.from('a')]), reader.read()]);
    expect(Buffer.from(value!).toString()).toBe('a');
    await reader.cancel(reason);
    const ended = outgoing.end();
    if (reason === undefined) await ended;
    else await expect(ended).rejects.toMatchObject({ code: 'peer-gone', cause: reason });
  }
});

test('one chunk is taken after the other, and the next is not read before', async () => {
  let pulled = 0;
  const source = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        pulled += 1;
        if (pulled === 3) controller.close();
        else controller.enqueue(Buffer.from(`${pulled}`));
      },
    },
    { highWaterMark: 0 },
  );
  const taken: string[] = [];
  let release = (): void => {};
  const reading = fromStream(source).read((bytes) => {
    taken.push(Buffer.from(bytes).toString());
    return new Promise((resolve) => (release = resolve));
  });
  for (let turn = 0; turn < 10; turn++) await settle();
  expect({ taken, pulled }).toEqual({ taken: ['1'], pulled: 1 });
  release();
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(taken).toEqual(['1', '2']);
  release();
  await reading;
});

test('a pending read ends when it is destroyed, and the source is cancelled', async () => {
  let isCancelled = false;
  const incoming = fromStream(new ReadableStream({ cancel: () => void (isCancelled = true) }));
  const reading = incoming.read(nothing);
  incoming.destroy();
  await reading;
  expect(isCancelled).toBe(true);
});

test('a source that breaks is truncated, and an error of the taker is passed on as it is', async () => {
  const broken = new ReadableStream({
    start: (controller) => controller.error(new Error('reset')),
  });
  await expect(fromStream(broken).read(nothing)).rejects.toMatchObject({
    code: 'truncated',
    message: 'cannot read from the peer: reset',
  });
  const own = new Error('own');
  const source = new ReadableStream({
    start: (controller) => controller.enqueue(Buffer.from('a')),
  });
  const reading = fromStream(source).read(() => {
    throw own;
  });
  await expect(reading).rejects.toBe(own);
});

test('timers run while a source always has a chunk ready', async () => {
  let isOver = false;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (isOver) controller.close();
      else controller.enqueue(Buffer.from('a'));
    },
  });
  setTimeout(() => (isOver = true));
  await fromStream(source).read(nothing);
});

test('a locked stream, and one of texts, are mistakes of the caller', async () => {
  const { readable, writable } = new TransformStream();
  readable.getReader();
  writable.getWriter();
  expect(() => fromStream(readable)).toThrow('`from` is a stream that is in use');
  expect(() => toStream(writable)).toThrow('`to` is a stream that is in use');
  const texts = new ReadableStream({ start: (controller) => controller.enqueue('text') });
  await expect(fromStream(texts).read(nothing)).rejects.toMatchObject({
    code: 'usage',
    message: 'a web stream gave a chunk that is not a Uint8Array: string',
  });
});
