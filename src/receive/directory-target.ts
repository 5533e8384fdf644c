import type { Budget } from '../entry/budget.ts';
import type { Destination, Keep } from '../dest/destination.ts';
import type { OmittedCounts } from '../dest/omitted-files.ts';
import type { Mirror, Removals } from '../dest/removals.ts';
import type { Metadata } from '../disk/held-directory.ts';
import { fromText, toText, type BytePath } from '../disk/byte-path.ts';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { MAX_STREAMS, TICK_MS } from '../limits.ts';
import type { ContextReport, EntryCounts } from '../report.ts';
import { withTimeout } from '../with-timeout.ts';
import type { IncomingStream } from '../wire/demux.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import { Comparisons, type ComparisonsOptions, type Site } from './comparisons.ts';
import type { DiskThreads } from '../transfer/disk-threads.ts';
import { takeInTurn } from './take-in-turn.ts';
import type { DirectoryTargetOptions } from './target-options.ts';
import { graceMs } from '../transfer/grace-period.ts';
import type { ComparisonProgress, Target } from './target.ts';
import type { Monitor } from '../transfer/monitor.ts';
import type { Queue } from '../transfer/queue.ts';
import { Semaphore } from '../transfer/semaphore.ts';

export interface DirectoryTargetInit {
  to: DirectoryTargetOptions;
  /** The context that becomes the directory itself; each other one becomes a directory in it. */
  base: string;
  threads: DiskThreads;
  monitor: Monitor;
  /** Limits on what may be offered, and on what may be sent. */
  budgets: { manifests: Budget; trees: Budget };
  openWants: ComparisonsOptions['openWants'];
  onCompared: ComparisonsOptions['onCompared'];
  /** Reports to the sender, and to our caller, why nothing happens until this settles. */
  keepWaiting: (granted: Promise<unknown>, queue: () => Queue) => Promise<void>;
  onFailure: (error: CtxsyncError) => void;
  onWarning: (message: string) => void;
  /** Called with what the mirror deleted. */
  onRemoved: (removals: Removals) => void;
  /** Whether to list what the commit changes. */
  itemizes: () => boolean;
  /** Called when the commit begins: from then on an interruption comes too late. */
  onCommit: () => void;
}

/** A context whose entries are arriving. */
interface Arriving {
  name: string;
  unordered: boolean;
  /** Absent while it waits for its turn. */
  thread?: DiskThread;
  /** EntryDigest of what arrived, if that was asked for. */
  arrived?: string | undefined;
  /** What came without its content. */
  omitted?: OmittedCounts | undefined;
}

/** Errors after which a sender may resume: the transfer was interrupted, but nothing was wrong. */
const BROKEN_OFF = new Set<ErrorCode>(['truncated', 'stalled']);

/** `receive OUT`: ring -> unpack -> stage, one thread per stream, and then one commit of all. */
export class DirectoryTarget implements Target {
  readonly outputBytes = 0;
  readonly #options: DirectoryTargetInit;
  #started: DiskThread | undefined;
  readonly #arriving: Arriving[] = [];
  readonly #comparisons: Comparisons;
  readonly #work: Promise<void>[] = [];
  /** A stream that ended on the wire may still be unpacked when the next one opens. */
  readonly #turns = new Semaphore(MAX_STREAMS);
  #prepared: Promise<Destination> | undefined;
  /** The prepared destination, while there is anything to undo. */
  #destination: Destination | undefined;
  /** Kind and name of each stream that was opened. */
  readonly #opened = new Set<string>();
  #root: Metadata | undefined;
  #committing: Promise<void> | undefined;
  #settled = false;
  #removed = 0;
  /** Of the list of what the commit has changed, if there is one. */
  #items: number | undefined;
  committed = false;

  constructor(options: DirectoryTargetInit) {
    this.#options = options;
    const { budgets, ...common } = options;
    this.#comparisons = new Comparisons({ ...common, budget: budgets.manifests });
  }

  async prepare(): Promise<void> {
    this.#prepared = this.#prepare();
    await this.#prepared;
  }

  get crowded(): boolean {
    return this.#turns.awaited;
  }

  noneWaiting(): Promise<void> {
    return this.#turns.noneWaiting();
  }

