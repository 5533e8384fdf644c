import { expect, test } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';

const overLimit = (message: RegExp, path: string) =>
  expect.objectContaining({
    code: 'over-limit',
    path,
    message: expect.stringMatching(message) as string,
  });

test('entries are accepted up to the limit, and no more', () => {
  const budget = Budget.create({ maxEntries: 3, maxBytes: 100 });
  for (const path of ['a', 'b', 'c']) budget.charge(0, path);
  expect(() => budget.charge(0, 'd')).toThrow(overLimit(/more than 3 entries; stopped at d$/, 'd'));
});

test('bytes are accepted up to the limit, and no more', () => {
  const budget = Budget.create({ maxEntries: 10, maxBytes: 100 });
  budget.charge(60, 'a');
  budget.charge(40, 'b');
  budget.charge(0, 'c');
  expect(() => budget.charge(1, 'd')).toThrow(overLimit(/more than 100 bytes; stopped at d$/, 'd'));
});

test('a declared size counts at once, however large it is', () => {
  const budget = Budget.create({ maxEntries: 10, maxBytes: 2 ** 53 - 1 });
  budget.charge(Number.MAX_SAFE_INTEGER, 'a');
  expect(() => budget.charge(Number.MAX_SAFE_INTEGER, 'b')).toThrow(overLimit(/bytes/, 'b'));
});

test('a limit of zero bytes accepts only empty entries, and zero entries accepts nothing', () => {
  Budget.create({ maxEntries: 1, maxBytes: 0 }).charge(0, 'a');
  expect(() => Budget.create({ maxEntries: 1, maxBytes: 0 }).charge(1, 'a')).toThrow(
    overLimit(/0 bytes/, 'a'),
  );
  expect(() => Budget.create({ maxEntries: 0, maxBytes: 1 }).charge(0, 'a')).toThrow(
    overLimit(/0 entries/, 'a'),
  );
});

test('all unpackers share one budget', () => {
  const one = Budget.create({ maxEntries: 2, maxBytes: 100 });
  const other = new Budget(one.shared);
  one.charge(50, 'a');
  other.charge(50, 'b');
  expect(() => one.charge(0, 'c')).toThrow(overLimit(/2 entries/, 'c'));
  expect(() => other.charge(0, 'd')).toThrow(overLimit(/2 entries/, 'd'));
});

test('an error shows the path as readable text', () => {
  const budget = Budget.create({ maxEntries: 0, maxBytes: 0 });
  expect(() => budget.charge(0, 'caf\xc3\xa9\n')).toThrow(
    overLimit(/stopped at café\\x0a$/, 'café\\x0a'),
  );
});
