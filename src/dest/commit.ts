import { joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { Metadata } from '../disk/held-directory.ts';
import { MountPoints } from '../disk/mount-points.ts';
import { describeSystemError, destinationError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_NAMED_ENTRIES } from '../limits.ts';
import { letGo, withDestination, withOut, type Destination } from './destination.ts';
import { Graft } from './graft.ts';
import { releaseLock } from './lock.ts';
import { findRemovals, type Mirror, type Removals } from './removals.ts';
import { removeTree } from './remove-tree.ts';
import { Warnings } from './warnings.ts';

export interface CommitOptions {
  /** Delete what the contexts do not have. */
  mirror: Mirror | undefined;
  /** Contexts of which the stage has only what changed. */
  compared: ComparedContext[];
  /** Mode and time that OUT gets; absent where no context has sent those of its own root. */
  root: Metadata | undefined;
}

export interface ComparedContext {
  /** The directory in OUT that it becomes; '' is OUT itself. */
  name: BytePath;
  /** The name, in the stage, of the file that has its local changes. */
  localChanges: BytePath;
}

export interface CommitResult {
  /** What the mirror deleted. */
  removed: Removals;
  /** What could not be done, although all is in place. */
  warnings: string[];
}

/**
 * Grafts the stage onto OUT: what OUT lacks is renamed into it whole, a directory on both sides is
 * entered, a file takes a file's place by rename(2), and what is in the way of another kind goes to
 * the stage's trash. No symlink in OUT is followed. When a step fails, all that were done are
 * undone, and OUT is as it was.
 *
 * @throws CtxsyncError delete-refused, before anything is touched; no-space, not-writable, naming the
 *   path
 */
export function commit(
  destination: Destination,
  options: CommitOptions,
  status: WorkerStatus,
): CommitResult {
  status.enter('committing', destination.out);
  const warnings = new Warnings();
  const removed = withDestination(destination, (opened) => {
    const { mirror, compared } = options;
    const mounts = MountPoints.below(opened.out);
    const removals =
      mirror === undefined
        ? { count: 0, paths: [] }
        : findRemovals(opened, { mirror, compared, mounts, status });
    const graft = new Graft(opened, { ...options, mounts }, status, warnings);
    try {
      graft.run();
    } catch (error) {
      throw undoAfter(error, graft);
    }
    graft.close((error, path) => warnings.addMessage(leftOver(error, path)));
    return removals;
  });
  finish(destination, options, status, warnings);
  return { removed, warnings: warnings.list() };
}

/** The context is in place: what fails now is worth a warning, but no longer the transfer. */
function finish(
  destination: Destination,
  { root }: CommitOptions,
  status: WorkerStatus,
  warnings: Warnings,
): void {
  const { out: path, stageName, partialStages, lock } = destination;
  const attempt = (doing: string, at: BytePath, run: () => void): void => {
    try {
      run();
    } catch (error) {
      warnings.addMessage(destinationError(error, doing, at).message);
    }
  };
  attempt('finish in', path, () =>
    withOut(destination, (out) => {
      for (const name of [stageName, ...partialStages]) {
        attempt('remove the stage', joinPath(path, name), () => removeTree(out, name, status));
      }
      attempt('release the lock', lock.path, () => releaseLock(out, lock));
      if (root !== undefined) {
        attempt('set mode and time of', path, () => out.setMetadata(root));
      }
    }),
  );
  letGo(destination);
}

/** @returns what is to be thrown: it names too what could not be put back */
function undoAfter(error: unknown, graft: Graft): unknown {
  const failed: string[] = [];
  const onFailed = (thrown: unknown, path: BytePath): void => {
    failed.push(`${toText(path)} (${describeSystemError(thrown)})`);
  };
  graft.undo(onFailed);
  graft.close((thrown, path) => failed.push(leftOver(thrown, path)));
  if (failed.length === 0) return error;
  const { code, message, path } = CtxsyncError.from(error);
  const more = failed.length - MAX_NAMED_ENTRIES;
  const names = failed.slice(0, MAX_NAMED_ENTRIES).join(', ');
  const and = more > 0 ? ` and ${more} more` : '';
  return new CtxsyncError(code, `${message}; could not be put back as it was: ${names}${and}`, {
    path,
    cause: error,
  });
}

function leftOver(error: unknown, path: BytePath): string {
  return `${toText(path)} is left: ${describeSystemError(error)}`;
}
