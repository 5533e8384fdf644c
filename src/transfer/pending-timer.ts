/** Measures how long something has been pending, for stall verdicts. */
export class PendingTimer {
  #since: number | undefined;

  begin(): void {
    this.#since = performance.now();
  }

  end(): void {
    this.#since = undefined;
  }

  /** Milliseconds since it began; undefined when nothing is pending. */
  ms(now: number): number | undefined {
    return this.#since === undefined ? undefined : now - this.#since;
  }
}
