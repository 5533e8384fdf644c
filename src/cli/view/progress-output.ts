import { MAX_UNREAD_BYTES } from '../../limits.ts';

/** To the first column, and clear the line: what another process left there is overwritten. */
export const ERASE_LINE = '\r\x1b[K';

/** What a view needs of the stream it writes to: process.stderr has it all. */
export interface ProgressStream {
  write(text: string, written?: (error?: Error | null) => void): boolean;
  on(event: 'error' | 'close', listener: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly writableNeedDrain?: boolean;
  readonly writableLength?: number;
}

/**
 * Where a view's words go. A terminal that goes away (EPIPE, EIO) or a log whose disk is full takes
 * nothing from then on, and never ends the transfer.
 */
export class ProgressOutput {
  readonly #stream: ProgressStream;
  #gone = false;
  #wakeFlush: (() => void) | undefined;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
    const leave = () => this.#leave();
    // For good: a late error without a listener would end the process.
    stream.on('error', leave);
    stream.on('close', leave);
  }

  /** Columns of the terminal; 80 where it does not say. */
  get columns(): number {
    return this.#stream.columns || 80;
  }

  /** Unread words have piled up: whatever can be said later, or never, should be. */
  get busy(): boolean {
    return this.#gone || this.#stream.writableNeedDrain === true;
  }

  /**
   * So much is unread that what has no end has to be lost. To let a command wait instead would hold up
   * its transfer, and who does not read would not see why.
   */
  get full(): boolean {
    return this.#gone || (this.#stream.writableLength ?? 0) >= MAX_UNREAD_BYTES;
  }

  write(text: string): void {
    if (this.#gone) return;
    try {
      this.#stream.write(text);
    } catch {
      // Node writes to files synchronously, and throws.
      this.#leave();
    }
  }

  /** Settles when all was handed to the system, or cannot be any more. */
  async flush(): Promise<void> {
    if (this.#gone) return;
    await new Promise<void>((resolve) => {
      this.#wakeFlush = resolve;
      try {
        this.#stream.write('', () => resolve());
      } catch {
        this.#leave();
      }
    });
  }

  #leave(): void {
    this.#gone = true;
    this.#wakeFlush?.();
  }
}
