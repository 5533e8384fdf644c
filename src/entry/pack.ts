import { fstatSync, readSync, type BigIntStats } from 'node:fs';
import { toText, type BytePath } from '../disk/byte-path.ts';
import { closeRead } from '../disk/close-read.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { hashFile } from '../disk/hash-file.ts';
import { openFile } from '../disk/open-file.ts';
import { sourceChanged, sourceError } from '../disk/system-error.ts';
import { isSameInode } from '../disk/inode.ts';
import type { UnreadablePaths } from '../disk/unreadable-paths.ts';
import type { SourceEntry } from './entry.ts';
import { CtxsyncError } from '../errors.ts';
import { writeAll, type ByteSink } from './byte-io.ts';
import { MAX_READ_BYTES } from '../limits.ts';
import { TreeWriter } from './tree-writer.ts';

/**
 * Packs the entries of a walk as a `tree` stream. Compares what it reads with what the walk saw: content
 * that changed in between, or is incomplete, fails the transfer and is never sent as complete.
 *
 * @param unreadable shared with the walk: after the first unreadable path nothing more is packed
 * @throws CtxsyncError source-unreadable, source-changed; naming the path
 */
export function pack(
  entries: Iterable<SourceEntry>,
  sink: ByteSink,
  status: WorkerStatus,
  unreadable: UnreadablePaths,
): void {
  const tree = new TreeWriter(sink);
  for (const entry of entries) {
    unreadable.checkTime();
    try {
      if (unreadable.found) checkReadable(entry, status);
      else packEntry(entry, tree, sink, status);
    } catch (error) {
      unreadable.add(error, entry.path);
    }
  }
  unreadable.end();
  tree.end();
}

function packEntry(
  entry: SourceEntry,
  tree: TreeWriter,
  sink: ByteSink,
  status: WorkerStatus,
): void {
  if (entry.kind === 'file') packFile(entry, tree, sink, status);
  else {
    tree.begin(entry);
    tree.finish();
  }
  if (entry.path !== '') status.addEntry();
}

function checkReadable(entry: SourceEntry, status: WorkerStatus): void {
  const wasRead = entry.fd !== undefined || entry.content !== undefined;
  if (entry.kind !== 'file' || wasRead) return;
  status.enter('reading', entry.path);
  closeRead(openSource(entry));
}

/**
 * The SHA-256 of a source file's content, in hexadecimal digits.
 * @throws CtxsyncError source-unreadable, source-changed
 */
export function hashSource(entry: SourceEntry, status: WorkerStatus): string {
  return withOpened(entry, status, (fd) => hashOpened(fd, entry, status));
}

/** Only the entry itself is sent if the receiver already has the content. */
function packFile(
  entry: SourceEntry,
  tree: TreeWriter,
  sink: ByteSink,
  status: WorkerStatus,
): void {
  const { omitIf, content } = entry;
  if (content !== undefined) return packReadAhead(entry, content, tree, status);
  withOpened(entry, status, (fd) => {
    if (omitIf !== undefined && hashOpened(fd, entry, status) === omitIf) {
      tree.begin({ ...entry, contentOmitted: true });
    } else {
      tree.begin(entry);
      packContent(fd, entry, tree, sink, status);
      checkUnchanged(entry, statFile(fd, entry.path));
    }
    tree.finish();
  });
}

/** Runs `use` with the file, which the walk may have opened. */
function withOpened<T>(entry: SourceEntry, status: WorkerStatus, use: (fd: number) => T): T {
  if (entry.fd !== undefined) return use(entry.fd);
  status.enter('reading', entry.path);
  const fd = openSource(entry);
  try {
    checkUnchanged(entry, statFile(fd, entry.path));
    return use(fd);
  } finally {
    closeRead(fd);
  }
}

function hashOpened(fd: number, entry: SourceEntry, status: WorkerStatus): string {
  const { path, size } = entry;
  const { sha256, bytes } = attempt('read', path, () =>
    hashFile(fd, size, () => status.enter('comparing', path)),
  );
  checkUnchanged(entry, statFile(fd, path));
  if (bytes !== size) throw otherSize(entry, bytes > size ? 'more' : 'less');
  return sha256;
}

/** Whoever read it has compared it with what the walk saw. A file that may be omitted is not read ahead. */
function packReadAhead(
  entry: SourceEntry,
  content: Uint8Array,
  tree: TreeWriter,
  status: WorkerStatus,
): void {
  tree.begin(entry);
  writeAll(tree, content);
  status.addBytes(content.length);
  tree.finish();
}

/**
 * Packs content up to the size that the walk saw. If there is room, the last read requests one byte
 * more: getting fewer bytes shows the end of the file without another call.
 */
function packContent(
  fd: number,
  entry: SourceEntry,
  tree: TreeWriter,
  sink: ByteSink,
  status: WorkerStatus,
): void {
  const { path } = entry;
  let atEnd = false;
  while (tree.left > 0) {
    const room = sink.reserve().subarray(0, Math.min(tree.left + 1, MAX_READ_BYTES));
    status.enter('reading', path);
    const count = readFile(fd, room, path);
    if (count === 0) throw wrongSize(entry, fd, 'less');
    if (count > tree.left) throw wrongSize(entry, fd, 'more');
    atEnd = count < room.length;
    tree.produced(count);
    status.addBytes(count);
  }
  if (!atEnd && readFile(fd, oneByte, path) > 0) throw wrongSize(entry, fd, 'more');
}

const oneByte = new Uint8Array(1);

/** Checks that the file is the one that the walk saw, is unchanged and was not removed. */
function checkUnchanged({ path, identity }: SourceEntry, now: BigIntStats): void {
  // A file that replaces a removed one may get its inode number.
  if (!now.isFile() || !isSameInode(now, identity)) throw sourceChanged(path, 'was replaced');
  if (now.size > identity.size) throw sourceChanged(path, 'grew');
  if (now.size < identity.size) throw sourceChanged(path, 'shrank');
  if (now.mtimeNs !== identity.mtimeNs) throw sourceChanged(path, 'was written to');
  if (now.nlink === 0n) throw sourceChanged(path, 'was replaced or removed');
}

/** The content differs in size from what the walk saw: it changed, or the stat size is wrong. */
function wrongSize(entry: SourceEntry, fd: number, has: 'more' | 'less'): CtxsyncError {
  checkUnchanged(entry, statFile(fd, entry.path));
  return otherSize(entry, has);
}

/** As in procfs, sysfs and FUSE file systems: the reported size may be 0, or that of a page. */
function otherSize({ path, size }: SourceEntry, has: 'more' | 'less'): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError(
    'source-unreadable',
    `cannot read ${text}: it has ${has} content than its size says (${size} bytes), as files in /proc and /sys do; exclude it, or send a copy`,
    { path: text },
  );
}

function openSource({ fsPath, path }: SourceEntry): number {
  return attempt('read', path, () => openFile(fsPath));
}

function readFile(fd: number, room: Uint8Array, path: BytePath): number {
  return attempt('read', path, () => readSync(fd, room, 0, room.length, null));
}

function statFile(fd: number, path: BytePath): BigIntStats {
  return attempt('look at', path, () => fstatSync(fd, { bigint: true }));
}

function attempt<T>(doing: string, path: BytePath, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw sourceError(error, doing, path);
  }
}
