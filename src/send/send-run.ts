import { CtxsyncError } from '../errors.ts';
import { DEFAULT_LARGE_CONTEXT_BYTES, MAX_STREAMS } from '../limits.ts';
import { timeShares } from '../observe/time-shares.ts';
import { NOTHING, type Comparing, type Plan } from '../observe/work.ts';
import type { Side } from '../report.ts';
import { DiskThreads } from '../transfer/disk-threads.ts';
import { graceMs } from '../transfer/grace-period.ts';
import { INCREMENTAL } from '../transfer/options.ts';
import { PathNoteCollector } from '../transfer/path-notes.ts';
import type { Run } from '../transfer/run.ts';
import { AllFindings } from './all-findings.ts';
import { ContextSender } from './context-sender.ts';
import { namesForHello, type Context } from './context.ts';
import { ContextTotals, countTotals } from './count-totals.ts';
import { ReceiverLink } from './receiver-link.ts';
import type { TryOptions } from './send-options.ts';

const NOT_COMPARED: Comparing = { compared: NOTHING, wanted: NOTHING, isOver: false };

/** One try to send contexts, over one connection. */
export class SendRun implements Run {
  readonly side: Side = 'sender';
  readonly onEvent: TryOptions['onEvent'];
  readonly link: ReceiverLink;
  readonly notes = new PathNoteCollector();
  readonly threads = new DiskThreads(this.side, (note) => this.notes.add(note));
  readonly #options: TryOptions;
  readonly #sender: ContextSender;
  readonly #findings = new AllFindings();
  readonly #totals = new ContextTotals();
  /** The receiver is offered manifests. */
  #compares = false;
  /** Contexts that it wants whole all the same. */
  readonly #whole = new Set<Context>();

  constructor(options: TryOptions) {
    this.#options = options;
    this.onEvent = options.onEvent;
    this.link = new ReceiverLink({
      ...options,
      createWantsRing: () => this.threads.ring('want'),
      createChangesRing: () => this.threads.ring('changes'),
      plan: () => this.#plan(),
      waitedMs: () => this.#waitedMs(),
      inputBytes: () => this.#sender.inputBytes,
      silentInput: (now) => this.#sender.silentInput(now),
    });
    this.threads.onPoolThread = (thread) => this.link.monitor.watch(thread, false);
    this.#sender = new ContextSender({
      threads: this.threads,
      receiver: this.link,
      checksum: options.checksum ?? false,
      checks: {
        largeBytes: options.largeBytes ?? DEFAULT_LARGE_CONTEXT_BYTES,
        strict: options.strict ?? false,
      },
      onFindings: (findings, context) => this.#findings.add(findings, context),
      onNote: (note) => this.notes.add(note),
      onAllWanted: (context) => this.#whole.add(context),
      onListed: (context, amount) => this.#totals.add(context, amount),
    });
  }

  /** disk -> walk -> pack -> ring -> mux -> transport. */
  async transfer(): Promise<void> {
    const receiver = this.link;
    receiver.begin();
    const receipt = receiver.readToReceipt();
    const handedOver = receiver.handedOverOrExplained(receipt);
    const granted = receiver.grantUntil(receipt);
    await this.link.failure.race(Promise.all([handedOver, granted, this.#sendAll(), receipt]));
    await this.link.failure.race(receiver.end());
    this.#warnOfNothing();
    this.#reportFindings();
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
    this.#compares = changesOnly;
    this.link.monitor.enter(changesOnly ? 'comparing' : 'sending');
    void this.#countTotals();
    const waiting = [...this.#options.contexts];
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (changesOnly && 'directory' in next) await this.#sender.sendChanges(next, answers!);
        else {
          this.#whole.add(next);
          await this.#sender.sendWhole(next);
        }
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
    await countTotals(
      contexts,
      this.#totals,
      this.threads,
      (context, thread) => this.#sender.open(context, thread),
      this.link.handedOver,
    );
  }

  /** The receiver reports what it has compared, and wants. */
  #plan(): Plan {
    const { contexts: all } = this.#options;
    const contexts = this.#totals.of(all);
    if (!this.#compares || this.#whole.size === all.length) return { contexts };
    const { comparing = NOT_COMPARED } = this.link.peerPlan;
    return { contexts, whole: this.#totals.of(this.#whole), comparing };
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
    const { metadataOnly = 0, unchanged = 0 } = this.link.answers?.counts ?? {};
    if (sent || metadataOnly + unchanged > 0) return;
    const message =
      'the context is empty: no files were sent; check the directory and the ignore rules';
    this.onEvent?.({ type: 'warning', side: this.side, message });
  }

  #reportFindings(): void {
    const { all: findings } = this.#findings;
    if (findings.length === 0) return;
    this.onEvent?.({ type: 'findings', side: this.side, findings: [...findings] });
  }

  /** Milliseconds for which our disk was idle because the wire took no more data. */
  #waitedMs(): number {
    return Math.max(0, this.link.monitor.elapsedMs - this.threads.workedMs());
  }
}