  open({ kind, name, unordered = false }: IncomingStream, contexts: readonly string[]): Ring {
    const stream = `${kind} ${name}`;
    if (this.#opened.has(stream)) {
      throw new CtxsyncError('corrupt', `the ${kind} of the context "${name}" came twice`);
    }
    this.#opened.add(stream);
    const ring = this.#options.threads.ring(kind);
    const work =
      kind === 'manifest'
        ? this.#comparisons.compare(name, ring, () => this.#site(name, contexts))
        : this.#receive({ name, unordered }, ring, contexts);
    // A failing stream must fail the run at once, not only when it is awaited.
    work.catch((error: unknown) => this.#options.onFailure(CtxsyncError.from(error)));
    this.#work.push(work);
    return ring;
  }

  async worked(): Promise<void> {
    await Promise.all(this.#work);
    this.#comparisons.check((name) => this.#arriving.find((each) => each.name === name)?.arrived);
  }

  async commit(): Promise<void> {
    this.#committing = this.#commit();
    await this.#committing;
  }

  async itemize(use: (ring: Ring) => Promise<void>): Promise<void> {
    const { threads } = this.#options;
    const items = this.#items;
    if (items === undefined) return;
    const ring = threads.ring('changes');
    const written = threads.run(this.#thread, 'itemize', { items, ring: ring.shared });
    await Promise.all([written, use(ring)]);
  }

  async settle(error: CtxsyncError): Promise<void> {
    this.#settled = await this.#options.threads.settle(graceMs(error));
    // The disk has answered after all: the outcome of the commit is known in a moment.
    if (this.#settled && this.#committing !== undefined)
      await withTimeout(TICK_MS, this.#committing);
  }

  async discard(error: CtxsyncError, duplex: boolean): Promise<void> {
    const destination = this.#destination;
    if (destination === undefined) return;
    const { threads, onWarning } = this.#options;
    const keep = this.#keep(error, duplex);
    const input = { destination, keep };
    const outcome = this.#settled
      ? await threads.cleanUp('discard', input, graceMs(error))
      : 'hung';
    if (outcome === 'hung') threads.cleanUpLater('discard', input);
    if (outcome !== 'done') this.#warnOfStage(destination);
    else if (keep === 'all') {
      const stage = toText(destination.stage);
      onWarning(`what arrived is kept in ${stage}; the next send resumes from there`);
    }
  }

  contexts(): ContextReport[] {
    return this.#arriving.map(({ name, thread }) => {
      const { entries, bytes } = thread?.status.read() ?? { entries: 0, bytes: 0 };
      return { name, entries, bytes };
    });
  }

  counts(): EntryCounts {
    const counts = { written: 0, reused: 0, metadataOnly: 0, unchanged: 0, removed: this.#removed };
    for (const { name, thread, omitted } of this.#arriving) {
      const compared = this.#comparisons.counts(name);
      // The comparison took these for changed: only the sender could know.
      const metadataOnly = omitted?.metadataOnly ?? 0;
      const written = compared?.written ?? thread?.status.read().entries ?? 0;
      counts.written += written - metadataOnly;
      counts.reused += omitted?.reused ?? 0;
      counts.metadataOnly += (compared?.metadataOnly ?? 0) + metadataOnly;
      counts.unchanged += compared?.unchanged ?? 0;
    }
    return counts;
  }

  comparing(contexts: readonly string[]): ComparisonProgress | undefined {
    return this.#comparisons.progress(contexts);
  }

  outputPendingMs(): undefined {
    return undefined;
  }

  /**
   * The thread that prepares and commits, and unpacks the first stream in between. It is started when
   * there is work, so that a transfer that waits for its turn costs no thread.
   */
  get #thread(): DiskThread {
    if (this.#started === undefined) {
      const { threads, monitor } = this.#options;
      this.#started = threads.start();
      monitor.watch(this.#started, true);
    }
    return this.#started;
  }

  async #prepare(): Promise<Destination> {
    const { threads, monitor, to, base, onWarning, keepWaiting } = this.#options;
    // If the directory is named after a context, the sender chose the name: it must not lead out of OUT.
    const follow = base === '';
    const input = { out: fromText(to.directory), follow, mirrors: to.delete === true };
    const take = async (): Promise<Destination> => {
      this.#destination = await threads.run(this.#thread, 'prepare', input);
      return this.#destination;
    };
    const destination = await takeInTurn(take, to, keepWaiting);
    for (const message of destination.warnings) onWarning(message);
    monitor.enter('receiving');
    return destination;
  }

  async #site(name: string, contexts: readonly string[]): Promise<Site> {
    const destination = await this.#prepared!;
    const at = this.#pathInOut(name);
    const others = at === '' ? contexts.filter((each) => each !== name).map(fromText) : [];
    return { destination, at, others };
  }

  /** After a failure no other stream gets a turn. */
  async #receive(arriving: Arriving, ring: Ring, contexts: readonly string[]): Promise<void> {
    const { threads, monitor } = this.#options;
    const first = this.#arriving.length === 0;
    this.#arriving.push(arriving);
    await this.#turns.take();
    const thread = first ? this.#thread : threads.start();
    arriving.thread = thread;
    if (!first) monitor.watch(thread, true);
    await this.#unpack(arriving, thread, ring, contexts);
    if (!first) await threads.release(thread, ring);
    this.#turns.done();
  }

  async #unpack(
    arriving: Arriving,
    thread: DiskThread,
    ring: Ring,
    contexts: readonly string[],
  ): Promise<void> {
    const { threads, budgets } = this.#options;
    const { name, unordered } = arriving;
    const { destination, at, others } = await this.#site(name, contexts);
    const index = this.#comparisons.indexOf(name);
    if (index !== undefined && unordered) {
      throw new CtxsyncError(
        'corrupt',
        `the entries that were asked for of "${name}" come in no order`,
      );
    }
    const { root, arrived, omitted } = await threads.run(thread, 'unpack', {
      ring: ring.shared,
      destination,
      name: at,
      others,
      budget: budgets.trees.shared.buffer,
      unordered,
      index,
    });
    arriving.arrived = arrived;
    arriving.omitted = omitted;
    this.#root ??= root;
  }

