import { lstatSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { fromText } from '../../../src/disk/byte-path.ts';
import { HeldDirectory } from '../../../src/disk/held-directory.ts';

/** An open directory; the caller closes it. */
export function hold(path: string): HeldDirectory {
  return HeldDirectory.open(fromText(path), fromText(path));
}

/** The same, or undefined if there is no directory. */
export function tryHold(path: string): HeldDirectory | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
    ? hold(path)
    : undefined;
}

/** The same, closed when the test ends. */
export function held(path: string): HeldDirectory {
  const directory = hold(path);
  onTestFinished(() => directory.close());
  return directory;
}
