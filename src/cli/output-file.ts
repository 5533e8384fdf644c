import { describeSystemError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { withTimeout } from '../with-timeout.ts';
import { OUTPUT_FILE_MS } from '../limits.ts';
import { openOutput, type Output } from './open-output.ts';

/** A file that an option names, or whatever else can be written to. It is opened first, so that a bad path fails before anything is sent. */
export class OutputFile {
  readonly #option: string;
  readonly #path: string;
  readonly #output: Output;

  /**
   * @param option as people write it, for messages
   * @throws CtxsyncError usage
   */
  static async open(option: string, path: string): Promise<OutputFile> {
    let output: Output | undefined;
    let why = 'the disk does not answer';
    const opened = openOutput(path).then(
      (found) => (output = found),
      (error: unknown) => (why = describeSystemError(error)),
    );
    await withTimeout(2 * OUTPUT_FILE_MS, opened);
    if (output !== undefined) return new OutputFile(option, path, output);
    throw new CtxsyncError('usage', `${option} ${path}: ${why}`, { path });
  }

  private constructor(option: string, path: string, output: Output) {
    this.#option = option;
    this.#path = path;
    this.#output = output;
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
    let isFound = false;
    try {
      await this.#output.write(text);
    } finally {
      isFound = await this.#output.close();
    }
    return isFound;
  }
}
