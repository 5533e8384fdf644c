import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';

/**
 * O_NONBLOCK belongs to the open file description, which is shared by all processes that inherited the
 * descriptor (POSIX.1-2017, open()): a process that sets it on a standard stream makes the others lose
 * output, as their writes fail with EAGAIN (nodejs/node#19838, #22837). libuv sets it on every pipe and
 * socket that it opens. So we reopen a pipe, which gives us our own description. Where the system does
 * not allow that (a socket, a pipe of another user, no /proc), the flag is set while we use the
 * descriptor, and cleared on every exit path.
 */

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

type Options = SocketConstructorOpts & { onread?: OnReadOpts };

/** Reads an inherited pipe or socket, into one buffer. `fd` itself stays open until we exit. */
export function readDescriptor(fd: number, onread: OnReadOpts): Socket {
  return openStream(fd, O_RDONLY, { onread, readable: true, writable: false });
}

/** Writes to an inherited pipe or socket. `fd` itself stays open until we exit. */
export function writeDescriptor(fd: number): Socket {
  return openStream(fd, O_WRONLY, { readable: false, writable: true });
}

/** A pipe or a socket: what libuv would make non-blocking. */
export function isPipeOrSocket(fd: number): boolean {
  const stats = fstatSync(fd);
  return stats.isFIFO() || stats.isSocket();
}

/**
 * Another descriptor for the pipe behind `fd`, with our own description, non-blocking.
 * @returns undefined where the system does not allow it
 */
export function reopenPipe(fd: number, access: number): number | undefined {
  const path = `/proc/self/fd/${fd}`;
  try {
    if (!fstatSync(fd).isFIFO()) return undefined;
    // A FIFO that no longer has a writer never reports its end to a reader that opens it then
    // (fifo(7)), so we hold a writer open meanwhile.
    const named = !readlinkSync(path).startsWith('pipe:');
    const writer = named && access === O_RDONLY ? openSync(path, O_WRONLY | O_NONBLOCK) : undefined;
    try {
      return openSync(path, access | O_NONBLOCK);
    } finally {
      if (writer !== undefined) closeSync(writer);
    }
  } catch {
    return undefined;
  }
}

/** Whether its description is non-blocking; false where that is unknown. */
export function isNonBlocking(fd: number): boolean {
  try {
    const [, flags = '0'] =
      /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
    return (Number.parseInt(flags, 8) & O_NONBLOCK) !== 0;
  } catch {
    return false;
  }
}

/** For exit paths on which no stream is destroyed: a signal that ends the process. */
export function restoreDescriptors(): void {
  for (const description of changed.values()) description.restore();
}

/** Whether we made the description of `fd` non-blocking. */
export function isChangedByUs(fd: number): boolean {
  return changed.has(identityOf(fd));
}

/** libuv's uv_stream_set_blocking, which has no public API in Node. */
export function setBlocking(socket: Socket, blocking: boolean): void {
  const { _handle: handle } = socket as { _handle?: { setBlocking?(on: boolean): void } | null };
  handle?.setBlocking?.(blocking);
}

/** Descriptions that we made non-blocking for other processes too. */
const changed = new Map<string, ChangedDescription>();

function openStream(fd: number, access: number, options: Options): Socket {
  const own = reopenPipe(fd, access);
  return own === undefined ? new InheritedSocket(fd, options) : new Socket({ ...options, fd: own });
}

/** Uses the description that other processes share. */
class InheritedSocket extends Socket {
  readonly #description: ChangedDescription;

  constructor(fd: number, options: Options) {
    const description = ChangedDescription.of(fd);
    super({ ...options, fd });
    this.#description = description;
    description.users.add(this);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#description.leave(this);
    // oxlint-disable-next-line no-underscore-dangle -- Node's name
    super._destroy(error, callback);
  }
}

/** A description that is non-blocking while a stream of ours uses it; stdin and stdout may share one. */
class ChangedDescription {
  readonly users = new Set<Socket>();
  readonly #identity: string;
  readonly #wasBlocking: boolean;

  static of(fd: number): ChangedDescription {
    const identity = identityOf(fd);
    const known = changed.get(identity);
    if (known !== undefined) return known;
    const description = new ChangedDescription(identity, !isNonBlocking(fd));
    changed.set(identity, description);
    return description;
  }

  private constructor(identity: string, wasBlocking: boolean) {
    this.#identity = identity;
    this.#wasBlocking = wasBlocking;
  }

  /** Call it before the stream's handle is closed. */
  leave(user: Socket): void {
    if (this.users.size === 1) {
      this.restore();
      changed.delete(this.#identity);
    }
    this.users.delete(user);
  }

  restore(): void {
    const [user] = this.users;
    if (this.#wasBlocking && user !== undefined) setBlocking(user, true);
  }
}

/** The same for all descriptors of one pipe or socket. */
function identityOf(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}`;
}