  async #commit(): Promise<void> {
    const { threads, monitor, onCommit, onWarning, onRemoved } = this.#options;
    const destination = this.#destination!;
    onCommit();
    monitor.enter('committing');
    const compared = this.#comparisons.contexts();
    const { itemizes } = this.#options;
    const options = { mirror: this.#mirror(), root: this.#root, compared, itemizes: itemizes() };
    const result = await threads.run(this.#thread, 'commit', { destination, options });
    this.#destination = undefined;
    this.#removed = result.removed.count;
    this.#items = result.items;
    onRemoved(result.removed);
    this.committed = true;
    for (const message of result.warnings) onWarning(message);
  }

  /** If all contexts have names, only their own directories are mirrored. */
  #mirror(): Mirror | undefined {
    const { delete: mirrors = false, allowEmpty = false, maxDelete = Infinity } = this.#options.to;
    if (!mirrors) return undefined;
    const names = this.#arriving.map(({ name }) => this.#pathInOut(name));
    const empty = this.contexts().filter(({ name, entries }) => {
      const { metadataOnly = 0, unchanged = 0 } = this.#comparisons.counts(name) ?? {};
      return entries + metadataOnly + unchanged === 0;
    });
    return { names, empty: empty.map(({ name }) => this.#pathInOut(name)), allowEmpty, maxDelete };
  }

  /** The name in the directory that a context becomes. */
  #pathInOut(name: string): BytePath {
    return name === this.#options.base ? '' : fromText(name);
  }

  /** An empty stage is not worth keeping: it would only displace another one. */
  #keep({ code }: CtxsyncError, duplex: boolean): Keep {
    if (!BROKEN_OFF.has(code)) return 'nothing';
    const arrived = this.contexts().some(({ entries }) => entries > 0);
    return duplex && arrived ? 'all' : 'partialStages';
  }

  #warnOfStage({ out, stage }: Destination): void {
    const left = `${toText(stage)} is left behind; the next receive uses or removes it`;
    const midCommit = this.#committing !== undefined && !this.#settled;
    const message = midCommit
      ? `the disk hung in the middle of the commit: ${toText(out)} may hold a part of the context; receive it again. ${left}`
      : `the disk does not allow cleaning up: ${left}`;
    this.#options.onWarning(message);
  }
}
