import { constants, fstatSync, write as writeFd } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errnoOf } from '../disk/errno.ts';
import { inheritedFd } from '../ignore/inherited-fd.ts';
import { OUTPUT_FILE_MS, STDERR_RETRY_MS } from '../limits.ts';

const { O_NONBLOCK, O_WRONLY } = constants;

/** Something that one text is written to. */
export interface Output {
  write(text: string): Promise<void>;
  /** @returns whether anybody can find what was written */
  close(): Promise<boolean>;
}

/**
 * Opens what an option names for writing: a file, which is emptied; "-" or /dev/stderr, which is stderr;
 * /dev/fd/3, as of a shell's `3> file` or `>(command)`; a FIFO or another device. Only a file is ever
 * created or emptied.
 * @throws Error of the system; for stdin and stdout, and a FIFO without a reader, with a message of its own
 */
export async function openOutput(path: string): Promise<Output> {
  const fd = standardFd(path) ?? inheritedFd(path);
  if (fd === STDERR) return { write: writeToStderr, close: alwaysFound };
  if (fd === 0 || fd === STDOUT) throw new Error('stdin and stdout are for data; "-" is stderr');
  if (fd !== undefined) {
    if (!fstatSync(fd).isFIFO()) return inherited(fd);
    return opened(await openWithReader(`/dev/fd/${fd}`));
  }
  const found = await stat(path).catch(() => undefined);
  const isFile = found === undefined || found.isFile() || found.isDirectory();
  return opened(isFile ? await open(path, 'w') : await openWithReader(path));
}

const STDOUT = 1;
const STDERR = 2;

function standardFd(path: string): number | undefined {
  if (path === '-' || path === '/dev/stderr') return STDERR;
  return path === '/dev/stdout' ? STDOUT : undefined;
}

function writeToStderr(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stderr.write(text, (error) => (error == null ? resolve() : reject(error)));
  });
}

/** Never waits in open(2): a FIFO that has no reader yet may get one soon. */
async function openWithReader(path: string): Promise<FileHandle> {
  const until = performance.now() + OUTPUT_FILE_MS;
  for (;;) {
    try {
      return await open(path, O_WRONLY | O_NONBLOCK);
    } catch (error) {
      if (errnoOf(error) !== 'ENXIO') throw error;
      if (performance.now() >= until) throw new Error('nobody reads from it', { cause: error });
      await delay(STDERR_RETRY_MS);
    }
  }
}

function opened(handle: FileHandle): Output {
  return {
    write: (text) => writeAll((bytes) => handle.write(bytes), text),
    async close() {
      try {
        const found = await handle.stat();
        return !found.isFile() || found.nlink > 0;
      } finally {
        await handle.close();
      }
    },
  };
}

/** At the position of the description that the shell opened, which may append. */
function inherited(fd: number): Output {
  const write = promisify(writeFd);
  return {
    write: (text) => writeAll((bytes) => write(fd, bytes), text),
    close: alwaysFound,
  };
}

async function writeAll(
  write: (bytes: Uint8Array) => Promise<{ bytesWritten: number }>,
  text: string,
): Promise<void> {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray((await write(rest)).bytesWritten);
    } catch (error) {
      // A full pipe.
      if (errnoOf(error) !== 'EAGAIN') throw error;
      await delay(STDERR_RETRY_MS);
    }
  }
}

function alwaysFound(): Promise<boolean> {
  return Promise.resolve(true);
}
