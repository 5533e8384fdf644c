import { joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { Metadata } from '../disk/held-directory.ts';
import { MountPoints } from '../disk/mount-points.ts';
import { describeSystemError, destinationError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_NAMED_ENTRIES } from '../limits.ts';
import { DELETED } from '../entry/item.ts';
import {
  letGo,
  withDestination,
  withOut,
  type Destination,
  type OpenDestination,
} from './destination.ts';
import { Graft, type GraftOptions } from './graft.ts';
import { ItemFile } from './item-file.ts';
import { itemize } from './itemize.ts';
import { releaseLock } from './lock.ts';
import { findRemovals, type Mirror, type Removals } from './removals.ts';
import { removeTree } from './remove-tree.ts';
import { Warnings } from './warnings.ts';

export interface CommitOptions {
  /** Delete what the contexts do not have. */
  mirror: Mirror | undefined;
  /** Contexts of which the stage holds only the changes. */
  compared: ComparedContext[];
  /** List what changes. */
  itemizes: boolean;
  /** Mode and time to set on OUT; absent when no context sent those of its own root. */
  root: Metadata | undefined;
}

export interface ComparedContext {
  /** Its directory in OUT; '' is OUT itself. */
  name: BytePath;
  /** Names of the files in the stage that list its local changes, in the order in which they are made. */
  localChanges: readonly BytePath[];
}

interface FindOptions extends GraftOptions {
  status: WorkerStatus;
  list: ItemFile | undefined;
}

export interface CommitResult {
  /** What the mirror deleted. */
  removed: Removals;
  /** The descriptor of an ItemFile with all that changed, if that was asked for; closed with the thread. */
  items: number | undefined;
  /** What failed although the commit succeeded. */
  warnings: string[];
}

/**
 * Grafts the stage onto OUT: entries that OUT lacks are renamed into it whole, a directory on both sides
 * is entered, a file replaces a file by rename(2), and an entry of another kind is moved to the stage's
 * trash. Symlinks in OUT are not followed. When a step fails, all completed steps are undone, and OUT is
 * as it was.
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
  const { removed, items } = withDestination(destination, (opened) => {
    const mounts = MountPoints.below(opened.out);
    const list = options.itemizes ? new ItemFile(opened.stage) : undefined;
    try {
      const removals = findChanges(destination, opened, { ...options, mounts, status, list });
      graftOnto(opened, { ...options, mounts }, status, warnings);
      return { removed: removals, items: list?.fd };
    } catch (error) {
      list?.close();
      throw error;
    }
  });
  finish(destination, options, status, warnings);
  return { removed, items, warnings: warnings.list() };
}

/** Before anything is touched. @throws CtxsyncError delete-refused */
function findChanges(
  { before, made }: Destination,
  opened: OpenDestination,
  { mirror, compared, mounts, root, status, list }: FindOptions,
): Removals {
  const onRemoval = (path: BytePath, isDirectory: boolean): void =>
    list?.add({ code: DELETED, path: isDirectory ? `${path}/` : path });
  const removals =
    mirror === undefined
      ? { count: 0, paths: [] }
      : findRemovals(opened, { mirror, compared, mounts, status, onRemoval });
  if (list !== undefined) {
    itemize(opened, {
      compared,
      root: { before, isNew: made.length > 0, after: root },
      listsReplaced: mirror === undefined,
      status,
      onItem: (item) => list.add(item),
    });
    list.end();
  }
  return removals;
}

/** @throws CtxsyncError no-space, not-writable; then OUT is as it was */
function graftOnto(
  opened: OpenDestination,
  options: GraftOptions,
  status: WorkerStatus,
  warnings: Warnings,
): void {
  const graft = new Graft(opened, options, status, warnings);
  try {
    graft.run();
  } catch (error) {
    throw undoAfter(error, graft);
  }
  graft.close((error, path) => warnings.addMessage(leftOver(error, path)));
}

/** The context is in place: a failure now is only a warning and does not fail the transfer. */
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

/** @returns the error to throw; it also names what could not be put back */
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
