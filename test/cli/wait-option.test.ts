import { expect, test } from 'vitest';
import { joinWait } from '../../src/cli/wait-option.ts';

test.each([
  ['receive --wait ./out', 'receive --wait=600000ms ./out'],
  ['receive --wait 90s ./out', 'receive --wait=90s ./out'],
  ['receive ./out --wait', 'receive ./out --wait=600000ms'],
  ['receive ./out --wait 1.5h --delete', 'receive ./out --wait=1.5h --delete'],
  ['receive --wait=5m ./out', 'receive --wait=5m ./out'],
  ['receive --wait 10x', 'receive --wait=600000ms 10x'],
  ['receive -- --wait', 'receive -- --wait'],
  ['send ./a -- cmd receive --wait out', 'send ./a -- cmd receive --wait out'],
])('of "%s", --wait takes a duration, but not OUT', (before, after) => {
  const argv = ['node', 'ctxsync'];
  expect(joinWait([...argv, ...before.split(' ')])).toEqual([...argv, ...after.split(' ')]);
});
