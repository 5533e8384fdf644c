import { afterEach, expect, test, vi } from 'vitest';
import { apart } from '../../src/transfer/listener.ts';

afterEach(() => void vi.restoreAllMocks());

test('a listener that throws does not affect who tells it, and its error is not lost', () => {
  const later: (() => void)[] = [];
  vi.spyOn(process, 'nextTick').mockImplementation((run) => void later.push(run as () => void));
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

test('where there is no listener none is made', () => {
  expect(apart(undefined)).toBeUndefined();
});
