import { expect, test } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';
import { AscendingEntries, type OfferedEntry } from '../../src/entry/earlier-entries.ts';
import { EntryValidator } from '../../src/entry/entry-validator.ts';
import { anEntry } from '../helpers/trees/archive-io.ts';

const file = (path: string, linked = false): OfferedEntry => ({ ...anEntry({ path }), linked });
const directory = (path: string) => anEntry({ path, kind: 'directory' });
const symlink = (path: string, link: string) => anEntry({ path, kind: 'symlink', link });
const hardlink = (path: string, link: string) => anEntry({ path, kind: 'hardlink', link });

/** Checks entries in the order of a walk. */
function check(entries: OfferedEntry[]): void {
  const budget = Budget.create({ maxEntries: 100, maxBytes: 0 });
  const validator = new EntryValidator(budget, new AscendingEntries());
  for (const entry of entries) validator.check(entry);
}

test('entries in the order of a walk are accepted, even where it returns from deep directories', () => {
  check([
    directory(''),
    directory('a'),
    directory('a/b'),
    directory('a/b/c'),
    file('a/b/c/d', true),
    file('a/e'),
    directory('f'),
    hardlink('f/g', 'a/b/c/d'),
    { ...symlink('f/i', 'anywhere'), linked: true },
    hardlink('f/j', 'f/i'),
    file('h'),
  ]);
});

test.each([
  ['a directory that never came', [directory('a'), file('b/c')]],
  ['one beside it', [directory('a'), directory('a/b'), file('a/c/d')]],
  ['one whose name begins as its own', [directory('a'), file('a!/b')]],
  ['a file', [file('a'), file('a/b')]],
  ['a hardlink', [file('a', true), hardlink('b', 'a'), file('b/c')]],
  ['a directory of a directory that never came', [directory('a'), file('a/b/c')]],
])('an entry in %s is refused', (_, entries) => {
  expect(() => check(entries)).toThrow(
    expect.objectContaining({
      code: 'unsafe-entry',
      message: expect.stringContaining('is not a directory of this context') as string,
    }),
  );
});

test.each([
  ['nothing', [hardlink('b', 'a')]],
  ['a file that has one name', [file('a'), hardlink('b', 'a')]],
  ['a symlink that has one name', [symlink('a', 'x'), hardlink('b', 'a')]],
  ['a directory', [directory('a'), hardlink('b', 'a')]],
  ['a hardlink', [file('a', true), hardlink('b', 'a'), hardlink('c', 'b')]],
])('a hardlink to %s is refused', (_, entries) => {
  expect(() => check(entries)).toThrow(expect.objectContaining({ code: 'unsafe-entry' }));
});
