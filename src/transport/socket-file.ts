import { randomBytes } from 'node:crypto';
import { lstatSync, unlinkSync, type BigIntStats } from 'node:fs';
import { link, lstat, rename, stat, unlink } from 'node:fs/promises';
import type { Server } from 'node:net';
import { dirname, join } from 'node:path';
import { errnoOf } from '../disk/errno.ts';
import { describeSystemError, isNoHardlink } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { LOCK_ATTEMPTS, MAX_SOCKET_PATH_BYTES } from '../limits.ts';
import { identityOf, noSocket } from './socket-path.ts';

/**
 * The file of a socket that we listen on. It is created under a temporary name, and gets its path once
 * it listens and only this user can access it. libuv unlinks the temporary name on close, whatever is
 * there; we remove what is at the path, and only while it is ours.
 */
export class SocketFile {
  readonly #path: string;
  readonly #identity: string;

  /**
   * @param isUsed whether a process listens on a socket
   * @throws CtxsyncError usage, locked, not-writable
   */
  static async listen(
    server: Server,
    path: string,
    isUsed: (path: string) => Promise<boolean>,
  ): Promise<SocketFile> {
    await checkDirectory(path);
    await makeRoom(path, isUsed);
    const draft = draftOf(path);
    try {
      await listenAt(server, draft);
      const identity = identityOf(await lstat(draft, BIGINT));
      await publish(draft, path, isUsed);
      return new SocketFile(path, identity);
    } catch (error) {
      server.close();
      throw error instanceof CtxsyncError ? error : notListening(path, error);
    }
  }

  private constructor(path: string, identity: string) {
    this.#path = path;
    this.#identity = identity;
  }

  /** Call it while the server still listens, so that no process replaces the file as stale. */
  remove(): void {
    try {
      const there = lstatSync(this.#path, BIGINT);
      if (identityOf(there) === this.#identity) unlinkSync(this.#path);
    } catch {
      // The file or its directory is gone: nothing of ours is left to remove.
    }
  }
}

const BIGINT = { bigint: true } as const;

/** libuv reports EACCES for a missing directory (nodejs/node#35538). */
async function checkDirectory(path: string): Promise<void> {
  const directory = dirname(path);
  try {
    const stats = await stat(directory);
    if (stats.isDirectory()) return;
  } catch (error) {
    throw notListening(path, error, `its directory, ${directory}: `);
  }
  throw new CtxsyncError(
    'not-writable',
    `cannot listen on the socket ${path}: ${directory} is not a directory`,
    {
      path,
    },
  );
}

/** Removes a stale socket. Only a refused connection proves that it is stale. */
async function makeRoom(path: string, isUsed: (path: string) => Promise<boolean>): Promise<void> {
  const before = await lstat(path, BIGINT).catch(() => undefined);
  if (before === undefined) return;
  if (!before.isSocket()) throw noSocket(path, before);
  const us = process.geteuid?.();
  if (us !== 0 && Number(before.uid) !== us) throw another(path, before);
  if (await isUsed(path)) throw inUse(path);
  const after = await lstat(path, BIGINT).catch(() => undefined);
  if (after?.ino === before.ino && after.ctimeNs === before.ctimeNs) await remove(path);
}

/** Another receiver may have removed it first. */
async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw notListening(path, error);
  }
}

/** A name in the same directory, no longer than a socket path may be. */
function draftOf(path: string): string {
  const directory = dirname(path);
  const room = MAX_SOCKET_PATH_BYTES - Buffer.byteLength(join(directory, '.')) + 1;
  return join(directory, `.ctxsync-${randomBytes(8).toString('hex')}`.slice(-room));
}

function listenAt(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // listen() itself creates the file, synchronously, with the mode that the umask leaves.
    const umask = process.umask(0o177);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
    process.umask(umask);
  });
}

/** Gives the draft its final name, unless something already has it. */
async function publish(
  draft: string,
  path: string,
  isUsed: (path: string) => Promise<boolean>,
): Promise<void> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt += 1) {
    try {
      await link(draft, path);
      await unlink(draft);
      return;
    } catch (error) {
      if (isNoHardlink(error)) {
        await rename(draft, path);
        return;
      }
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await makeRoom(path, isUsed);
  }
  throw inUse(path);
}

function notListening(path: string, cause: unknown, what = ''): CtxsyncError {
  const why = describeSystemError(cause);
  return new CtxsyncError('not-writable', `cannot listen on the socket ${path}: ${what}${why}`, {
    path,
    cause,
  });
}

function another(path: string, { uid }: BigIntStats): CtxsyncError {
  return new CtxsyncError(
    'not-writable',
    `cannot listen on the socket ${path}: a socket of another user (uid ${uid}) is there; choose another path`,
    { path },
  );
}

function inUse(path: string): CtxsyncError {
  return new CtxsyncError(
    'locked',
    `the socket ${path}: another receiver listens there; choose another path, or wait for it to end`,
    { path },
  );
}
