import { CtxsyncError } from '../errors.ts';
import { HELLO_TIMEOUT_MS, MAX_SERVED, MAX_WAITING_CONNECTIONS } from '../limits.ts';
import type { Connection } from '../transport/transport.ts';
import { listenSocket, type Listener } from '../transport/unix-socket.ts';
import { DestinationQueue } from './destination-queue.ts';
import type { ServeOptions } from './serve-options.ts';
import { ServedTransfer } from './served-transfer.ts';
import { apart } from '../transfer/listener.ts';
import { Semaphore } from '../transfer/semaphore.ts';

/** How many transfers succeeded, and how many failed. */
export interface ServeReport {
  received: number;
  failed: number;
}

/**
 * Receives from every sender that connects to a socket, several at a time, until `finish` or `signal` is
 * aborted. A transfer that fails does not affect the others; its events report its outcome. Resolves after
 * `finish`, when the last transfer is over.
 *
 * @throws CtxsyncError usage, locked, not-writable, when it cannot listen; interrupted after `signal`
 */
export async function serve(options: ServeOptions): Promise<ServeReport> {
  const listener = await listenSocket(options.socket, {
    maxConnections: MAX_SERVED + MAX_WAITING_CONNECTIONS,
    silentMs: HELLO_TIMEOUT_MS,
  });
  options.onListening?.();
  return new Serving({ ...options, onEvent: apart(options.onEvent) }, listener).run();
}

class Serving {
  readonly #options: ServeOptions;
  readonly #listener: Listener;
  readonly #slots = new Semaphore(MAX_SERVED);
  readonly #turns = new DestinationQueue<ServedTransfer>();
  readonly #transfers = new Map<ServedTransfer, Promise<void>>();
  /** Aborted when no more senders are to be accepted. */
  readonly #ending = new AbortController();
  /** Aborted at the end, so that the caller's signals, which may live on, hold no reference to this run. */
  readonly #over = new AbortController();
  readonly #report: ServeReport = { received: 0, failed: 0 };

  constructor(options: ServeOptions, listener: Listener) {
    this.#options = options;
    this.#listener = listener;
  }

  async run(): Promise<ServeReport> {
    const { signal, finish } = this.#options;
    this.#heed(finish, (transfer) => transfer.begun || transfer.interrupt());
    this.#heed(signal, (transfer) => transfer.interrupt());
    await this.#acceptAll();
    await Promise.all(this.#transfers.values());
    this.#over.abort();
    if (signal?.aborted === true) {
      const message = 'interrupted; unfinished transfers were not committed';
      throw new CtxsyncError('interrupted', message, { cause: signal.reason });
    }
    return this.#report;
  }

  async #acceptAll(): Promise<void> {
    const { signal } = this.#ending;
    for (let id = 1; ; id += 1) {
      await this.#slots.take();
      const from = await this.#accept();
      if (from === undefined) return;
      const transfer = new ServedTransfer(id, this.#options, this.#turns);
      this.#transfers.set(transfer, this.#see(transfer, transfer.run(from)));
      // It connected at the last moment and was not interrupted yet.
      if (signal.aborted) transfer.interrupt();
    }
  }

  /** @returns undefined when no more senders are to be accepted */
  async #accept(): Promise<Connection | undefined> {
    const { signal } = this.#ending;
    if (signal.aborted) return undefined;
    try {
      return await this.#listener.accept({ timeoutMs: Infinity, signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  async #see(transfer: ServedTransfer, running: Promise<boolean>): Promise<void> {
    if (await running) this.#report.received += 1;
    else this.#report.failed += 1;
    this.#transfers.delete(transfer);
    this.#slots.done();
  }

  /** Once `signal` is aborted, no more senders are accepted, and `tell` is called for each transfer. */
  #heed(signal: AbortSignal | undefined, tell: (transfer: ServedTransfer) => void): void {
    const end = (): void => {
      if (!this.#ending.signal.aborted) this.#listener.close();
      this.#ending.abort();
      // Wakes the accept loop, which may be waiting for a slot.
      this.#slots.done();
      for (const transfer of this.#transfers.keys()) tell(transfer);
    };
    if (signal?.aborted === true) end();
    signal?.addEventListener('abort', end, { once: true, signal: this.#over.signal });
  }
}
