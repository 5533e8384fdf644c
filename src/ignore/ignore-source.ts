import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import {
  fromText,
  isBeneath,
  joinPath,
  splitPath,
  toFsPath,
  toText,
  type BytePath,
} from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { openFile } from '../disk/open-file.ts';
import { OpenDirectory } from '../disk/open-directory.ts';
import { errnoOf } from '../disk/errno.ts';
import { describeSystemError, sourceChanged } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { EMPTY_PIPE_RETRY_MS, IO_BUFFER_BYTES } from '../limits.ts';
import { badIgnoreFile, type IgnoreFile } from './load-rules.ts';
import { checkFileSize } from './ignore-file.ts';
import { inheritedFd } from './inherited-fd.ts';

/**
 * A context's own ignore file, read once. `<Dockerfile>.dockerignore` beside the Dockerfile wins over
 * `.dockerignore` in the root, as in BuildKit's frontend.
 *
 * A context is not trusted: through a symlink that leads out of it, the lines of a private file would
 * become rules and appear in messages (CVE-2022-4122). BuildKit treats such a link as no ignore file
 * at all, and everything would be sent; so it is refused.
 *
 * @param rootPath of `root`, resolved
 * @param dockerfile as given; if it is outside the context, the user chose the files beside it
 * @throws CtxsyncError bad-ignore-rule; usage if the Dockerfile does not exist
 */
export function findIgnoreFile(
  root: OpenDirectory,
  rootPath: BytePath,
  dockerfile: string | undefined,
  status: WorkerStatus,
): IgnoreFile | undefined {
  const beside =
    dockerfile === undefined
      ? readInContext(root, rootPath, 'Dockerfile.dockerignore', status)
      : readBeside(checked(dockerfile), root, rootPath, status);
  return beside ?? readInContext(root, rootPath, '.dockerignore', status);
}

/**
 * Reads the given ignore file: anything readable, including a pipe or a device.
 * @param path "-" is stdin
 * @throws CtxsyncError bad-ignore-rule
 */
export function readGivenIgnoreFile(path: string, status: WorkerStatus): IgnoreFile {
  const fd = inheritedFd(path);
  const source = path === '-' ? 'stdin' : path;
  if (fd !== undefined) return { source, bytes: readFd(fd, source, status) };
  status.enter('reading', fromText(path));
  try {
    return readAndClose(openSync(path, 'r'), source, status);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw unreadable(error, source);
    throw new CtxsyncError('bad-ignore-rule', `the ignore file ${path}: no such file`, { path });
  }
}

function checked(dockerfile: string): BytePath {
  try {
    statSync(dockerfile);
  } catch (error) {
    const why = errnoOf(error) === 'ENOENT' ? 'no such file' : describeSystemError(error);
    throw new CtxsyncError('usage', `the Dockerfile ${dockerfile}: ${why}`, {
      path: dockerfile,
      cause: error,
    });
  }
  return fromText(dockerfile);
}

function readBeside(
  dockerfile: BytePath,
  root: OpenDirectory,
  rootPath: BytePath,
  status: WorkerStatus,
): IgnoreFile | undefined {
  const path = `${dockerfile}.dockerignore`;
  status.enter('reading', path);
  const source = toText(path);
  try {
    if (lstatSync(toFsPath(path), { throwIfNoEntry: false }) === undefined) return undefined;
    const directory = resolve(toText(dirname(path)), source);
    if (directory !== rootPath && !isBeneath(directory, rootPath)) {
      const leads = toFsPath(resolve(path, source));
      if (!lstatSync(leads).isFile()) throw notAFile(source);
      return readAndClose(openFile(leads), source, status);
    }
    const name = joinPath(directory, splitPath(path)[1]).slice(rootPath.length + 1);
    return readInContext(root, rootPath, name, status);
  } catch (error) {
    throw unreadable(error, source);
  }
}

/** @param name path beneath the root */
function readInContext(
  root: OpenDirectory,
  rootPath: BytePath,
  name: BytePath,
  status: WorkerStatus,
): IgnoreFile | undefined {
  const path = joinPath(rootPath, name);
  const source = toText(path);
  status.enter('reading', path);
  try {
    const stats = lstatSync(toFsPath(root.child(name)), { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const leads = stats.isSymbolicLink() ? resolve(path, source) : path;
    if (!isBeneath(leads, rootPath)) throw leadsOut(source);
    const file = readBeneath(root, leads.slice(rootPath.length + 1), source, status);
    if (!root.verify()) throw sourceChanged(name, 'was replaced');
    return file;
  } catch (error) {
    throw unreadable(error, source);
  }
}

function resolve(path: BytePath, source: string): BytePath {
  try {
    return realpathSync.native(toFsPath(path), 'latin1');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw badIgnoreFile(source, 'is a dangling symlink; fix or remove it');
  }
}

/** Opens one component at a time, so that a symlink placed there meanwhile is not followed. */
function readBeneath(
  root: OpenDirectory,
  path: BytePath,
  source: string,
  status: WorkerStatus,
): IgnoreFile {
  const [directory, name] = splitPath(path);
  let parent = root;
  const opened: OpenDirectory[] = [];
  try {
    for (const step of directory === '' ? [] : directory.split('/')) {
      parent = new OpenDirectory(parent.child(step));
      opened.push(parent);
    }
    const file = toFsPath(parent.child(name));
    if (!lstatSync(file).isFile()) throw notAFile(source);
    return readAndClose(openFile(file), source, status);
  } finally {
    for (const each of opened) each.close();
  }
}

function readAndClose(fd: number, source: string, status: WorkerStatus): IgnoreFile {
  try {
    return { source, bytes: readFd(fd, source, status) };
  } finally {
    closeSync(fd);
  }
}

/** Reads to the end or to the limit, whatever size is reported. */
function readFd(fd: number, source: string, status: WorkerStatus): Uint8Array {
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    const stats = fstatSync(fd);
    if (stats.isFile()) checkFileSize(stats.size, source);
    if (stats.isDirectory()) throw notAFile(source);
    for (;;) {
      const piece = readSome(fd, source, status);
      if (piece.length === 0) return Buffer.concat(pieces);
      pieces.push(piece);
      length += piece.length;
      checkFileSize(length, source);
    }
  } catch (error) {
    throw unreadable(error, source);
  }
}

/** An inherited descriptor may be non-blocking: then EAGAIN means no data yet. */
function readSome(fd: number, source: string, status: WorkerStatus): Uint8Array {
  const piece = Buffer.alloc(IO_BUFFER_BYTES);
  for (;;) {
    status.enter('reading', fromText(source));
    try {
      return piece.subarray(0, readSync(fd, piece, 0, piece.length, null));
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(NEVER, 0, 0, EMPTY_PIPE_RETRY_MS);
    }
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));

function notAFile(source: string): CtxsyncError {
  return badIgnoreFile(source, 'is not a file');
}

function leadsOut(source: string): CtxsyncError {
  const what = 'is a symlink that leads out of the context, and is not followed; put a file there';
  return badIgnoreFile(source, what, { remedy: 'ignore-file' });
}

function unreadable(thrown: unknown, source: string): CtxsyncError {
  if (thrown instanceof CtxsyncError) return thrown;
  if (errnoOf(thrown) === undefined) return CtxsyncError.from(thrown);
  return badIgnoreFile(source, `cannot be read: ${describeSystemError(thrown)}`, { cause: thrown });
}
