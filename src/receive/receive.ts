import { Budget } from '../entry/budget.ts';
import { CtxsyncError } from '../errors.ts';
import { DEFAULT_MAX_ENTRIES } from '../limits.ts';
import { timeShares } from '../observe/time-shares.ts';
import type { Side, TransferReport } from '../report.ts';
import { DiskThreads } from '../transfer/disk-threads.ts';
import { apart } from '../transfer/listener.ts';
import { PathNoteCollector } from '../transfer/path-notes.ts';
import { readItems, type OnItem } from '../transfer/read-items.ts';
import { runToReport, type Run } from '../transfer/run.ts';
import { toTar } from '../transport/to-transport.ts';
import { DirectoryTarget } from './directory-target.ts';
import type { ReceiveOptions } from './receive-options.ts';
import { SenderLink } from './sender-link.ts';
import { TarTarget } from './tar-target.ts';
import type { Target } from './target.ts';

/**
 * Receives contexts. Resolves when everything has arrived, was verified, and is in place.
 *
 * @throws CtxsyncError with the report; the directory is then unchanged
 */
export async function receive(given: ReceiveOptions): Promise<TransferReport> {
  const onEvent = apart(given.onEvent);
  const onSample = apart(given.onSample);
  const options = { ...given, onEvent, onSample };
  const sender = new SenderLink(options);
  sender.start();
  return receiveFrom(sender, options);
}

/**
 * Like `receive`, from a sender whose link has already been started.
 * @param base the context that becomes the directory itself; each other one becomes a directory in it
 */
export async function receiveFrom(
  sender: SenderLink,
  options: ReceiveOptions,
  base = '',
): Promise<TransferReport> {
  return runToReport(new ReceiveRun(sender, options, base));
}

class ReceiveRun implements Run {
  readonly side: Side = 'receiver';
  readonly onEvent: ReceiveOptions['onEvent'];
  readonly link: SenderLink;
  readonly notes = new PathNoteCollector();
  readonly threads = new DiskThreads(this.side, (note) => this.notes.add(note));
  readonly #target: Target;
  readonly #onItem: OnItem | undefined;
  readonly #destination: string | undefined;

  constructor(sender: SenderLink, options: ReceiveOptions, base: string) {
    this.link = sender;
    this.onEvent = options.onEvent;
    this.threads.onPoolThread = (thread) => sender.monitor.watch(thread, false);
    this.#onItem = options.onItem;
    this.#target = this.#createTarget(options, base);
    this.#destination = 'directory' in options.to ? options.to.directory : undefined;
  }

  /** transport -> demux -> ring -> unpack -> stage -> commit -> disk. */
  async transfer(): Promise<void> {
    const { failure } = this.link;
    const arrived = this.link.receiveInto(this.#target);
    await failure.race(Promise.all([arrived, this.#target.prepare()]));
    this.#checkAllCame();
    await failure.race(this.#target.worked());
    await failure.race(this.#target.commit());
    if (this.link.wantsChanges) {
      await failure.race(this.#target.itemize((ring) => this.link.sendChanges(ring)));
    }
    await this.link.confirm(this.#target.counts());
    this.link.stopReading();
    if (this.#onItem !== undefined) await this.#itemize(this.#onItem);
  }

  /** Everything is done, so whoever reads the list may take any time. */
  async #itemize(onItem: OnItem): Promise<void> {
    this.link.monitor.giveUp();
    await this.link.failure.race(this.#target.itemize((ring) => readItems(ring, onItem)));
  }

  async giveUp(error: CtxsyncError): Promise<CtxsyncError | undefined> {
    const sender = this.link;
    const target = this.#target;
    this.threads.cancel();
    sender.giveUp();
    await target.settle(error);
    // The sender is sent the actual outcome, which may differ from the first failure: the disk may have
    // answered after all.
    const told = target.committed ? sender.confirm(target.counts()) : sender.fail(error);
    await target.discard(error, sender.expectsAnswers);
    await told;
    if (!target.committed) return error;
    sender.stopReading();
    return undefined;
  }

  outcome(error: CtxsyncError | undefined): ReturnType<Run['outcome']> {
    const { monitor, senderWaitedMs } = this.link;
    const totalMs = monitor.elapsedMs;
    const starvedMs = Math.max(0, totalMs - this.threads.workedMs());
    return {
      destination: this.#destination,
      contexts: this.#target.contexts(),
      counts: error === undefined ? this.#target.counts() : undefined,
      times: timeShares({ totalMs, starvedMs, senderWaitedMs }),
    };
  }

  /** A sender must send each context that it names: a mirror would treat a missing one as empty. */
  #checkAllCame(): void {
    const came = new Set(this.#target.contexts().map(({ name }) => name));
    const missing = this.link.contexts?.find((name) => !came.has(name));
    if (missing === undefined) return;
    const message = `the sender named the context "${missing}" and did not send it`;
    throw new CtxsyncError('corrupt', message);
  }

  #createTarget(options: ReceiveOptions, base: string): Target {
    const { to, maxBytes = Number.MAX_SAFE_INTEGER, maxEntries = DEFAULT_MAX_ENTRIES } = options;
    const budget = (): Budget => Budget.create({ maxBytes, maxEntries });
    const common = {
      threads: this.threads,
      monitor: this.link.monitor,
      onFailure: (error: CtxsyncError) => this.link.failure.fail(error),
    };
    if ('tar' in to) return new TarTarget({ ...common, budget: budget(), to: toTar(to.tar) });
    return new DirectoryTarget({
      ...common,
      to,
      base,
      budgets: { manifests: budget(), trees: budget() },
      onCompared: () => this.link.sendBeat(),
      keepWaiting: (granted, queue) => this.link.keepWaiting(granted, queue),
      openWants: (name, ring, all) => this.link.sendWants(name, ring, all),
      onWarning: (message) => this.onEvent?.({ type: 'warning', side: this.side, message }),
      onRemoved: (removals) => this.notes.addRemoved(removals),
      itemizes: () => options.onItem !== undefined || this.link.wantsChanges,
      onCommit: () => (this.link.failure.committing = true),
    });
  }
}
