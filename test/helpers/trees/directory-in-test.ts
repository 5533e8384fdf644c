import { onTestFinished } from 'vitest';
import { makeDirectory, removeDirectory } from './temporary-directory.ts';

/** A directory that is removed after the test. */
export function directoryInTest(fill: (directory: string) => void = () => {}): string {
  const made = makeDirectory();
  onTestFinished(() => removeDirectory(made));
  fill(made);
  return made;
}
