/** Lets a number of tasks run at the same time; others wait for their turn, first come, first served. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  #onNoneWaiting: (() => void) | undefined;

  constructor(count: number) {
    this.#free = count;
  }

  /** Whether anyone waits. */
  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** Waits for a turn; `done` passes it on. */
  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  done(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
    if (!this.awaited) this.#onNoneWaiting?.();
  }

  /** Settles when nobody waits any more. For one caller at a time. */
  async noneWaiting(): Promise<void> {
    if (this.awaited) await new Promise<void>((resolve) => (this.#onNoneWaiting = resolve));
  }
}
