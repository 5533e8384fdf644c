import { expect, test } from 'vitest';
import { TRANSPORT_RATE_BYTES, TRANSPORT_RATE_MS } from '../../src/limits.ts';
import { CompressionChoice } from '../../src/wire/compression-choice.ts';

const FRAME = 256 * 1024;

/** Frames that each take so long to write, until the rate has been measured `times` times. */
function write(choice: CompressionChoice, ms: number, times = 1): void {
  for (let measured = 0; measured < times; measured++) {
    for (let written = 0, took = 0; written < TRANSPORT_RATE_BYTES && took < TRANSPORT_RATE_MS;) {
      choice.wrote(FRAME, ms);
      written += FRAME;
      took += ms;
    }
  }
}

test('a transport that takes frames at once gets them as they are', () => {
  const choice = new CompressionChoice('gzip', false);
  expect(choice.codec).toBeUndefined();
  write(choice, 0, 3);
  expect(choice.codec).toBeUndefined();
});

test('a slow transport gets compressed frames, until it is fast', () => {
  const choice = new CompressionChoice('gzip', false);
  write(choice, 100);
  expect(choice.codec).toBe('gzip');
  write(choice, 100, 3);
  expect(choice.codec).toBe('gzip');
  write(choice, 1);
  expect(choice.codec).toBeUndefined();
});

test('one slow write is not enough to call a transport slow', () => {
  const choice = new CompressionChoice('gzip', false);
  choice.wrote(FRAME, TRANSPORT_RATE_MS - 1);
  expect(choice.codec).toBeUndefined();
});

test('zstd pays on faster transports than gzip', () => {
  const [gzip, zstd] = [new CompressionChoice('gzip', false), new CompressionChoice('zstd', false)];
  for (const choice of [gzip, zstd]) write(choice, FRAME / 16_000);
  expect([gzip.codec, zstd.codec]).toEqual([undefined, 'zstd']);
});

test('what is always compressed does not depend on the transport, and neither does what never is', () => {
  const [always, never] = [
    new CompressionChoice('zstd', true),
    new CompressionChoice(undefined, false),
  ];
  expect(always.codec).toBe('zstd');
  for (const choice of [always, never]) write(choice, 100);
  expect([always.codec, never.codec]).toEqual(['zstd', undefined]);
});
