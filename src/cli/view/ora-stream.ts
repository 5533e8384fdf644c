import { clearLine, cursorTo, moveCursor } from 'node:readline';
import { Writable } from 'node:stream';
import type { ProgressOutput } from './progress-output.ts';

/** A terminal for ora, which keeps what ora writes. */
export class OraStream extends Writable {
  /** A spinner is only used on a terminal, whatever the stream reports. */
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

  /** What was written since the last call. */
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
