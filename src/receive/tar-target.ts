import type { Budget } from '../entry/budget.ts';
import { fromText } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import type { ContextReport } from '../report.ts';
import type { Outgoing } from '../transport/transport.ts';
import type { IncomingStream } from '../wire/demux.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import type { DiskThreads } from '../transfer/disk-threads.ts';
import { graceMs } from '../transfer/grace-period.ts';
import { RingOutput } from '../transfer/ring-output.ts';
import type { Target } from './target.ts';
import type { Monitor } from '../transfer/monitor.ts';

export interface TarTargetInit {
  to: Outgoing;
  threads: DiskThreads;
  monitor: Monitor;
  budget: Budget;
  onFailure: (error: CtxsyncError) => void;
}

/** `receive -`: one context, checked and written as a tar as it arrives. Only its end confirms it. */
export class TarTarget implements Target {
  readonly crowded = false;
  readonly #options: TarTargetInit;
  readonly #thread: DiskThread;
  #output: RingOutput | undefined;
  #name = '';
  #worked: Promise<void> = Promise.resolve();
  committed = false;

  constructor(options: TarTargetInit) {
    this.#options = options;
    this.#thread = options.threads.start();
    options.monitor.watch(this.#thread, true);
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  noneWaiting(): Promise<void> {
    return Promise.resolve();
  }

  open({ name, unordered = false }: IncomingStream): Ring {
    if (this.#output !== undefined) {
      throw new CtxsyncError(
        'usage',
        'several contexts were sent, and a tar holds one; receive them into a directory',
      );
    }
    const { threads, monitor, to, onFailure } = this.#options;
    const ring = threads.ring('tree');
    const output = threads.ring('tar');
    this.#name = name;
    this.#output = new RingOutput(output, to);
    monitor.enter('receiving');
    this.#worked = this.#write(ring, output, unordered);
    // A failure must fail the run at once, not only when it is awaited.
    this.#worked.catch((error: unknown) => onFailure(CtxsyncError.from(error)));
    return ring;
  }

  async worked(): Promise<void> {
    await this.#worked;
  }

  async commit(): Promise<void> {
    await this.#options.to.end();
    this.committed = true;
  }

  async settle(error: CtxsyncError): Promise<void> {
    this.#options.to.destroy();
    await this.#options.threads.settle(graceMs(error));
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }

  contexts(): ContextReport[] {
    if (this.#output === undefined) return [];
    const { entries, bytes } = this.#thread.status.read();
    return [{ name: this.#name, entries, bytes }];
  }

  counts(): undefined {
    return undefined;
  }

  get outputBytes(): number {
    return this.#output?.writtenBytes ?? 0;
  }

  itemize(): Promise<void> {
    return Promise.resolve();
  }

  comparing(): undefined {
    return undefined;
  }

  outputPendingMs(now: number): number | undefined {
    return this.#output?.pendingMs(now);
  }

  async #write(from: Ring, to: Ring, unordered: boolean): Promise<void> {
    const { threads, budget } = this.#options;
    const written = threads.run(this.#thread, 'writeTar', {
      from: from.shared,
      to: to.shared,
      name: fromText(this.#name),
      unordered,
      budget: budget.shared.buffer,
    });
    await Promise.all([written, this.#output?.run()]);
  }
}
