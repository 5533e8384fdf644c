import { onTestFinished } from 'vitest';
import { makeFolder, removeFolder } from './temporary-directory.ts';

/** A folder that is gone after the test. */
export function folderInTest(fill: (folder: string) => void = () => {}): string {
  const made = makeFolder();
  onTestFinished(() => removeFolder(made));
  fill(made);
  return made;
}
