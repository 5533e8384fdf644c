import { connect, createServer, type Socket } from 'node:net';
import { errnoOf } from '../disk/errno.ts';
import { describeSystemError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import {
  CONNECT_RETRY_MS,
  DEFAULT_RECEIVE_CONNECT_MS,
  DEFAULT_SEND_CONNECT_MS,
  MAX_TIMER_MS,
} from '../limits.ts';
import { GONE, ReadableIncoming, WritableOutgoing } from './node-stream.ts';
import { pause } from './pause.ts';
import { SocketFile } from './socket-file.ts';
import { checkLength, findTrustedSocket, type TrustedUsers } from './socket-path.ts';
import type { ClosableConnection } from './transport.ts';

/** Errors worth a retry: nobody listens yet, or a stale socket file is in the way. */
const NOT_YET = new Set(['ENOENT', 'ECONNREFUSED', 'EAGAIN']);

export interface ConnectOptions {
  /** Milliseconds to wait until a receiver listens; default 60,000. */
  timeoutMs?: number | undefined;
  /** The uid that may listen there besides us and root; 'any' for all users. */
  owner?: number | 'any' | undefined;
  /** Aborting it ends the wait. */
  signal?: AbortSignal | undefined;
}

/**
 * Waits for a receiver at a Unix socket, and connects to it.
 * @throws CtxsyncError usage, when the path is too long or the socket belongs to another user; no-peer after
 *   `timeoutMs`; interrupted, with the reason of the signal as its cause
 */
export async function connectSocket(
  path: string,
  { timeoutMs = DEFAULT_SEND_CONNECT_MS, owner, signal }: ConnectOptions = {},
): Promise<ClosableConnection> {
  checkLength(path);
  const trusted = owner === 'any' ? owner : trustedUsers(owner);
  const until = performance.now() + timeoutMs;
  for (;;) {
    const socket = await connectTrusted(path, trusted);
    if (socket !== undefined) return toConnection(socket);
    if (performance.now() >= until) {
      throw notConnected(path, `no receiver listened for ${timeoutMs / 1000}s`);
    }
    await pause(signal, CONNECT_RETRY_MS);
  }
}

/** @returns undefined while nobody listens */
async function connectTrusted(path: string, trusted: TrustedUsers): Promise<Socket | undefined> {
  const before = await findTrustedSocket(path, trusted);
  if (before === undefined) return undefined;
  const socket = await tryConnect(path).catch((error: unknown) => {
    if (NOT_YET.has(errnoOf(error) ?? '')) return undefined;
    throw notConnected(path, describeSystemError(error), error);
  });
  if (socket === undefined) return undefined;
  try {
    // It is the socket that was checked, or that of a single-sender receiver, which is already removed.
    const after = await findTrustedSocket(path, trusted);
    if (after === before || after === undefined) return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.destroy();
  return undefined;
}

function trustedUsers(owner: number | undefined): Set<number> {
  const users = new Set([0, process.geteuid?.() ?? 0]);
  if (owner !== undefined) users.add(owner);
  return users;
}

/** A receiver's end of a socket path. */
export interface Listener {
  /**
   * The next sender. Only one call may be pending at a time.
   * @param options.timeoutMs may be Infinity
   * @throws CtxsyncError no-peer after `timeoutMs`; interrupted
   */
  accept(options: {
    timeoutMs: number;
    signal?: AbortSignal | undefined;
  }): Promise<ClosableConnection>;
  /** Accepts no more senders and removes the socket file. */
  close(): void;
}

export interface ListenOptions {
  /** Most connections at the same time; others are closed at once. Default: no limit. */
  maxConnections?: number | undefined;
  /** Milliseconds after which a connection that sent nothing is closed. Default: never. */
  silentMs?: number | undefined;
  /** Called when a sender could not be accepted: we are short of memory, or it is already gone. */
  onWarning?: ((message: string) => void) | undefined;
}

export interface ListenOnceOptions {
  /** Milliseconds to wait for a sender; default 300,000. */
  timeoutMs?: number | undefined;
  /** Aborting it ends the wait. */
  signal?: AbortSignal | undefined;
  /** Called when the socket is there. */
  onListening?: (() => void) | undefined;
  /** Called when a sender could not be accepted; the wait goes on. */
  onWarning?: ((message: string) => void) | undefined;
}

/**
 * Listens at a Unix socket (mode 0600) for one sender. The socket file is gone when it settles.
 * @throws CtxsyncError usage, when the path is too long or cannot be a socket; locked, when another receiver
 *   listens there; not-writable; no-peer after `timeoutMs`; interrupted, with the reason of the signal as its
 *   cause
 */
export async function listenOnce(
  path: string,
  {
    timeoutMs = DEFAULT_RECEIVE_CONNECT_MS,
    signal,
    onListening,
    onWarning,
  }: ListenOnceOptions = {},
): Promise<ClosableConnection> {
  const listener = await listenSocket(path, { onWarning });
  try {
    onListening?.();
    return await listener.accept({ timeoutMs, signal });
  } finally {
    listener.close();
  }
}

/**
 * Listens, for this user only (mode 0600). Removes a stale socket file of ours; touches nothing else at
 * the path.
 *
 * @throws CtxsyncError usage, locked, not-writable
 */
export async function listenSocket(
  path: string,
  { maxConnections, silentMs, onWarning = () => {} }: ListenOptions = {},
): Promise<Listener> {
  checkLength(path);
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
  const file = await SocketFile.listen(server, path, isUsed);
  // Never removed: an error without a listener would end the process and all its transfers.
  server.on('error', (error) => {
    onWarning(`the socket ${path}: a sender could not be accepted: ${describeSystemError(error)}`);
  });
  return {
    async accept({ timeoutMs, signal }) {
      const until = performance.now() + timeoutMs;
      for (;;) {
        const socket = waiting.shift();
        if (socket !== undefined) return toConnection(socket);
        const left = until - performance.now();
        if (left <= 0) {
          throw notConnected(path, `no sender connected within ${timeoutMs / 1000}s`);
        }
        await pause(
          signal,
          Math.min(left, MAX_TIMER_MS),
          new Promise<void>((resolve) => (wake = resolve)),
        );
      }
    },
    close() {
      file.remove();
      server.close();
      for (const socket of [...silent, ...waiting.splice(0)]) socket.destroy();
    },
  };
}

/** Whether a process listens on a socket file. @throws CtxsyncError not-writable */
async function isUsed(path: string): Promise<boolean> {
  try {
    (await tryConnect(path)).destroy();
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ECONNREFUSED' || errno === 'ENOENT') return false;
    throw error;
  }
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
 * Whether a first byte came before the end: a receiver that checks whether the path is in use (see
 * isUsed) connects and disconnects, and is no sender.
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

function toConnection(socket: Socket): ClosableConnection {
  readBeforeDestroy(socket);
  return {
    incoming: new ReadableIncoming(socket),
    outgoing: new WritableOutgoing(socket),
    close() {
      socket.destroy();
      return Promise.resolve();
    },
  };
}

/**
 * Node destroys a socket when a write fails, and loses what the peer sent before it closed: usually the
 * reason. So what has arrived is read first. Node has no public API for that: its streams drop what they
 * read once the other direction has failed.
 */
function readBeforeDestroy(socket: Socket): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => {
    if (!GONE.has(errnoOf(error) ?? '')) return destroy(error);
    const { _readableState: reading } = socket as unknown as {
      _readableState?: { errored?: unknown };
    };
    if (reading !== undefined) reading.errored = null;
    // Between two of these the event loop polls for input.
    setImmediate(() => setImmediate(() => destroy(error)));
    return socket;
  };
}

function notConnected(path: string, why: string, cause?: unknown): CtxsyncError {
  return new CtxsyncError('no-peer', `the socket ${path}: ${why}`, { path, cause });
}
