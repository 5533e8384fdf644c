import { CtxsyncError } from '../errors.ts';
import { MAX_STREAMS } from '../limits.ts';
import { timeShares } from '../observe/time-shares.ts';
import type { Side } from '../report.ts';
import { DiskThreads } from '../transfer/disk-threads.ts';
import { graceMs } from '../transfer/grace-period.ts';
import { INCREMENTAL } from '../transfer/options.ts';
import { PathNoteCollector } from '../transfer/path-notes.ts';
import type { Run } from '../transfer/run.ts';
import { ContextSender } from './context-sender.ts';
import { namesForHello } from './context.ts';
import { countTotals } from './count-totals.ts';
import { ReceiverLink } from './receiver-link.ts';
import type { TryOptions } from './send-options.ts';

/** One try to send contexts, over one connection. */
export class SendRun implements Run {
  readonly side: Side = 'sender';
  readonly onEvent: TryOptions['onEvent'];
  readonly link: ReceiverLink;
  readonly notes = new PathNoteCollector();
  readonly threads = new DiskThreads(this.side, (note) => this.notes.add(note));
  readonly #options: TryOptions;
  readonly #sender: ContextSender;
  /** Number of contexts that the receiver wants in full. */
  #allWanted = 0;

  constructor(options: TryOptions) {
    this.#options = options;
    this.onEvent = options.onEvent;
    this.link = new ReceiverLink({
      ...options,
      createWantsRing: () => this.threads.ring('want'),
      waitedMs: () => this.#waitedMs(),
      inputBytes: () => this.#sender.inputBytes,
      silentInput: (now) => this.#sender.silentInput(now),
    });
    this.#sender = new ContextSender({
      threads: this.threads,
      receiver: this.link,
      checksum: options.checksum ?? false,
      onNote: (note) => this.notes.add(note),
      onAllWanted: () => {
        this.#allWanted += 1;
        if (this.#allWanted === options.contexts.length) void this.#countTotals();
      },
    });
  }

  /** disk -> walk -> pack -> ring -> mux -> transport. */
  async transfer(): Promise<void> {
    const receiver = this.link;
    receiver.begin();
    const receipt = receiver.readToReceipt();
    const handedOver = receiver.handedOverOrExplained(receipt);
    await this.link.failure.race(Promise.all([handedOver, this.#sendAll(), receipt]));
    await this.link.failure.race(receiver.end());
    this.#warnOfNothing();
  }

  async giveUp(thrown: CtxsyncError): Promise<CtxsyncError | undefined> {
    const error = await this.link.explain(thrown);
    this.link.monitor.giveUp();
    this.threads.cancel();
    this.#sender.destroy();
    await this.link.fail(error);
    await this.threads.settle(graceMs(error));
    return this.#verdict(error);
  }

  outcome(): ReturnType<Run['outcome']> {
    const { answers, monitor } = this.link;
    return {
      contexts: this.#sender.contexts(),
      counts: answers?.counts,
      times: timeShares({ totalMs: monitor.elapsedMs, senderWaitedMs: this.#waitedMs() }),
    };
  }

  async #sendAll(): Promise<void> {
    const { answers } = this.link;
    const changesOnly = await this.#sendsChangesOnly();
    this.link.monitor.enter(changesOnly ? 'comparing' : 'sending');
    if (!changesOnly) void this.#countTotals();
    const waiting = [...this.#options.contexts];
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (changesOnly && 'directory' in next) await this.#sender.sendChanges(next, answers!);
        else await this.#sender.sendWhole(next);
      }
    };
    // A context that is compared may have its manifest and its tree open at the same time.
    const lanes = changesOnly ? MAX_STREAMS / 2 : MAX_STREAMS;
    await Promise.all(Array.from({ length: lanes }, lane));
    this.link.finish();
  }

  /** To compare, the receiver must know the names of all contexts, and be able to answer. */
  async #sendsChangesOnly(): Promise<boolean> {
    const { contexts, full } = this.#options;
    const { answers } = this.link;
    if (answers === undefined || full === true) return false;
    if (namesForHello(contexts) === undefined || contexts.some((each) => 'tar' in each)) {
      return false;
    }
    return (await answers.capabilities).includes(INCREMENTAL);
  }

  async #countTotals(): Promise<void> {
    if (this.#options.countTotals !== true) return;
    const { contexts } = this.#options;
    this.link.monitor.totals = await countTotals(
      contexts,
      this.threads,
      (context, thread) => this.#sender.open(context, thread),
      this.link.handedOver,
    );
  }

  /** What a failure means after everything was sent: the receiver may have committed. */
  #verdict(error: CtxsyncError): CtxsyncError | undefined {
    const { answers, digest } = this.link;
    if (answers === undefined || digest === undefined) return error;
    // The receipt arrived after all, while we were giving up.
    if (answers.committed) return undefined;
    if (error.code !== 'interrupted' && error.code !== 'stalled') return error;
    const why = error.code === 'interrupted' ? 'interrupted' : error.message;
    const message = `${why}; everything had been sent, but the receiver had not confirmed the commit; check the receiver, or send again`;
    return new CtxsyncError('outcome-unknown', message, { cause: error });
  }

  #warnOfNothing(): void {
    const sent = this.#sender.contexts().some(({ entries }) => entries > 0);
    if (sent || (this.link.answers?.counts?.unchanged ?? 0) > 0) return;
    const message =
      'the context is empty: no files were sent; check the directory and the ignore rules';
    this.onEvent?.({ type: 'warning', side: this.side, message });
  }

  /** Milliseconds for which our disk was idle because the wire took no more data. */
  #waitedMs(): number {
    return Math.max(0, this.link.monitor.elapsedMs - this.threads.workedMs());
  }
}
