import { MAX_UNREAD_BYTES } from '../../limits.ts';

/** Moves to the first column and clears the line: what another process left there is overwritten. */
export const ERASE_LINE = '\r\x1b[K';

/** What a view needs of the stream it writes to; process.stderr provides it all. */
export interface ProgressStream {
  write(text: string, written?: (error?: Error | null) => void): boolean;
  on(event: 'error' | 'close', listener: () => void): unknown;
  once(event: 'drain', listener: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Of a terminal: columns and rows as they are now, even if we were not told yet. */
  getWindowSize?(): [number, number];
  readonly writableNeedDrain?: boolean;
  readonly writableLength?: number;
}

/**
 * The output of a view. Nothing more is written after a terminal goes away (EPIPE, EIO) or the disk of a
 * log is full; this never ends the transfer.
 */
export class ProgressOutput {
  readonly #stream: ProgressStream;
  #gone = false;
  #wakeFlush: (() => void) | undefined;
  #wakeDrain: (() => void) | undefined;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
    const leave = () => this.#leave();
    // Never removed: a late error without a listener would end the process.
    stream.on('error', leave);
    stream.on('close', leave);
  }

  /** Columns of the terminal; 80 if unknown. */
  get columns(): number {
    return this.#windowColumns || this.#stream.columns || 80;
  }

  get #windowColumns(): number | undefined {
    try {
      return this.#stream.getWindowSize?.()[0];
    } catch {
      // The terminal has gone.
      return undefined;
    }
  }

  /** Unread output has piled up: whatever can be postponed or dropped should be. */
  get busy(): boolean {
    return this.#gone || this.#stream.writableNeedDrain === true;
  }

  /**
   * So much is unread that endless output must be dropped. Making a command wait instead would hold up
   * its transfer, and a user who does not read would not see why.
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

  /** Settles when unread output no longer piles up. */
  async drained(): Promise<void> {
    if (this.#gone || !this.busy) return;
    await new Promise<void>((resolve) => {
      this.#wakeDrain = resolve;
      this.#stream.once('drain', resolve);
    });
  }

  /** Settles when everything was handed to the system, or no longer can be. */
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
    this.#wakeDrain?.();
  }
}
