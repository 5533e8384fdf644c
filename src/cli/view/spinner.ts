import type { ChalkInstance } from 'chalk';
import type { Options as OraOptions, Ora } from 'ora';
import { ERASE_LINE, type ProgressOutput } from './progress-output.ts';
import type { OraStream } from './ora-stream.ts';

/**
 * Ora's one line, turned by our own progress: a spinner that turns proves that the main thread
 * lives. Ora is never started, because starting takes hold of process.stdout (which belongs to the
 * data, and becomes non-blocking when it is touched), of stdin and of the cursor.
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

  /** Shows `text`, which has to fit beside the spinner: `columns` says into how much. */
  show(text: string): void {
    this.#text = text;
    if (this.#stopped || this.#output.busy) return;
    if (!this.#loading) void this.#load();
    this.#draw();
  }

  /** Columns that a text may take: the spinner and a blank go before it, the last one stays free. */
  get columns(): number {
    return Math.max(1, this.#output.columns - 3);
  }

  /** Runs a write of whole lines where the spinner is, and draws it below. */
  around(write: () => void): void {
    this.#clear();
    write();
    this.#draw();
  }

  /** Takes the line away for good. */
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
    // In one write: until it hears that the peer speaks, the peer may draw on this line too.
    this.#output.write(ERASE_LINE + screen.take());
  }

  /** Only for a terminal: none of it comes for nothing, node:readline in the screen neither. */
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
      // No spinner is no reason to end a transfer.
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
    // Ora colours by what stdout can do.
    color: false,
  });
  const { frames, interval = 100 } = spinner.spinner;
  spinner.spinner = { interval, frames: frames.map((frame) => cyan(frame)) };
  return spinner;
}
