import { CtxsyncError } from '../errors.ts';
import { STRAY_SILENCE_MS } from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';

/** Where everything that ends a run early comes together: the first failure is the run's. */
export class FirstFailure {
  /** Rejects with the first failure; never resolves. */
  readonly #failed: Promise<never>;
  /** From here on an interruption comes too late, and is ignored. */
  committing = false;
  readonly #over = new AbortController();
  #reject: ((error: CtxsyncError) => void) | undefined;
  readonly #interrupted: Promise<void>;
  #settleInterrupted = (): void => {};
  #interruption: CtxsyncError | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#failed = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#interrupted = new Promise((resolve) => (this.#settleInterrupted = resolve));
    // Whoever races with it handles it; nobody may have begun to.
    this.#failed.catch(() => {});
    if (signal?.aborted === true) this.#interrupt(signal);
    const { signal: over } = this.#over;
    signal?.addEventListener('abort', () => this.#interrupt(signal), { once: true, signal: over });
  }

  /** The run is over: the caller's signal, which may live on, keeps nothing of it. */
  close(): void {
    this.#over.abort();
  }

  fail(error: CtxsyncError): void {
    this.#reject?.(error);
  }

  /** What the work comes to, unless the run fails meanwhile. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failed]);
  }

  /** The interruption, whatever the run's first failure was; waited for up to `ms` milliseconds. */
  async interruptionWithin(ms: number): Promise<CtxsyncError | undefined> {
    await withTimeout(ms, this.#interrupted);
    return this.#interruption;
  }

  /**
   * What came cannot be ctxsync's; more of it may come, which belongs in the message.
   * @param silentMs milliseconds since the last byte
   */
  failOnStray(stray: CtxsyncError | undefined, silentMs: number): void {
    if (stray !== undefined && silentMs >= STRAY_SILENCE_MS) this.fail(stray);
  }

  /** Who aborts may say why, with a CtxsyncError. */
  #interrupt({ reason }: AbortSignal): void {
    if (this.committing) return;
    const message = 'interrupted; nothing was committed';
    const interrupted = new CtxsyncError('interrupted', message, { cause: reason });
    this.#interruption = reason instanceof CtxsyncError ? reason : interrupted;
    this.#settleInterrupted();
    this.fail(this.#interruption);
  }
}
