import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { expect, test } from 'vitest';
import { errnoOf } from '../../src/disk/errno.ts';
import { destinationError, sourceError } from '../../src/disk/system-error.ts';

/** An error as Node makes it, with the names that Node has. */
function systemError(name: keyof typeof constants.errno, syscall: string): Error {
  const errno = -constants.errno[name];
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${code}: ..., ${syscall}`), { errno, code, syscall });
}

test('an exceeded disk quota is reported as no-space with its name, which Node does not have', () => {
  const error = destinationError(systemError('EDQUOT', 'write'), 'write', 'a');
  expect(error).toMatchObject({
    code: 'no-space',
    message: 'cannot write a: disk quota exceeded (EDQUOT)',
  });
});

test('a stale NFS file handle means a changed source, but a named error in a destination', () => {
  expect(sourceError(systemError('ESTALE', 'read'), 'read', 'a').code).toBe('source-changed');
  const error = destinationError(systemError('ESTALE', 'write'), 'write', 'a');
  expect(error).toMatchObject({
    code: 'not-writable',
    message: 'cannot write a: stale file handle (ESTALE)',
  });
});

test('every error of this system has a name', () => {
  const unnamed = Object.keys(constants.errno).filter((name) => {
    const found = errnoOf(systemError(name as keyof typeof constants.errno, 'read'));
    return found === undefined || found.startsWith('Unknown');
  });
  expect(unnamed).toEqual([]);
});
