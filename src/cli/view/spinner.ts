import type { ChalkInstance } from 'chalk';
import type { Options as OraOptions, Ora } from 'ora';
import { ERASE_LINE, type ProgressOutput } from './progress-output.ts';
import type { OraStream } from './ora-stream.ts';

/**
 * Ora's line, driven by our own progress: a spinner that turns proves that the main thread is alive.
 * Ora is never started, because it would take over process.stdout (which is reserved for data, and
 * becomes non-blocking when it is touched), stdin and the cursor.
 */
export class Spinner {
  readonly #output: ProgressOutput;
  readonly #colour: boolean;
  /** Ora, and what it writes to. */
  #line: { ora: Ora; screen: OraStream } | undefined;
  #loading = false;
  #text = '';
  #onScreen = false;
  #stopped = false;

  constructor(output: ProgressOutput, colour: boolean) {
    this.#output = output;
    this.#colour = colour;
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
    return Math.max(1, this.#output.columns - 3);
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
    if (!this.#onScreen || this.#line === undefined) return;
    this.#onScreen = false;
    this.#line.ora.clear();
    this.#output.write(this.#line.screen.take());
  }

  #draw(): void {
    if (this.#stopped || this.#line === undefined) return;
    const { ora, screen } = this.#line;
    ora.text = this.#text;
    ora.render();
    this.#onScreen = true;
    // In one write: until peer-shows-progress arrives, the peer may draw on this line too.
    this.#output.write(ERASE_LINE + screen.take());
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
      const ora = createSpinner(createOra, screen, new Chalk({ level: this.#colour ? 1 : 0 }));
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
  { cyan }: ChalkInstance,
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
  spinner.spinner = { interval, frames: frames.map((frame) => cyan(frame)) };
  return spinner;
}
