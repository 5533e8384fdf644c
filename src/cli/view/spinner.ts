import type { ChalkInstance } from 'chalk';
import type { Options as OraOptions, Ora } from 'ora';
import { ERASE_LINE, type ProgressOutput } from './progress-output.ts';
import type { OraStream } from './ora-stream.ts';
import { maxWidth } from './text-width.ts';

interface SpinnerOptions {
  colour: boolean;
  frames: readonly string[] | undefined;
}

/** The spinner and a space. */
const FRAME_COLUMNS = 2;

/**
 * Ora's line, driven by our own progress: a spinner that turns proves that the main thread is alive.
 * Ora is never started, because it would take over process.stdout (which is reserved for data, and
 * becomes non-blocking when it is touched), stdin and the cursor.
 */
export class Spinner {
  readonly #output: ProgressOutput;
  readonly #colour: boolean;
  readonly #frames: readonly string[] | undefined;
  /** Ora, and what it writes to. */
  #line: { ora: Ora; screen: OraStream } | undefined;
  #loading = false;
  #text = '';
  /** Columns of the line on the screen; 0: there is none. */
  #drawnColumns = 0;
  #stopped = false;

  /** @param options.frames of one column each; undefined: ora's own */
  constructor(output: ProgressOutput, { colour, frames }: SpinnerOptions) {
    this.#output = output;
    this.#colour = colour;
    this.#frames = frames;
  }

  /** Shows `text`, which must fit into `columns` beside the spinner. */
  show(text: string): void {
    this.#text = text;
    if (this.#stopped || this.#output.busy) return;
    if (!this.#loading) void this.#load();
    this.#draw();
  }

  /** Columns for a text: the spinner and a space precede it, and the last column stays free. */
  get columns(): number {
    return Math.max(1, this.#output.columns - FRAME_COLUMNS - 1);
  }

  /** Writes whole lines in place of the spinner, and redraws it below. */
  around(write: () => void): void {
    this.#clear();
    write();
    this.#draw();
  }

  /** Removes the line for good. */
  stop(): void {
    this.#stopped = true;
    this.#clear();
  }

  #clear(): void {
    if (this.#drawnColumns === 0 || this.#line === undefined) return;
    const start = this.#toFirstRow();
    this.#drawnColumns = 0;
    this.#line.ora.clear();
    this.#output.write(start + this.#line.screen.take());
  }

  #draw(): void {
    if (this.#stopped || this.#line === undefined) return;
    const { ora, screen } = this.#line;
    ora.text = this.#text;
    ora.render();
    const start = this.#toFirstRow();
    this.#drawnColumns = FRAME_COLUMNS + maxWidth(this.#text);
    // In one write: until peer-shows-progress arrives, the peer may draw on this line too.
    this.#output.write(start + ERASE_LINE + screen.take());
  }

  /**
   * A terminal that has become narrower has wrapped our line: goes to the first of its rows and clears all
   * of them, as ora only knows of one.
   */
  #toFirstRow(): string {
    const rows = Math.ceil(this.#drawnColumns / this.#output.columns);
    return rows > 1 ? `\r\x1b[${rows - 1}A\x1b[J` : '';
  }

  /** Only for a terminal: all of this takes time to load, even node:readline in the screen. */
  async #load(): Promise<void> {
    this.#loading = true;
    try {
      const [{ OraStream }, { default: createOra }, { Chalk }] = await Promise.all([
        import('./ora-stream.ts'),
        import('ora'),
        import('chalk'),
      ]);
      const screen = new OraStream(this.#output);
      const chalk = new Chalk({ level: this.#colour ? 1 : 0 });
      const ora = createSpinner(createOra, screen, { chalk, frames: this.#frames });
      this.#line = { ora, screen };
      this.#draw();
    } catch {
      // A missing spinner is no reason to end a transfer.
    }
  }
}

function createSpinner(
  createOra: (options: OraOptions) => Ora,
  screen: OraStream,
  { chalk, frames: ours }: { chalk: ChalkInstance; frames: readonly string[] | undefined },
): Ora {
  const spinner = createOra({
    stream: screen,
    isEnabled: true,
    discardStdin: false,
    hideCursor: false,
    // Ora would choose colours by what stdout supports.
    color: false,
  });
  const { frames, interval = 100 } = spinner.spinner;
  spinner.spinner = { interval, frames: (ours ?? frames).map((frame) => chalk.cyan(frame)) };
  return spinner;
}
