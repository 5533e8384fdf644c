import { CtxsyncError } from '../errors.ts';
import { STRAY_SILENCE_MS } from '../limits.ts';

/** Where everything that ends a run early comes together: the first failure is the run's. */
export class Failure {
  /** Rejects with the first failure; never resolves. */
  readonly promise: Promise<never>;
  /** From here on an interruption comes too late, and is ignored. */
  committing = false;
  readonly #over = new AbortController();
  #reject: ((error: CtxsyncError) => void) | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.promise = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Whoever races with it handles it; nobody may have begun to.
    this.promise.catch(() => {});
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
    const interrupted = new CtxsyncError('interrupted', 'interrupted; nothing was committed');
    this.fail(reason instanceof CtxsyncError ? reason : interrupted);
  }
}
