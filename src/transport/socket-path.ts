import type { BigIntStats } from 'node:fs';
import { lstat, readlink, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { kindOf } from '../disk/kind-of.ts';
import { errnoOf } from '../disk/errno.ts';
import { describeSystemError } from '../disk/system-error.ts';
import { CtxsyncError, type Remedy } from '../errors.ts';
import { MAX_SOCKET_PATH_BYTES, MAX_SYMLINKS } from '../limits.ts';

/** Uids whose socket a sender accepts; 'any' accepts whatever is there. */
export type TrustedUsers = ReadonlySet<number> | 'any';

/**
 * A path over the limit of sun_path (108 bytes on Linux, 104 on macOS, the final NUL included) is
 * silently truncated by some systems: Node 20 then listens elsewhere.
 *
 * @throws CtxsyncError usage
 */
export function checkLength(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > 0 && bytes <= MAX_SOCKET_PATH_BYTES) return;
  throw refused(
    path,
    `${bytes} bytes is not between 1 and ${MAX_SOCKET_PATH_BYTES}; use a shorter path`,
  );
}

/**
 * The socket file that a sender may connect to: it must belong to a trusted user, as must every
 * directory and symlink on the path, and nobody else may be able to replace it. Otherwise the first
 * user to create the path would receive the context.
 *
 * @returns its identity, or undefined when there is none yet
 * @throws CtxsyncError usage, no-peer when its directory is missing
 */
export async function findTrustedSocket(
  path: string,
  trusted: TrustedUsers,
): Promise<string | undefined> {
  try {
    const found = await (trusted === 'any' ? stat(path, BIGINT) : walk(path, trusted));
    if (!found.isSocket()) throw noSocket(path, found);
    return identityOf(found);
  } catch (error) {
    if (error instanceof CtxsyncError) throw error;
    if (errnoOf(error) === 'ENOENT' && (await exists(dirname(path)))) return undefined;
    const words = describeSystemError(error);
    throw new CtxsyncError('no-peer', `the socket ${path}: nobody can listen there: ${words}`, {
      path,
      cause: error,
    });
  }
}

/** @throws CtxsyncError usage */
export function noSocket(path: string, stats: BigIntStats): CtxsyncError {
  return refused(path, `it exists and is not a socket, but ${kindOf(stats)}; choose another path`);
}

/** Unique to one file: an inode number alone may be reused. */
export function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`;
}

const BIGINT = { bigint: true } as const;

/** Resolves from the root, one component at a time, as the system does. */
async function walk(path: string, trusted: ReadonlySet<number>): Promise<BigIntStats> {
  const left = resolve(path).split('/').filter(Boolean);
  let at = '/';
  let links = 0;
  for (;;) {
    const stats = await lstat(at, BIGINT);
    if (!trusted.has(Number(stats.uid))) throw ownedByAnother(path, at, stats);
    if (stats.isSymbolicLink()) {
      if ((links += 1) > MAX_SYMLINKS) throw refused(path, `too many symlinks at ${at}`);
      const target = await readlink(at);
      left.unshift(...target.split('/').filter((name) => name !== '' && name !== '.'));
      at = target.startsWith('/') ? '/' : dirname(at);
      continue;
    }
    const next = left.shift();
    if (next === undefined) return stats;
    if (stats.isDirectory() && isOpenToOthers(stats)) {
      const words = `other users can replace it, as they can write to ${at}`;
      throw refused(path, `${words}; use a directory of your own`, 'socket-owner');
    }
    at = next === '..' ? dirname(at) : join(at, next);
  }
}

const GROUP_WRITE = 0o020n;
const OTHERS_WRITE = 0o002n;
const STICKY = 0o1000n;

/** With the sticky bit set, as on /tmp, nobody can replace another user's files. */
function isOpenToOthers({ mode, uid, gid }: BigIntStats): boolean {
  if ((mode & STICKY) !== 0n) return false;
  // A user's private group, as useradd creates it, has the same number as the user.
  const groupIsUser = gid === uid;
  return (mode & OTHERS_WRITE) !== 0n || ((mode & GROUP_WRITE) !== 0n && !groupIsUser);
}

function ownedByAnother(path: string, at: string, stats: BigIntStats): CtxsyncError {
  const what = `${kindOf(stats)} of another user (uid ${stats.uid})`;
  const where = at === resolve(path) ? `it is ${what}` : `${at} is ${what}`;
  return refused(path, `${where}, who would be sent the context`, 'socket-owner');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function refused(path: string, why: string, remedy?: Remedy): CtxsyncError {
  return new CtxsyncError('usage', `the socket ${path}: ${why}`, { path, remedy });
}
