import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { MARK, readAnswer } from '../../src/bootstrap/answers.ts';
import { MAX_ANSWER_BYTES } from '../../src/limits.ts';

const RECEIVED = { type: 'received', host: 'build-7', path: '/cache/ctxsync.cjs' };

function line(json: unknown): string {
  return `${MARK}${JSON.stringify(json)}\n`;
}

describe('an answer of the other side', () => {
  test('is read, and what follows is left in the stream', async () => {
    const stream = new PassThrough();
    stream.end(`${line({ type: 'missing' })}${line(RECEIVED)}\u0000data`);
    expect(await readAnswer(stream)).toEqual({ type: 'missing' });
    expect(await readAnswer(stream)).toEqual(RECEIVED);
    expect((stream.read() as Buffer).toString()).toBe('\u0000data');
  });

  test('may arrive a byte at a time', async () => {
    const stream = new PassThrough();
    const answer = readAnswer(stream);
    for (const byte of Buffer.from(line({ type: 'cached' }))) {
      stream.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    expect(await answer).toEqual({ type: 'cached' });
  });

  test.each([
    ['the end', ''],
    ['a greeting', 'Welcome to build-7\n'],
    ['half of a mark', MARK.slice(0, 5)],
    ['no JSON', `${MARK}{\n`],
    ['nothing', line(null)],
    ['an unknown answer', line({ type: 'constructor' })],
    ['an answer without its path', line({ ...RECEIVED, path: 7 })],
  ])('is not %s', async (_, text) => {
    const stream = new PassThrough();
    stream.end(text);
    expect(await readAnswer(stream)).toEqual({ type: 'none', text });
  });

  test('has a bound', async () => {
    const stream = new PassThrough();
    stream.write(MARK + 'x'.repeat(MAX_ANSWER_BYTES));
    expect(await readAnswer(stream)).toMatchObject({ type: 'none' });
  });
});
