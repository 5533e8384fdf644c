import {
  createReadStream,
  createWriteStream,
  fstatSync,
  read,
  readSync,
  statSync,
  write,
  writeSync,
  writev,
} from 'node:fs';
import type { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { destinationError } from '../disk/system-error.ts';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';
import { hasLeft, readError, ReadableIncoming, WritableOutgoing } from './node-stream.ts';
import { isPipeOrSocket, readDescriptor, writeDescriptor } from './shared-descriptor.ts';
import type { Incoming, Outgoing } from './transport.ts';

const STDIN = 0;
const STDOUT = 1;

/**
 * Standard input as a transport.
 * @param what what is expected there, for the message when it is a terminal
 * @param toError the error for a failed read
 * @throws CtxsyncError usage
 */
export function openStdin(what: string, toError = readError): Incoming {
  if (isatty(STDIN)) {
    throw new CtxsyncError('usage', `stdin is a terminal; pipe ${what} into it`);
  }
  checkStdin(what);
  if (isPipeOrSocket(STDIN)) return new PipeIncoming(STDIN, toError);
  const file = createReadStream('', {
    fd: STDIN,
    highWaterMark: IO_BUFFER_BYTES,
    fs: { read, close: keepOpen },
  });
  return new ReadableIncoming(file, toError);
}

/**
 * @param what what is expected there
 * @throws CtxsyncError usage, where the shell closed it (`<&-`) or opened a directory (`< /tmp`)
 */
export function checkStdin(what: string): void {
  const fault = isClosed(STDIN) ? 'closed' : fstatSync(STDIN).isDirectory() ? 'a directory' : '';
  if (fault !== '') throw new CtxsyncError('usage', `stdin is ${fault}; pipe ${what} into it`);
}

/**
 * Standard output as a transport.
 * @param reader who is expected to read there, for the message when nobody can
 * @param goneCode the code when nobody reads any more
 * @throws CtxsyncError usage
 */
export function openStdout(
  reader: string,
  goneCode: 'peer-gone' | 'not-writable' = 'peer-gone',
): Outgoing {
  if (isatty(STDOUT)) {
    throw new CtxsyncError('usage', `stdout is a terminal; pipe it into ${reader}`);
  }
  if (isClosed(STDOUT)) {
    throw new CtxsyncError('usage', `stdout is closed; pipe it into ${reader}`);
  }
  const toError = (cause: Error | undefined): CtxsyncError => stdoutBroken(goneCode, cause);
  if (isPipeOrSocket(STDOUT)) return new PipeOutgoing(writeDescriptor(STDOUT), toError);
  // process.stdout would write to a file synchronously, and block us when its disk hangs.
  const file = createWriteStream('', { fd: STDOUT, fs: { write, writev, close: keepOpen } });
  return new WritableOutgoing(file, toError);
}

/** The reader is any command, and may have no message of its own; the disk of a file may be full. */
function stdoutBroken(goneCode: ErrorCode, cause: Error | undefined): CtxsyncError {
  if (cause !== undefined && !hasLeft(cause)) return destinationError(cause, 'write to', 'stdout');
  const message = 'the reader of stdout closed it before everything was written';
  return new CtxsyncError(goneCode, message, { cause });
}

/** Standard output for text, which may be a terminal. @throws CtxsyncError usage: it is closed */
export function openTextOutput(): Outgoing {
  return isatty(STDOUT) ? new TerminalOutgoing(process.stdout) : openStdout('a reader');
}

/** Whether another process reads what we write to stdout. */
export function isStdoutPiped(): boolean {
  return isPipeOrSocket(STDOUT);
}

/**
 * In place of close(2). What is opened next, by Node itself too, would get the number of a standard stream,
 * and libuv ends a process that closes such a descriptor.
 */
function keepOpen(_fd: number, done?: (error: null) => void): void {
  done?.(null);
}

/**
 * Whether the shell closed the descriptor (`>&-`). Node then opens /dev/null in its place, read-write;
 * a shell's own `>/dev/null` cannot be read, and its `</dev/null` cannot be written.
 */
export function isClosed(fd: number): boolean {
  const stats = fstatSync(fd);
  if (!stats.isCharacterDevice() || stats.rdev !== nullDevice()) return false;
  try {
    return writeSync(fd, new Uint8Array(0)) === 0 && readSync(fd, new Uint8Array(1)) === 0;
  } catch {
    return false;
  }
}

function nullDevice(): number | undefined {
  return statSync('/dev/null', { throwIfNoEntry: false })?.rdev;
}

/** Reads a pipe or socket into one reused buffer, so that memory does not grow with the speed. */
class PipeIncoming implements Incoming {
  readonly #fd: number;
  readonly #toError: (cause: Error) => CtxsyncError;
  #socket: Socket | undefined;

  constructor(fd: number, toError: (cause: Error) => CtxsyncError) {
    this.#fd = fd;
    this.#toError = toError;
  }

  read(take: (bytes: Uint8Array) => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onBytes = (count: number, buffer: Uint8Array): boolean => {
        try {
          const pending = take(buffer.subarray(0, count));
          if (pending === undefined) return true;
          pending.then(() => socket.resume(), fail);
        } catch (error) {
          fail(error);
        }
        return false;
      };
      const buffer = new Uint8Array(IO_BUFFER_BYTES);
      const socket = readDescriptor(this.#fd, { buffer, callback: onBytes });
      const fail = (error: unknown): void => {
        socket.destroy();
        // Errors of take() are the caller's own, and are passed on unchanged.
        reject(error);
      };
      socket.on('error', (error) => fail(this.#toError(error)));
      socket.on('end', resolve);
      socket.on('close', () => resolve());
      this.#socket = socket;
      socket.resume();
    });
  }

  destroy(): void {
    this.#socket?.destroy();
  }
}

/**
 * An inherited pipe or socket: it ends when the last process that holds it closes it, so we close it
 * and never shut it down, which would end it for the others.
 */
class PipeOutgoing extends WritableOutgoing {
  readonly #socket: Socket;

  constructor(socket: Socket, toError: (cause: Error | undefined) => CtxsyncError) {
    super(socket, toError);
    this.#socket = socket;
  }

  /** Every write has settled by now. */
  override end(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}

/** A terminal stays open for others. */
class TerminalOutgoing extends WritableOutgoing {
  override end(): Promise<void> {
    return Promise.resolve();
  }
}
