import { resolve } from 'node:path';
import type { TransferTrace } from '../observe/transfer-trace.ts';
import type { TransferReport } from '../report.ts';
import type { CommonOptions } from './common-options.ts';
import { OutputFile } from './output-file.ts';
import { usageError } from './usage-error.ts';
import { inertJson, jsonText } from './view/json-text.ts';

/** The files of --report and --trace, which are written when a run is over. */
export class RunFiles {
  #report: OutputFile | undefined;
  #trace: OutputFile | undefined;

  /** @throws CtxsyncError usage; those that could be opened are still written */
  async open({ report, trace }: Pick<CommonOptions, 'report' | 'trace'>): Promise<void> {
    if (report !== undefined) this.#report = await OutputFile.open('--report', report);
    if (trace === undefined) return;
    if (report !== undefined && resolve(report) === resolve(trace)) {
      throw usageError('--report and --trace cannot be the same file');
    }
    this.#trace = await OutputFile.open('--trace', trace);
  }

  /** @returns a message for each file that could not be written */
  async write(
    report: TransferReport | undefined,
    exitCode: number,
    trace: TransferTrace | undefined,
  ): Promise<string[]> {
    const written = await Promise.all([
      report && this.#report?.write(`${jsonText({ exitCode, ...report }, 2)}\n`),
      trace && this.#trace?.write(inertJson(trace.text())),
    ]);
    return written.filter((message) => message !== undefined);
  }
}
