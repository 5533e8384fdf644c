import { closeSync, fstatSync, readSync, type BigIntStats } from 'node:fs';
import type { BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { hashFile } from '../disk/hash-file.ts';
import { openFile } from '../disk/open-file.ts';
import { statSource } from '../disk/stat-source.ts';
import { sourceChanged, sourceError } from '../disk/system-error.ts';
import type { SourceEntry } from '../entry.ts';
import type { CtxsyncError } from '../errors.ts';
import type { ByteSink } from '../byte-io.ts';
import { MAX_READ_BYTES } from '../limits.ts';
import { TarWriter } from './tar-writer.ts';

/**
 * Packs the entries of a walk as a tar. What is read is held against what the walk saw: content
 * that changed meanwhile, or that is not all there, fails the transfer and is never sent as whole.
 *
 * @throws CtxsyncError source-unreadable, source-changed; naming the path
 */
export function pack(entries: Iterable<SourceEntry>, sink: ByteSink, gauge: Gauge): void {
  const tar = new TarWriter(sink);
  for (const entry of entries) {
    if (entry.kind === 'file') {
      if (!packKept(entry, tar, gauge)) packFile(entry, tar, gauge);
    } else {
      tar.begin(entry);
      tar.finish();
    }
    if (entry.path !== '') gauge.addEntry();
  }
  tar.end();
}

/** Whether the receiver has the content already: then only the entry itself travels. */
function packKept(entry: SourceEntry, tar: TarWriter, gauge: Gauge): boolean {
  const { path, fsPath, size, keptIf } = entry;
  if (keptIf === undefined || hashSource(entry, gauge) !== keptIf) return false;
  checkUnchanged(entry, statSource(fsPath, path));
  tar.begin({ ...entry, size: 0, kept: size });
  tar.finish();
  return true;
}

/**
 * The SHA-256 of a source file's content, in hexadecimal digits.
 * @throws CtxsyncError source-unreadable, source-changed
 */
export function hashSource({ path, fsPath }: SourceEntry, gauge: Gauge): string {
  try {
    return hashFile(fsPath, () => gauge.enter('reading', path));
  } catch (error) {
    throw sourceError(error, 'read', path);
  }
}

function packFile(entry: SourceEntry, tar: TarWriter, gauge: Gauge): void {
  gauge.enter('reading', entry.path);
  const fd = openSource(entry);
  try {
    tar.begin(entry);
    while (tar.left > 0) {
      const room = tar.reserve().subarray(0, MAX_READ_BYTES);
      gauge.enter('reading', entry.path);
      const count = readFile(fd, room, entry.path);
      if (count === 0) throw tooShort(entry, statFile(fd, entry.path));
      tar.produced(count);
      gauge.addBytes(count);
    }
    checkUnchanged(entry, statFile(fd, entry.path));
    tar.finish();
  } finally {
    closeSync(fd);
  }
}

/** What is open is what the walk saw, has all its bytes and still has its name. */
function checkUnchanged({ path, identity }: SourceEntry, now: BigIntStats): void {
  // What takes a removed file's place may get its inode number.
  const same = now.isFile() && now.dev === identity.dev && now.ino === identity.ino;
  if (!same) throw sourceChanged(path, 'was replaced');
  if (now.size > identity.size) throw sourceChanged(path, 'grew');
  if (now.size < identity.size) throw sourceChanged(path, 'shrank');
  if (now.mtimeNs !== identity.mtimeNs) throw sourceChanged(path, 'was written to');
  if (now.nlink === 0n) throw sourceChanged(path, 'was replaced or removed');
}

/** It may also be something else that took the file's place, and has nothing to read. */
function tooShort(entry: SourceEntry, now: BigIntStats): CtxsyncError {
  checkUnchanged(entry, now);
  return sourceChanged(entry.path, 'shrank');
}

function openSource({ fsPath, path }: SourceEntry): number {
  try {
    return openFile(fsPath);
  } catch (error) {
    throw sourceError(error, 'read', path);
  }
}

function readFile(fd: number, room: Uint8Array, path: BytePath): number {
  try {
    return readSync(fd, room, 0, room.length, null);
  } catch (error) {
    throw sourceError(error, 'read', path);
  }
}

function statFile(fd: number, path: BytePath): BigIntStats {
  try {
    return fstatSync(fd, { bigint: true });
  } catch (error) {
    throw sourceError(error, 'look at', path);
  }
}
