import { clearLine, cursorTo, moveCursor } from 'node:readline';
import { Writable } from 'node:stream';
import type { ChalkInstance } from 'chalk';
import type { Options as OraOptions, Ora } from 'ora';
import { ERASE_LINE, type ProgressOutput } from './progress-output.ts';

/**
 * Ora's one line, turned by our own progress: a spinner that turns proves that the main thread
 * lives. Ora is never started, because starting takes hold of process.stdout (which belongs to the
 * data, and becomes non-blocking when it is touched), of stdin and of the cursor.
 */
export class Spinner {
  readonly #output: ProgressOutput;
  readonly #screen: Screen;
  readonly #colour: boolean;
  #ora: Ora | undefined;
  #loading = false;
  #text = '';
  #onScreen = false;
  #stopped = false;

  constructor(output: ProgressOutput, colour: boolean) {
    this.#output = output;
    this.#screen = new Screen(output);
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
    if (!this.#onScreen) return;
    this.#onScreen = false;
    this.#ora?.clear();
    this.#output.write(this.#screen.take());
  }

  #draw(): void {
    if (this.#stopped || this.#ora === undefined) return;
    this.#ora.text = this.#text;
    this.#ora.render();
    this.#onScreen = true;
    // In one write: until it hears that the peer speaks, the peer may draw on this line too.
    this.#output.write(ERASE_LINE + this.#screen.take());
  }

  async #load(): Promise<void> {
    this.#loading = true;
    try {
      const [{ default: ora }, { Chalk }] = await Promise.all([import('ora'), import('chalk')]);
      this.#ora = this.#create(ora, new Chalk({ level: this.#colour ? 1 : 0 }));
      this.#draw();
    } catch {
      // No spinner is no reason to end a transfer.
    }
  }

  #create(ora: (options: OraOptions) => Ora, { cyan }: ChalkInstance): Ora {
    const spinner = ora({
      stream: this.#screen,
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
}

/** The terminal as ora wants it: it keeps what ora writes. */
class Screen extends Writable {
  /** Whoever asks for a spinner has a terminal, whatever the stream says. */
  readonly isTTY = true;
  readonly #output: ProgressOutput;
  #written = '';

  constructor(output: ProgressOutput) {
    super({ decodeStrings: false });
    this.#output = output;
  }

  get columns(): number {
    return this.#output.columns;
  }

  /** What was written since the last time. */
  take(): string {
    const written = this.#written;
    this.#written = '';
    return written;
  }

  cursorTo(column: number): void {
    cursorTo(this, column);
  }

  moveCursor(columns: number, rows: number): void {
    moveCursor(this, columns, rows);
  }

  clearLine(direction: -1 | 0 | 1): void {
    clearLine(this, direction);
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.#written += chunk;
    done();
  }
}
