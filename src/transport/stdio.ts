import { createReadStream, createWriteStream, fstatSync, readSync, statSync } from 'node:fs';
import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';
// Whoever imports it first makes Node open process.stdin, which throws EEXIST while we read the
// descriptor: chalk and ora, which are loaded late, could not be.
import process from 'node:process';
import { isatty } from 'node:tty';
import { CtxsyncError } from '../errors.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';
import { peerGone, readError, ReadableIncoming, WritableOutgoing } from './node-stream.ts';
import type { Incoming, Outgoing } from './transport.ts';

const STDIN = 0;
const STDOUT = 1;

/**
 * Standard input as a transport.
 * @param what what is expected there, for the message when it is a terminal
 * @param toError what it means that it cannot be read
 * @throws CtxsyncError usage
 */
export function openStdin(what: string, toError = readError): Incoming {
  if (isatty(STDIN)) {
    throw new CtxsyncError('usage', `stdin is a terminal; pipe ${what} into it`);
  }
  const stats = fstatSync(STDIN);
  if (stats.isFIFO() || stats.isSocket()) return new SocketIncoming(STDIN, toError);
  const file = createReadStream('', {
    fd: STDIN,
    autoClose: false,
    highWaterMark: IO_BUFFER_BYTES,
  });
  return new ReadableIncoming(file, toError);
}

/**
 * Standard output as a transport.
 * @param reader who is expected to read there, for the message when nobody can
 * @param toError what it means that nobody reads any more
 * @throws CtxsyncError usage
 */
export function openStdout(reader: string, toError = peerGone): Outgoing {
  if (isatty(STDOUT)) {
    throw new CtxsyncError('usage', `stdout is a terminal; pipe it into ${reader}`);
  }
  if (isClosed(STDOUT)) {
    throw new CtxsyncError('usage', `stdout is closed; pipe it into ${reader}`);
  }
  const stats = fstatSync(STDOUT);
  if (stats.isFIFO() || stats.isSocket()) return new WritableOutgoing(process.stdout, toError);
  // process.stdout would write to a file synchronously, and block us when its disk hangs.
  return new WritableOutgoing(createWriteStream('', { fd: STDOUT, autoClose: false }), toError);
}

/**
 * Whether the shell closed the descriptor (`>&-`). Node then opens /dev/null in its place, to read
 * and write; a shell's own `>/dev/null` cannot be read.
 */
function isClosed(fd: number): boolean {
  const stats = fstatSync(fd);
  if (!stats.isCharacterDevice() || stats.rdev !== nullDevice()) return false;
  try {
    return readSync(fd, new Uint8Array(1)) === 0;
  } catch {
    return false;
  }
}

function nullDevice(): number | undefined {
  return statSync('/dev/null', { throwIfNoEntry: false })?.rdev;
}

/**
 * A pipe or socket read into one buffer that is used again and again, so that memory does not grow
 * with the speed.
 */
class SocketIncoming implements Incoming {
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
      const options: SocketConstructorOpts & { onread: OnReadOpts } = {
        fd: this.#fd,
        readable: true,
        writable: false,
        onread: { buffer: new Uint8Array(IO_BUFFER_BYTES), callback: onBytes },
      };
      const socket = new Socket(options);
      const fail = (error: unknown): void => {
        socket.destroy();
        // What take throws is the caller's own, and passed on as it is.
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
