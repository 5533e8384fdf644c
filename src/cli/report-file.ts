import { open, type FileHandle } from 'node:fs/promises';
import { describeSystemError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { within } from '../within.ts';
import type { TransferReport } from '../observe/events.ts';
import { REPORT_WRITE_MS } from '../limits.ts';

/** Where --report goes. It is opened first, so that a bad path is known before anything is sent. */
export class ReportFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  /** @throws CtxsyncError usage */
  static async open(path: string): Promise<ReportFile> {
    try {
      return new ReportFile(path, await open(path, 'w'));
    } catch (error) {
      throw new CtxsyncError('usage', `--report ${path}: ${describeSystemError(error)}`, {
        path,
        cause: error,
      });
    }
  }

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** @returns why it could not be written, or undefined */
  async write(report: TransferReport, exitCode: number): Promise<string | undefined> {
    const text = `${JSON.stringify({ exitCode, ...report }, null, 2)}\n`;
    let why: string | undefined = 'its disk does not answer';
    const written = this.#handle.writeFile(text).then(
      () => (why = undefined),
      (error: unknown) => (why = describeSystemError(error)),
    );
    await within(REPORT_WRITE_MS, written);
    return why === undefined ? undefined : `--report ${this.#path}: ${why}`;
  }
}
