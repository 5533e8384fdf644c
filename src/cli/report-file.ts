import { open, type FileHandle } from 'node:fs/promises';
import { describeSystemError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { jsonText } from './view/json-text.ts';
import { withTimeout } from '../with-timeout.ts';
import type { TransferReport } from '../report.ts';
import { REPORT_WRITE_MS } from '../limits.ts';

/** The file of --report. It is opened first, so that a bad path fails before anything is sent. */
export class ReportFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  /** @throws CtxsyncError usage */
  static async open(path: string): Promise<ReportFile> {
    let handle: FileHandle | undefined;
    let why = 'the disk does not answer';
    const opened = open(path, 'w').then(
      (file) => (handle = file),
      (error: unknown) => (why = describeSystemError(error)),
    );
    await withTimeout(REPORT_WRITE_MS, opened);
    if (handle !== undefined) return new ReportFile(path, handle);
    throw new CtxsyncError('usage', `--report ${path}: ${why}`, { path });
  }

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** @returns why it could not be written, or undefined */
  async write(report: TransferReport, exitCode: number): Promise<string | undefined> {
    const text = `${jsonText({ exitCode, ...report }, 2)}\n`;
    let why: string | undefined = 'the disk does not answer';
    const written = this.#write(text).then(
      (isKept) => (why = isKept ? undefined : 'it was removed while the transfer ran'),
      (error: unknown) => (why = describeSystemError(error)),
    );
    await withTimeout(REPORT_WRITE_MS, written);
    return why === undefined ? undefined : `--report ${this.#path}: ${why}`;
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
