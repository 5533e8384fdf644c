import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { toStream } from '../../src/transport/node-stream.ts';
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
