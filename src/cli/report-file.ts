import { open, type FileHandle } from 'node:fs/promises';
import { describeSystemError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import type { TransferReport } from '../observe/events.ts';

/** Milliseconds that writing the report may take: a run that has to end is not held up by it. */
const WRITE_MS = 1_000;

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
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, WRITE_MS, 'its disk does not answer');
    });
    const written = this.#handle.writeFile(text).then(
      () => this.#handle.close(),
      (error: unknown) => describeSystemError(error),
    );
    const why = await Promise.race([written, tooLong]);
    clearTimeout(timer);
    return typeof why === 'string' ? `--report ${this.#path}: ${why}` : undefined;
  }
}
