import type { Budget } from '../archive/budget.ts';
import type { Destination } from '../dest/destination.ts';
import type { FolderMetadata } from '../dest/folder-metadata.ts';
import { fromText } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { MAX_STREAMS, TICK_MS } from '../limits.ts';
import type { ContextReport } from '../observe/events.ts';
import { within } from '../within.ts';
import type { IncomingStream } from '../wire/demux.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import type { Crew } from './crew.ts';
import { graceMs } from './give-up.ts';
import type { Landing } from './landing.ts';
import type { Monitor } from './monitor.ts';
import { Turns } from './turns.ts';

export interface FolderLandingOptions {
  /** Settles when the folder may be worked on. */
  place: () => Promise<Place>;
  /** Take out of the folder what the contexts do not have. */
  mirror: boolean;
  crew: Crew;
  monitor: Monitor;
  budget: Budget;
  onFailure: (error: CtxsyncError) => void;
  onWarning: (message: string) => void;
  /** From here on nobody should interrupt. */
  onCommit: () => void;
}

/** Where contexts land. */
export interface Place {
  folder: string;
  /** The context that becomes the folder itself; each other one becomes a folder in it. */
  context: string;
}

interface Context {
  name: string;
  /** Absent while it waits for its turn. */
  thread?: DiskThread;
  worked: Promise<void>;
}

/** `receive OUT`: ring -> unpack -> stage, one thread a stream, and then the commit of them all. */
export class FolderLanding implements Landing {
  readonly #options: FolderLandingOptions;
  #hired: DiskThread | undefined;
  readonly #contexts: Context[] = [];
  /** A stream that ended on the wire may still be unpacked when the next one opens. */
  readonly #turns = new Turns(MAX_STREAMS);
  #prepared: Promise<Destination> | undefined;
  /** What is to be taken back, while there is anything. */
  #destination: Destination | undefined;
  /** The context that becomes the folder itself. */
  #base = '';
  #root: FolderMetadata | undefined;
  #committing: Promise<void> | undefined;
  #settled = false;
  committed = false;

  constructor(options: FolderLandingOptions) {
    this.#options = options;
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

  open({ name }: IncomingStream): Ring {
    const ring = this.#options.crew.ring();
    const context: Context = { name, worked: Promise.resolve() };
    context.worked = this.#receive(context, ring);
    // The failure of one stream is the run's at once, and not when its turn to be awaited comes.
    context.worked.catch((error: unknown) => this.#options.onFailure(CtxsyncError.from(error)));
    this.#contexts.push(context);
    return ring;
  }

  async worked(): Promise<void> {
    await Promise.all(this.#contexts.map(({ worked }) => worked));
  }

  async commit(): Promise<void> {
    this.#committing = this.#commit();
    await this.#committing;
  }

  async settle(error: CtxsyncError): Promise<void> {
    this.#settled = await this.#options.crew.settle(graceMs(error));
    // The disk answered in the end: what became of the commit is known in a moment.
    if (this.#settled && this.#committing !== undefined) await within(TICK_MS, this.#committing);
  }

  async discard(error: CtxsyncError): Promise<void> {
    const destination = this.#destination;
    if (destination === undefined) return;
    const { crew } = this.#options;
    const clean = this.#settled && (await crew.cleanUp('discard', { destination }, graceMs(error)));
    if (clean) return;
    crew.cleanUpLater('discard', { destination });
    this.#warnOfStage(destination);
  }

  contexts(): ContextReport[] {
    return this.#contexts.map(({ name, thread }) => {
      const { entries, bytes } = thread?.gauge.read() ?? { entries: 0, bytes: 0 };
      return { name, entries, bytes };
    });
  }

  outputPendingMs(): undefined {
    return undefined;
  }

  /**
   * Does what is to be done once: prepare and commit; and the first stream in between. Hired when
   * there is something to do, so that a transfer that waits for its place costs no thread.
   */
  get #thread(): DiskThread {
    if (this.#hired === undefined) {
      const { crew, monitor } = this.#options;
      this.#hired = crew.hire();
      monitor.watch(this.#hired, true);
    }
    return this.#hired;
  }

  async #prepare(): Promise<Destination> {
    const { crew, monitor, place } = this.#options;
    const { folder, context } = await place();
    this.#base = context;
    // A context's name is the sender's word: it must not lead out of OUT.
    const input = { out: fromText(folder), follow: context === '' };
    this.#destination = await crew.run(this.#thread, 'prepare', input);
    monitor.enter('receiving');
    return this.#destination;
  }

  /** After a failure nobody else gets a turn. */
  async #receive(context: Context, ring: Ring): Promise<void> {
    const { crew, monitor } = this.#options;
    const first = this.#contexts.length === 0;
    await this.#turns.take();
    const thread = first ? this.#thread : crew.hire();
    context.thread = thread;
    if (!first) monitor.watch(thread, true);
    await this.#unpack(thread, ring, context.name);
    if (!first) await crew.dismiss(thread, ring);
    this.#turns.done();
  }

  async #unpack(thread: DiskThread, ring: Ring, name: string): Promise<void> {
    const destination = await this.#prepared!;
    const { crew, budget } = this.#options;
    const { root } = await crew.run(thread, 'unpack', {
      ring: ring.shared,
      destination,
      name: fromText(name === this.#base ? '' : name),
      budget: budget.shared.buffer,
    });
    this.#root ??= root;
  }

  async #commit(): Promise<void> {
    const { crew, monitor, mirror, onCommit, onWarning } = this.#options;
    const destination = this.#destination!;
    onCommit();
    monitor.enter('committing');
    const options = { delete: mirror, root: this.#root };
    const result = await crew.run(this.#thread, 'commit', { destination, options });
    this.#destination = undefined;
    this.committed = true;
    for (const message of result.warnings) onWarning(message);
  }

  #warnOfStage({ out, stage }: Destination): void {
    const left = `${stage} is left, the next receive removes it`;
    const midCommit = this.#committing !== undefined && !this.#settled;
    const message = midCommit
      ? `the disk hung in the middle of the commit: ${out} may hold a part of the context; receive it again. ${left}`
      : `the disk does not let us clean up: ${left}`;
    this.#options.onWarning(message);
  }
}
