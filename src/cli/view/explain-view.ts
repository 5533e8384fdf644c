import type { CtxsyncError } from '../../errors.ts';
import type { ExplainEvent } from '../../explain/explain-options.ts';
import { formatAge } from '../../observe/format-age.ts';
import { withPath } from '../../short-path.ts';
import { formatCount, printable } from './format.ts';
import { glyphsFor, type Glyphs } from './glyphs.ts';
import { LinePrinter } from './line-printer.ts';
import type { ProgressStream } from './progress-output.ts';
import { printingOptions } from './progress-view.ts';
import { withRemedy } from './remedy-text.ts';
import { Spinner } from './spinner.ts';
import { keepEnd, maxWidth } from './text-width.ts';

export interface ExplainViewOptions {
  /** What every line begins with: `ctxsync explain: `. */
  prefix: string;
  /** Show progress, if there is a terminal. */
  spins: boolean;
  /** Only errors. */
  quiet: boolean;
  stream: ProgressStream;
  env: NodeJS.ProcessEnv;
}

/** Shows on stderr how an explanation comes on; the explanation itself goes to stdout. */
export class ExplainView {
  readonly #quiet: boolean;
  readonly #printer: LinePrinter;
  readonly #glyphs: Glyphs;
  readonly #spinner: Spinner | undefined;

  constructor({ prefix, spins, quiet, stream, env }: ExplainViewOptions) {
    const options = { ...printingOptions({ side: 'sender', stream, env }, 'none'), prefix };
    this.#quiet = quiet;
    // Where lines erase what is there, there is a terminal.
    const shows = spins && options.erase;
    this.#glyphs = glyphsFor(env);
    const { output, colour } = options;
    const { frames } = this.#glyphs;
    this.#spinner = shows ? new Spinner(output, { colour, frames }) : undefined;
    this.#printer = new LinePrinter({
      ...options,
      around: (write) => (this.#spinner === undefined ? write() : this.#spinner.around(write)),
    });
  }

  handle(event: ExplainEvent): void {
    if (event.type === 'scanned') return this.#progress(event);
    if (this.#quiet) return;
    const age = formatAge(event.stalledMs);
    if (event.type === 'stall') {
      this.#printer.print({ tone: 'stall', text: `stalled ${age}: ${event.text}` });
    } else this.#printer.print({ tone: 'resumed', text: `resumed after ${age}` });
  }

  fail(error: CtxsyncError): void {
    this.stopSpinner();
    const what = withRemedy(withPath(error.message, error.path), error.remedy);
    this.#printer.print({ tone: 'error', text: `error: ${what}` });
  }

  stopSpinner(): void {
    this.#spinner?.stop();
  }

  async close(): Promise<void> {
    this.stopSpinner();
    await this.#printer.close();
  }

  #progress({ entries, path }: Extract<ExplainEvent, { type: 'scanned' }>): void {
    if (this.#spinner === undefined) return;
    const { separator, ellipsis } = this.#glyphs;
    const head = ['scanning', `${formatCount(entries)} entries`, ''].join(separator);
    const free = this.#spinner.columns - maxWidth(head);
    this.#spinner.show(head + keepEnd(printable(path), free, ellipsis));
  }
}
