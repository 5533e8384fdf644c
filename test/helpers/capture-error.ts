import { CtxsyncError } from '../../src/errors.ts';

/** The CtxsyncError that `run` throws; it must throw one. */
export function captureError(run: () => unknown): CtxsyncError {
  return CtxsyncError.from(caughtFrom(run));
}

/** What `run` throws, as it is; it must throw. */
export function caughtFrom(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}
