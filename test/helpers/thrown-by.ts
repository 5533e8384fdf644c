import { CtxsyncError } from '../../src/errors.ts';

/** What it fails with, which it has to. */
export function thrownBy(run: () => unknown): CtxsyncError {
  try {
    run();
  } catch (error) {
    return CtxsyncError.from(error);
  }
  throw new Error('it did not fail');
}
