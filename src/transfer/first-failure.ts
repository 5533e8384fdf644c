import { CtxsyncError } from '../errors.ts';
import { DEFAULT_ABORT_GRACE_MS, MAX_TIMER_MS, STRAY_SILENCE_MS } from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';

/** Collects everything that ends a run early: the first failure becomes the run's. */
export class FirstFailure {
  /** Rejects with the first failure; never resolves. */
  readonly #failed: Promise<never>;
  /** From here on an interruption comes too late and is ignored. */
  committing = false;
  readonly #over = new AbortController();
  #reject: ((error: CtxsyncError) => void) | undefined;
  readonly #interrupted: Promise<void>;
  #settleInterrupted = (): void => {};
  #interruption: CtxsyncError | undefined;
  #interruptedAt = 0;
  readonly #abortGraceMs: number;

  /** @param abortGraceMs see TransferOptions */
  constructor(signal: AbortSignal | undefined, abortGraceMs = DEFAULT_ABORT_GRACE_MS) {
    this.#abortGraceMs = abortGraceMs;
    this.#failed = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#interrupted = new Promise((resolve) => (this.#settleInterrupted = resolve));
    // race() handles it, but may not have been called yet.
    this.#failed.catch(() => {});
    if (signal?.aborted === true) this.#interrupt(signal);
    const { signal: over } = this.#over;
    signal?.addEventListener('abort', () => this.#interrupt(signal), { once: true, signal: over });
  }

  /** The run is over: the caller's signal, which may live on, must not hold a reference to it. */
  close(): void {
    this.#over.abort();
  }

  fail(error: CtxsyncError): void {
    this.#reject?.(error);
  }

  /** The result of the work, unless the run fails first. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failed]);
  }

  /** The interruption, whatever the first failure was. Waits for it up to `ms` milliseconds. */
  async interruptionWithin(ms: number): Promise<CtxsyncError | undefined> {
    await withTimeout(ms, this.#interrupted);
    return this.#interruption;
  }

  /**
   * Waits for work of the other side, but after an abort not longer than the caller allows: then the work goes
   * on in the background.
   * @returns the result of the work; undefined if it is not over
   */
  async waitForPeer<T>(work: Promise<T>): Promise<T | undefined> {
    let result: T | undefined;
    const done = work.then((value) => void (result = value));
    await Promise.race([done, this.#interrupted]);
    if (this.#interruption === undefined) return result;
    const left = this.#interruptedAt + this.#abortGraceMs - performance.now();
    if (left > MAX_TIMER_MS) await done;
    else await withTimeout(Math.max(0, left), done);
    return result;
  }

  /**
   * Fails the run when stray bytes, which cannot be ctxsync's, are complete, so that the message quotes them.
   * @param silentMs milliseconds since the last byte
   */
  failOnStray(stray: CtxsyncError | undefined, silentMs: number): void {
    if (stray !== undefined && silentMs >= STRAY_SILENCE_MS) this.fail(stray);
  }

  /** A caller may abort with a CtxsyncError of its own. */
  #interrupt({ reason }: AbortSignal): void {
    if (this.committing) return;
    const message = 'interrupted; nothing was committed';
    const interrupted = new CtxsyncError('interrupted', message, { cause: reason });
    this.#interruptedAt = performance.now();
    this.#interruption = reason instanceof CtxsyncError ? reason : interrupted;
    this.#settleInterrupted();
    this.fail(this.#interruption);
  }
}
