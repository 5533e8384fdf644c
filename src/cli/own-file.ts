import { usageError } from './usage-error.ts';

let read: () => Uint8Array = () => {
  throw new Error('this is not a single file');
};

/** Tells how to read the single file that runs. */
export function readOwnFileBy(readSelf: () => Uint8Array): void {
  read = readSelf;
}

/** The single file that runs, to be copied. @throws CtxsyncError usage */
export function readOwnFile(): Uint8Array {
  try {
    return read();
  } catch {
    throw usageError(
      '--bootstrap copies the file that runs: start ctxsync from a file, not from stdin',
    );
  }
}
