import { afterEach, expect, test, vi } from 'vitest';
import { apart } from '../../src/transfer/listener.ts';

afterEach(() => void vi.restoreAllMocks());

test('a listener that throws does not affect who tells it, and its error is not lost', () => {
  const later: (() => void)[] = [];
  vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => void later.push(run));
  const heard: number[] = [];
  const listener = apart((event: number) => {
    heard.push(event);
    throw new Error(`event ${event}`);
  });
  for (const event of [1, 2]) listener!(event);
  expect(heard).toEqual([1, 2]);
  expect(later[0]).toThrow('event 1');
  expect(later[1]).toThrow('event 2');
});

test('a listener that rejects does not affect it either, and its error is not lost', async () => {
  const later: (() => void)[] = [];
  vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => void later.push(run));
  const listener = apart(async (event: number) => {
    await Promise.resolve();
    throw new Error(`event ${event}`);
  });
  listener!(1);
  await vi.waitFor(() => expect(later).toHaveLength(1));
  expect(later[0]).toThrow('event 1');
});

test('where there is no listener none is made', () => {
  expect(apart(undefined)).toBeUndefined();
});
