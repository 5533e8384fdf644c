import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { toStream } from '../../src/transport/node-stream.ts';
import { settle, until } from '../helpers/wire/harness.ts';

test('a write settles when its bytes were handed over, and not before: exit would take them away', async () => {
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
