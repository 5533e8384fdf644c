import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describeSystemError, errnoOf } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { CONNECT_RETRY_MS, MAX_SOCKET_PATH_BYTES, MAX_TIMER_MS } from '../limits.ts';
import { ReadableIncoming, WritableOutgoing } from './node-stream.ts';
import type { Connection } from './transport.ts';

/** What may still come: nobody listens yet, or the file of one who is gone lies in the way. */
const NOT_YET = new Set(['ENOENT', 'ECONNREFUSED', 'EAGAIN']);

/**
 * Connects to a receiver, and waits for it.
 * @throws CtxsyncError usage, no-peer after `timeoutMs`; interrupted
 */
export async function connectSocket(
  path: string,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<Connection> {
  checkPath(path);
  const until = performance.now() + timeoutMs;
  for (;;) {
    try {
      return toConnection(await tryConnect(path));
    } catch (error) {
      if (!NOT_YET.has(errnoOf(error) ?? ''))
        throw notConnected(path, describeSystemError(error), error);
      if (performance.now() >= until) {
        throw notConnected(path, `no receiver listened for ${timeoutMs / 1000}s`, error);
      }
    }
    await pause(signal, CONNECT_RETRY_MS);
  }
}

/** A receiver's end of a socket path. */
export interface Listener {
  /**
   * The next sender. To be asked for by one at a time.
   * @param options.timeoutMs may be Infinity
   * @throws CtxsyncError no-peer after `timeoutMs`; interrupted
   */
  accept(options: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<Connection>;
  /** Accepts nobody else; the socket file is removed. */
  close(): void;
}

export interface ListenOptions {
  /** Connections at the same time; one more is closed at once. Default: any number. */
  maxConnections?: number | undefined;
  /** Milliseconds after which who connected and said nothing is closed. Default: never. */
  silentMs?: number | undefined;
  /** Told that a sender could not be accepted: we are short of memory, or it has gone again. */
  onWarning?: ((message: string) => void) | undefined;
}

/**
 * Listens, for this user only (mode 0600). A socket file that nobody listens on any more is removed;
 * anything else that lies there is not touched.
 *
 * @throws CtxsyncError usage, locked, not-writable
 */
export async function listenSocket(
  path: string,
  { maxConnections, silentMs, onWarning = () => {} }: ListenOptions = {},
): Promise<Listener> {
  checkPath(path);
  await removeStale(path);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  const waiting: Socket[] = [];
  const silent = new Set<Socket>();
  let wake = (): void => {};
  server.on('connection', (socket) => {
    silent.add(socket);
    void spoke(socket, silentMs).then((isSender) => {
      silent.delete(socket);
      if (isSender) {
        waiting.push(socket);
        wake();
      } else socket.destroy();
    });
  });
  await listen(server, path);
  // For good: an error without a listener would end the process, with all that it receives.
  server.on('error', (error) => {
    onWarning(`--socket ${path}: a sender could not be accepted: ${describeSystemError(error)}`);
  });
  return {
    async accept({ timeoutMs, signal }) {
      const until = performance.now() + timeoutMs;
      for (;;) {
        const socket = waiting.shift();
        if (socket !== undefined) return toConnection(socket);
        const left = until - performance.now();
        if (left <= 0) {
          throw notConnected(path, `no sender came for ${timeoutMs / 1000}s`);
        }
        await pause(
          signal,
          Math.min(left, MAX_TIMER_MS),
          new Promise<void>((resolve) => (wake = resolve)),
        );
      }
    },
    close() {
      server.close();
      for (const socket of [...silent, ...waiting.splice(0)]) socket.destroy();
    },
  };
}

/**
 * A path over the limit of sun_path (108 bytes on Linux, 104 on macOS, the final NUL included) is
 * cut in silence by some systems: Node 20 then listens elsewhere.
 */
function checkPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > 0 && bytes <= MAX_SOCKET_PATH_BYTES) return;
  throw new CtxsyncError(
    'usage',
    `--socket ${path}: ${bytes} bytes, 1 to ${MAX_SOCKET_PATH_BYTES} are possible; use a shorter path`,
    { path },
  );
}

/** A socket file whose owner was killed stays. Only a refused connection proves that it is dead. */
async function removeStale(path: string): Promise<void> {
  const before = await lstat(path, { bigint: true }).catch(() => undefined);
  if (before === undefined) return;
  if (!before.isSocket()) {
    throw new CtxsyncError(
      'usage',
      `--socket ${path}: it exists and is no socket; choose another path`,
      {
        path,
      },
    );
  }
  try {
    (await tryConnect(path)).destroy();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (errnoOf(error) !== 'ECONNREFUSED') throw notListening(path, error);
    const after = await lstat(path, { bigint: true }).catch(() => undefined);
    if (after?.ino === before.ino && after.ctimeNs === before.ctimeNs) await remove(path);
    return;
  }
  throw inUse(path);
}

/** Another receiver may have removed it first. */
async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw notListening(path, error);
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(errnoOf(error) === 'EADDRINUSE' ? inUse(path) : notListening(path, error));
    };
    server.once('error', fail);
    // The file is made in listen() itself, with the mode that the umask leaves.
    const umask = process.umask(0o177);
    server.listen(path, () => {
      server.off('error', fail);
      resolve();
    });
    process.umask(umask);
  });
}

function tryConnect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/**
 * Whether the first byte came, and not the end: a receiver that looks whether the path is in use (see
 * removeStale) connects and goes, and is no sender.
 */
function spoke(socket: Socket, silentMs?: number): Promise<boolean> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('readable', settle).off('close', settle);
      resolve(socket.readableLength > 0);
    };
    socket.on('readable', settle).on('close', settle).on('error', settle);
    if (silentMs !== undefined) timer = setTimeout(settle, silentMs);
  });
}

function toConnection(socket: Socket): Connection {
  return { incoming: new ReadableIncoming(socket), outgoing: new WritableOutgoing(socket) };
}

/**
 * Waits for `ms` milliseconds, or until `over` settles.
 * @throws CtxsyncError interrupted
 */
async function pause(
  signal: AbortSignal | undefined,
  ms: number,
  over = new Promise<void>(() => {}),
): Promise<void> {
  const end = new AbortController();
  const onAbort = (): void => end.abort();
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  try {
    await Promise.race([over, delay(ms, undefined, { signal: end.signal })]);
  } catch {
    throw new CtxsyncError('interrupted', 'interrupted; nothing was sent');
  } finally {
    // Neither the timer nor the listener outlives the moment.
    signal?.removeEventListener('abort', onAbort);
    onAbort();
  }
}

function notConnected(path: string, why: string, cause?: unknown): CtxsyncError {
  return new CtxsyncError('no-peer', `--socket ${path}: ${why}`, { path, cause });
}

function notListening(path: string, cause: unknown): CtxsyncError {
  const why = describeSystemError(cause);
  return new CtxsyncError('not-writable', `cannot listen on --socket ${path}: ${why}`, {
    path,
    cause,
  });
}

function inUse(path: string): CtxsyncError {
  return new CtxsyncError(
    'locked',
    `--socket ${path}: another receiver listens there; choose another path, or wait for it to end`,
    { path },
  );
}
