import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { expect, test } from 'vitest';
import { errnoOf } from '../../src/disk/errno.ts';
import { destinationError, sourceError } from '../../src/disk/system-error.ts';

/** As Node makes it, by the names that it has. */
function systemError(name: keyof typeof constants.errno, syscall: string): Error {
  const errno = -constants.errno[name];
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${code}: ..., ${syscall}`), { errno, code, syscall });
}

test('a disk quota that is used up is no space, by its name, though Node has none for it', () => {
  const error = destinationError(systemError('EDQUOT', 'write'), 'write', 'a');
  expect(error).toMatchObject({
    code: 'no-space',
    message: 'cannot write a: disk quota exceeded (EDQUOT)',
  });
});

test('a stale file handle of NFS is a source that vanished, and of a destination a named failure', () => {
  expect(sourceError(systemError('ESTALE', 'read'), 'read', 'a').code).toBe('source-changed');
  const error = destinationError(systemError('ESTALE', 'write'), 'write', 'a');
  expect(error).toMatchObject({
    code: 'not-writable',
    message: 'cannot write a: stale file handle (ESTALE)',
  });
});

test('every error of this system has its name', () => {
  const unnamed = Object.keys(constants.errno).filter((name) => {
    const found = errnoOf(systemError(name as keyof typeof constants.errno, 'read'));
    return found === undefined || found.startsWith('Unknown');
  });
  expect(unnamed).toEqual([]);
});
