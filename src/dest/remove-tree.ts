import { joinPath, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { errnoOf } from '../disk/errno.ts';

/**
 * Removes a directory of ours with its content, or a file; a missing one is no error. Follows no symlink,
 * and adds missing permissions to directories.
 */
export function removeTree(parent: HeldDirectory, name: BytePath, status: WorkerStatus): void {
  const descent = new Descent(parent);
  try {
    remove(descent, name, status);
  } finally {
    descent.close();
  }
}

function remove(descent: Descent, name: BytePath, status: WorkerStatus): void {
  const parent = descent.directory;
  const enter = (): void => status.enter('cleaning', joinPath(parent.path, name));
  enter();
  const stats = parent.look(name);
  if (stats === undefined) return;
  if (!stats.isDirectory()) return parent.removeFile(name);
  if ((stats.mode & 0o700n) !== 0o700n) parent.setChildMode(name, 0o700);
  const names = descent.enter(name).names(enter);
  for (const child of names) removeChild(descent, child, status);
  descent.leave();
  descent.directory.removeDirectory(name);
}

function removeChild(descent: Descent, name: BytePath, status: WorkerStatus): void {
  const { directory } = descent;
  status.enter('cleaning', joinPath(directory.path, name));
  try {
    // Most are files: on a directory this fails and removes nothing.
    directory.removeFile(name);
  } catch (error) {
    // EISDIR on Linux; EPERM on macOS and in POSIX.
    const errno = errnoOf(error);
    if (errno !== 'EISDIR' && errno !== 'EPERM') throw error;
    remove(descent, name, status);
  }
}
