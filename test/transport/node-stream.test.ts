import { Socket } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { fromStream, toStream, toTar } from '../../src/transport/to-transport.ts';
import { settle, until } from '../helpers/wire/harness.ts';

test('a write settles only once its bytes were handed over, because an exit would lose them', async () => {
  let taken = (): void => {};
  const stream = new Writable({ write: (_bytes, _encoding, done) => void (taken = done) });
  let isWritten = false;
  void toStream(stream)
    .write([Buffer.from('a')])
    .then(() => (isWritten = true));
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(isWritten).toBe(false);
  taken();
  await until(() => isWritten);
});

test('a stream may keep what it was given, although our memory is used again after the write', async () => {
  const kept: Uint8Array[] = [];
  const keeper = (): Writable =>
    new Writable({ write: (bytes: Uint8Array, _encoding, done) => (kept.push(bytes), done()) });
  for (const outgoing of [toStream(keeper()), toTar(keeper())]) {
    const memory = Buffer.from('first');
    await outgoing.write([memory.subarray(0, 2), memory.subarray(2)]);
    memory.fill('x');
  }
  expect(Buffer.concat(kept).toString()).toBe('firstfirst');
});

test('a socket gets our memory itself, because it takes the bytes before it calls back', async () => {
  const socket = new Socket();
  const given: unknown[] = [];
  const memory = Buffer.from('a');
  socket.write = ((bytes: unknown, done: () => void) => (given.push(bytes), done(), true)) as never;
  await toStream(socket).write([memory]);
  expect(given[0]).toBe(memory);
});

test('a reader may close the stream after the last byte, and counts as gone before that', async () => {
  const waiting = { write: (_bytes: Buffer, _encoding: string, done: () => void) => done() };
  const before = new Writable(waiting);
  const closedBefore = toStream(before);
  await closedBefore.write([Buffer.from('a')]);
  before.destroy();
  await closedBefore.end();

  const during = new Writable({ ...waiting, final: () => {} });
  const closedDuring = toStream(during);
  await closedDuring.write([Buffer.from('a')]);
  const ended = closedDuring.end();
  during.destroy();
  await ended;

  const early = new Writable({ write: () => {} });
  const written = toStream(early).write([Buffer.from('a')]);
  early.destroy();
  await expect(written).rejects.toMatchObject({ code: 'peer-gone' });

  const broken = new Writable(waiting);
  const closedBroken = toStream(broken);
  broken.destroy(new Error('the disk is full'));
  await expect(closedBroken.end()).rejects.toMatchObject({ code: 'peer-gone' });
});

test.each<[what: string, makeEnd: (stream: PassThrough) => void, outcome: object]>([
  ['ended', (stream) => void stream.resume().end(), { end: true }],
  ['destroyed', (stream) => void stream.destroy(), { end: true }],
  ['gone', (stream) => void stream.destroy(withCode('ECONNRESET')), { end: true }],
  ['broken', (stream) => void stream.destroy(withCode('EIO')), { code: 'truncated' }],
])('a stream that was %s before it is read is at its end at once', async (_, makeEnd, outcome) => {
  const stream = new PassThrough().on('error', () => {});
  makeEnd(stream);
  await new Promise((resolve) => stream.once('close', resolve));
  const ended = await fromStream(stream)
    .read(() => undefined)
    .then(
      () => ({ end: true }),
      (error: unknown) => error,
    );
  expect(ended).toMatchObject(outcome);
});

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}

test('a read settles after its last chunk was taken, although the end came before', async () => {
  const stream = new PassThrough();
  let take = (): void => {};
  const taken = new Promise<void>((resolve) => (take = resolve));
  let isRead = false;
  const reading = fromStream(stream)
    .read(() => taken)
    .then(() => (isRead = true));
  stream.end('last');
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(isRead).toBe(false);
  take();
  await reading;
});
