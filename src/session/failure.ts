import { CtxsyncError } from '../errors.ts';

/** Where everything that ends a run early comes together: the first failure is the run's. */
export class Failure {
  /** Rejects with the first failure; never resolves. */
  readonly promise: Promise<never>;
  /** From here on an interruption comes too late, and is ignored. */
  committing = false;
  #reject: ((error: CtxsyncError) => void) | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.promise = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Whoever races with it handles it; nobody may have begun to.
    this.promise.catch(() => {});
    if (signal?.aborted === true) this.#interrupt();
    signal?.addEventListener('abort', () => this.#interrupt(), { once: true });
  }

  fail(error: CtxsyncError): void {
    this.#reject?.(error);
  }

  #interrupt(): void {
    if (this.committing) return;
    this.fail(new CtxsyncError('interrupted', 'interrupted; nothing was committed'));
  }
}
