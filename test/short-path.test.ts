import { describe, expect, test } from 'vitest';
import { CtxsyncError } from '../src/errors.ts';
import { MAX_SHOWN_PATH_CHARS } from '../src/limits.ts';
import { shortPath, withPath } from '../src/short-path.ts';

const LONG = `${'deep/'.repeat(700)}name`;

describe('a path in a message', () => {
  test('is shown whole up to the bound, and from there on its end', () => {
    const whole = 'a'.repeat(MAX_SHOWN_PATH_CHARS);
    expect(shortPath(whole)).toBe(whole);
    expect(shortPath(`b${whole}`)).toBe(`...${whole.slice(3)}`);
  });

  test('is not cut through a character', () => {
    const ships = '🚢'.repeat(MAX_SHOWN_PATH_CHARS);
    expect(shortPath(ships)).toBe(`...${'🚢'.repeat(MAX_SHOWN_PATH_CHARS / 2 - 2)}`);
  });

  test('is cut in that of an error, which has it whole and keeps its cause', () => {
    const error = new CtxsyncError('over-limit', `stopped at ${LONG}: too many`, { path: LONG });
    expect(error.message).toBe(`stopped at ${shortPath(LONG)}: too many`);
    expect(error.path).toBe(LONG);
  });

  test('is added where the message does not name it', () => {
    expect(withPath('full', undefined)).toBe('full');
    expect(withPath('full', 'a')).toBe('full (a)');
    expect(withPath('cannot write a: full', 'a')).toBe('cannot write a: full');
    expect(withPath('full', LONG)).toBe(`full (${shortPath(LONG)})`);
    expect(withPath(`cannot write ${shortPath(LONG)}`, LONG)).toBe(
      `cannot write ${shortPath(LONG)}`,
    );
  });
});
