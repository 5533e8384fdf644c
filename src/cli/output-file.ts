import { open, type FileHandle } from 'node:fs/promises';
import { describeSystemError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { withTimeout } from '../with-timeout.ts';
import { OUTPUT_FILE_MS } from '../limits.ts';

/** A file that an option names. It is opened first, so that a bad path fails before anything is sent. */
export class OutputFile {
  readonly #option: string;
  readonly #path: string;
  readonly #handle: FileHandle;

  /**
   * @param option as people write it, for messages
   * @throws CtxsyncError usage
   */
  static async open(option: string, path: string): Promise<OutputFile> {
    let handle: FileHandle | undefined;
    let why = 'the disk does not answer';
    const opened = open(path, 'w').then(
      (file) => (handle = file),
      (error: unknown) => (why = describeSystemError(error)),
    );
    await withTimeout(OUTPUT_FILE_MS, opened);
    if (handle !== undefined) return new OutputFile(option, path, handle);
    throw new CtxsyncError('usage', `${option} ${path}: ${why}`, { path });
  }

  private constructor(option: string, path: string, handle: FileHandle) {
    this.#option = option;
    this.#path = path;
    this.#handle = handle;
  }

  /** @returns why it could not be written, or undefined */
  async write(text: string): Promise<string | undefined> {
    let why: string | undefined = 'the disk does not answer';
    const written = this.#write(text).then(
      (isKept) => (why = isKept ? undefined : 'it was removed while the transfer ran'),
      (error: unknown) => (why = describeSystemError(error)),
    );
    await withTimeout(OUTPUT_FILE_MS, written);
    return why === undefined ? undefined : `${this.#option} ${this.#path}: ${why}`;
  }

  /** @returns whether the file still has a name: writing to a removed file succeeds, too */
  async #write(text: string): Promise<boolean> {
    try {
      await this.#handle.writeFile(text);
      const found = await this.#handle.stat();
      return !found.isFile() || found.nlink > 0;
    } finally {
      await this.#handle.close();
    }
  }
}
