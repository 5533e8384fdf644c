import { clearLine, cursorTo, moveCursor } from 'node:readline';
import { Writable } from 'node:stream';
import type { ProgressOutput } from './progress-output.ts';

/** The terminal as ora wants it: it keeps what ora writes. */
export class OraStream extends Writable {
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
