import { CtxsyncError } from '../../src/errors.ts';

/** What it fails with, which it has to. */
export function captureError(run: () => unknown): CtxsyncError {
  return CtxsyncError.from(caughtFrom(run));
}

/** What it throws, which it has to, as it is. */
export function caughtFrom(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}
