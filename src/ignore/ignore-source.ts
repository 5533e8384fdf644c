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
import type { Gauge } from '../disk/worker-status.ts';
import { openFile } from '../disk/open-file.ts';
import { OpenFolder } from '../disk/open-directory.ts';
import { errnoOf } from '../disk/errno.ts';
import { describeSystemError, sourceChanged } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { AGAIN_MS, IO_BUFFER_BYTES } from '../limits.ts';
import { badIgnoreFile, type IgnoreFile } from './load-rules.ts';
import { checkFileSize } from './ignore-file.ts';
import { inheritedFd } from './inherited-fd.ts';

/**
 * A context's own ignore file, read once. `<Dockerfile>.dockerignore` beside the Dockerfile wins over
 * `.dockerignore` in the root, as in BuildKit's frontend.
 *
 * What lies in a context is not trusted: a symlink that leads out of it would make rules of, and
 * show lines of, a file that is nobody's business (CVE-2022-4122). BuildKit takes such a link for no
 * ignore file at all, and everything would be sent; so it is refused.
 *
 * @param rootPath of `root`, resolved
 * @param dockerfile --file; what lies beside it is the user's choice where that is not in the context
 * @throws CtxsyncError bad-ignore-rule; usage for a --file that is not there
 */
export function findIgnoreFile(
  root: OpenFolder,
  rootPath: BytePath,
  dockerfile: string | undefined,
  gauge: Gauge,
): IgnoreFile | undefined {
  const beside =
    dockerfile === undefined
      ? readInContext(root, rootPath, 'Dockerfile.dockerignore', gauge)
      : readBeside(checked(dockerfile), root, rootPath, gauge);
  return beside ?? readInContext(root, rootPath, '.dockerignore', gauge);
}

/**
 * The file that --ignore-file names: whatever can be read, a pipe or a device too.
 * @param path "-" is stdin
 * @throws CtxsyncError bad-ignore-rule
 */
export function readGivenIgnoreFile(path: string, gauge: Gauge): IgnoreFile {
  const fd = inheritedFd(path);
  const source = path === '-' ? 'stdin' : path;
  if (fd !== undefined) return { source, bytes: readFd(fd, source, gauge) };
  gauge.enter('reading', fromText(path));
  try {
    return readAndClose(openSync(path, 'r'), source, gauge);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw unreadable(error, source);
    throw new CtxsyncError('bad-ignore-rule', `--ignore-file ${path}: no such file`, { path });
  }
}

function checked(dockerfile: string): BytePath {
  try {
    statSync(dockerfile);
  } catch (error) {
    const why = errnoOf(error) === 'ENOENT' ? 'no such file' : describeSystemError(error);
    throw new CtxsyncError('usage', `--file ${dockerfile}: ${why}`, {
      path: dockerfile,
      cause: error,
    });
  }
  return fromText(dockerfile);
}

function readBeside(
  dockerfile: BytePath,
  root: OpenFolder,
  rootPath: BytePath,
  gauge: Gauge,
): IgnoreFile | undefined {
  const path = `${dockerfile}.dockerignore`;
  gauge.enter('reading', path);
  const source = toText(path);
  try {
    if (lstatSync(toFsPath(path), { throwIfNoEntry: false }) === undefined) return undefined;
    const directory = resolve(toText(dirname(path)), source);
    if (directory !== rootPath && !isBeneath(directory, rootPath)) {
      const leads = toFsPath(resolve(path, source));
      if (!lstatSync(leads).isFile()) throw notAFile(source);
      return readAndClose(openFile(leads), source, gauge);
    }
    const name = joinPath(directory, splitPath(path)[1]).slice(rootPath.length + 1);
    return readInContext(root, rootPath, name, gauge);
  } catch (error) {
    throw unreadable(error, source);
  }
}

/** @param name beneath the root */
function readInContext(
  root: OpenFolder,
  rootPath: BytePath,
  name: BytePath,
  gauge: Gauge,
): IgnoreFile | undefined {
  const path = joinPath(rootPath, name);
  const source = toText(path);
  gauge.enter('reading', path);
  try {
    const stats = lstatSync(toFsPath(root.child(name)), { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const leads = stats.isSymbolicLink() ? resolve(path, source) : path;
    if (!isBeneath(leads, rootPath)) throw leadsOut(source);
    const file = readBeneath(root, leads.slice(rootPath.length + 1), source, gauge);
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
    throw badIgnoreFile(source, 'is a symlink that leads nowhere; mend or remove it');
  }
}

/** Step by step: no symlink on the way, if somebody puts one there now, is followed. */
function readBeneath(root: OpenFolder, path: BytePath, source: string, gauge: Gauge): IgnoreFile {
  const [directory, name] = splitPath(path);
  let parent = root;
  const opened: OpenFolder[] = [];
  try {
    for (const step of directory === '' ? [] : directory.split('/')) {
      parent = new OpenFolder(parent.child(step));
      opened.push(parent);
    }
    const file = toFsPath(parent.child(name));
    if (!lstatSync(file).isFile()) throw notAFile(source);
    return readAndClose(openFile(file), source, gauge);
  } finally {
    for (const each of opened) each.close();
  }
}

function readAndClose(fd: number, source: string, gauge: Gauge): IgnoreFile {
  try {
    return { source, bytes: readFd(fd, source, gauge) };
  } finally {
    closeSync(fd);
  }
}

/** To its end or to the bound, whatever its size says. */
function readFd(fd: number, source: string, gauge: Gauge): Uint8Array {
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    const stats = fstatSync(fd);
    if (stats.isFile()) checkFileSize(stats.size, source);
    if (stats.isDirectory()) throw notAFile(source);
    for (;;) {
      const piece = readSome(fd, source, gauge);
      if (piece.length === 0) return Buffer.concat(pieces);
      pieces.push(piece);
      length += piece.length;
      checkFileSize(length, source);
    }
  } catch (error) {
    throw unreadable(error, source);
  }
}

/** What we inherit may be set not to block: then there is nothing to be had yet. */
function readSome(fd: number, source: string, gauge: Gauge): Uint8Array {
  const piece = Buffer.alloc(IO_BUFFER_BYTES);
  for (;;) {
    gauge.enter('reading', fromText(source));
    try {
      return piece.subarray(0, readSync(fd, piece, 0, piece.length, null));
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(NEVER, 0, 0, AGAIN_MS);
    }
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));

function notAFile(source: string): CtxsyncError {
  return badIgnoreFile(source, 'is not a file');
}

function leadsOut(source: string): CtxsyncError {
  const what =
    'is a symlink that leads out of the context, and is not followed; put a file there, or name one with --ignore-file';
  return badIgnoreFile(source, what);
}

function unreadable(thrown: unknown, source: string): CtxsyncError {
  if (thrown instanceof CtxsyncError) return thrown;
  if (errnoOf(thrown) === undefined) return CtxsyncError.from(thrown);
  return badIgnoreFile(source, `cannot be read: ${describeSystemError(thrown)}`, thrown);
}
