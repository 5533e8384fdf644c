import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lstatSync,
  openSync,
  readSync,
  type BigIntStats,
} from 'node:fs';
import { splitPath, toFsPath, type BytePath } from '../disk/byte-path.ts';
import { closeRead } from '../disk/close-read.ts';
import { isSameInode } from '../disk/inode.ts';
import { openFile } from '../disk/open-file.ts';
import { PROC_FD } from '../disk/open-directory.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { writeAll } from '../disk/write-all.ts';
import type { CallQueue } from './call-queue.ts';
import { OK, UNUSUAL, type CallKind, type Slot } from './slot.ts';

const NEW_FILE =
  constants.O_CREAT |
  constants.O_EXCL |
  constants.O_WRONLY |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK;

/**
 * Makes a call that was taken from the queue, on whichever thread.
 * @throws CtxsyncError interrupted
 */
export function serve(queue: CallQueue, slot: Slot, status: WorkerStatus): void {
  let outcome = UNUSUAL;
  try {
    const { kind, path } = slot;
    status.enter(STATES[kind], path);
    outcome = outcomeOf(slot, kind, `${PROC_FD}/${slot.directory}/${splitPath(path)[1]}`);
  } finally {
    queue.finish(slot, outcome);
  }
}

function outcomeOf(slot: Slot, kind: CallKind, at: BytePath): number {
  try {
    return MAKE[kind](slot, toFsPath(at));
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    if (errno === undefined || errno >= 0) throw error;
    return errno;
  }
}

const STATES = { look: 'scanning', read: 'reading', write: 'writing' } as const;
const MAKE = { look, read, write };

function look(slot: Slot, at: string | Buffer): number {
  slot.stats = lstatSync(at, { bigint: true });
  return OK;
}

/**
 * Reads a small file whole. One that is not, that changes meanwhile, or whose size is not that of its content
 * is left to the owner.
 */
function read(slot: Slot, at: string | Buffer): number {
  const fd = openFile(at);
  try {
    const before = fstatSync(fd, { bigint: true });
    if (!before.isFile() || before.size >= slot.room.length) return UNUSUAL;
    const size = Number(before.size);
    let length = 0;
    let count: number;
    // It asks for one more byte than there should be: getting fewer shows the end of the file.
    do {
      count = readSync(fd, slot.room, length, size + 1 - length, null);
      length += count;
    } while (count > 0 && length < size);
    if (length !== size || !isUnchanged(before, fstatSync(fd, { bigint: true }))) return UNUSUAL;
    slot.stats = before;
    slot.length = length;
    return OK;
  } finally {
    closeRead(fd);
  }
}

function isUnchanged(before: BigIntStats, now: BigIntStats): boolean {
  return (
    isSameInode(before, now) &&
    now.size === before.size &&
    now.mtimeNs === before.mtimeNs &&
    now.nlink > 0n
  );
}

function write(slot: Slot, at: string | Buffer): number {
  const { length, mode, openMode, atimeSeconds, mtimeSeconds } = slot.file;
  const fd = openSync(at, NEW_FILE, openMode);
  try {
    writeAll(fd, slot.room.subarray(0, length));
    if (mode !== openMode) fchmodSync(fd, mode);
    futimesSync(fd, atimeSeconds, mtimeSeconds);
  } finally {
    closeSync(fd);
  }
  return OK;
}
