import { expect, test } from 'vitest';
import {
  TRANSPORT_RATE_BYTES,
  TRANSPORT_RATE_MS,
  TRANSPORT_RATE_WRITES,
} from '../../src/limits.ts';
import { CompressionChoice } from '../../src/wire/compression-choice.ts';

const FRAME = 256 * 1024;

/** Frames that each take so long to write: enough to measure the transport `times` times. */
function write(choice: CompressionChoice, ms: number, times = 1): void {
  const enough = Math.min(TRANSPORT_RATE_BYTES / FRAME, Math.ceil(TRANSPORT_RATE_MS / ms));
  const writes = Math.max(TRANSPORT_RATE_WRITES, enough + 1);
  for (let written = 0; written < writes * times; written++) choice.wrote(FRAME, ms);
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

test('one long write does not make a transport slow: its reader was starting, or suspended', () => {
  const choice = new CompressionChoice('gzip', false);
  choice.wrote(FRAME, 60_000);
  write(choice, 1);
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
