import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import type { Amount } from '../observe/work.ts';
import type { ContextReport, Finding } from '../report.ts';
import type { FindingOptions } from '../survey/findings.ts';
import { fromTar } from '../transport/to-transport.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import type { Jobs, OpenedContext, PathNote, UnnamedPaths } from '../worker/jobs.ts';
import type { DiskThreads } from '../transfer/disk-threads.ts';
import {
  nameOf,
  type Context,
  type DirectoryContext,
  type EntriesContext,
  type TarContext,
} from './context.ts';
import { EntriesSource } from './entries-source.ts';
import { HeldNotes } from './held-notes.ts';
import { OpenedContexts } from './opened-contexts.ts';
import type { Answers, Wants } from './answers.ts';
import type { Input, SilentInput } from './input.ts';
import type { ReceiverLink } from './receiver-link.ts';
import { TarSource } from './tar-source.ts';

export interface ContextSenderOptions {
  threads: DiskThreads;
  receiver: ReceiverLink;
  /** Have the receiver compare file contents instead of size and mtime. */
  checksum: boolean;
  /** What counts as a finding. */
  checks: FindingOptions;
  /** Called with what is in a context and is rarely meant to be sent, once for each context. */
  onFindings: (findings: readonly Finding[], context: string) => void;
  /** Called for each context that is sent as a whole, because the receiver has nothing to compare it with. */
  onAllWanted: (context: DirectoryContext) => void;
  /** Called with what is in a context, once it is listed. */
  onListed: (context: DirectoryContext, amount: Amount) => void;
  /** Called for paths that are not sent, or not exactly as they are. */
  onNote: (note: PathNote | UnnamedPaths) => void;
}

/** The disk side of a sender: disk -> walk -> pack -> ring, with one or three streams per context. */
export class ContextSender {
  readonly #options: ContextSenderOptions;
  readonly #sending: { name: string; thread: DiskThread }[] = [];
  readonly #opened: OpenedContexts;
  /** Threads that have opened contexts ahead, and wait for them to be sent. */
  readonly #ready = new Map<Context, DiskThread>();
  /** What comes from elsewhere than our disk. */
  readonly #inputs: Input[] = [];

  constructor(options: ContextSenderOptions) {
    this.#options = options;
    this.#opened = new OpenedContexts(options.threads);
  }

  /**
   * Opens contexts before it is known how they are sent, so that what is wrong with one is known at once.
   * @throws CtxsyncError as open()
   */
  async openAhead(contexts: readonly Context[]): Promise<void> {
    const opening = contexts.flatMap((context) => {
      if (!('directory' in context)) return [];
      const thread = this.#startThread(nameOf(context));
      this.#ready.set(context, thread);
      return [this.open(context, thread)];
    });
    await Promise.all(opening);
  }

  /** Sends all of a context. Settles when its last byte has been handed to the transport. */
  async sendWhole(context: Context): Promise<void> {
    const { threads, receiver, checks, onFindings } = this.#options;
    const thread = this.#threadOf(context);
    const ring = threads.ring('tree');
    const unordered = 'directory' in context ? undefined : true;
    const stream = receiver.open({ kind: 'tree', name: nameOf(context), unordered }, ring);
    if ('directory' in context) {
      const source = await this.open(context, thread);
      const packed = threads.run(thread, 'pack', { source, ring: ring.shared, checks });
      onFindings(await packed, nameOf(context));
    } else await this.#sendInput(context, thread, ring);
    await stream.ended;
    await threads.release(thread, ring);
  }

  /** Sends the manifest of a context, and then the entries that the receiver asks for. */
  async sendChanges(context: DirectoryContext, answers: Answers): Promise<void> {
    const { threads, receiver, checksum, checks, onAllWanted, onListed, onFindings } =
      this.#options;
    const name = nameOf(context);
    // If everything is wanted, the walk that packs it reports the same paths again.
    const words = new HeldNotes(this.#options.onNote);
    const lister = threads.start((note) => words.add(note));
    receiver.monitor.watch(lister, false);
    const packer = this.#threadOf(context);
    const manifest = threads.ring('manifest');
    const asked = answers.wants(name);
    const listing = receiver.open({ kind: 'manifest', name }, manifest);
    const source = await this.open(context, packer);
    const what = { source, checksum, checks };
    const listed = this.#list(lister, manifest, what, asked).then((list) => {
      if (list === undefined) return;
      onListed(context, list.amount);
      onFindings(list.findings, name);
    });
    // The receiver never answers for a context that could not be listed.
    const wants = await Promise.race([asked, listed.then(() => asked)]).catch((error: unknown) => {
      words.release();
      throw error;
    });
    if (wants.all) {
      words.drop();
      receiver.monitor.enter('sending');
      onAllWanted(context);
    } else words.release();
    const tree = threads.ring('tree');
    const stream = receiver.open({ kind: 'tree', name }, tree);
    await Promise.all([listed, this.#pack(packer, { name, source }, wants, tree)]);
    await Promise.all([listing.ended, stream.ended]);
    await Promise.all([
      threads.release(lister, manifest),
      threads.release(packer, tree, wants.ring),
    ]);
  }

  /**
   * Finds the root of a context and its rules, once for all of its walks.
   * @param thread used if the context is not open yet
   * @throws CtxsyncError source-missing, bad-ignore-rule, usage
   */
  open(context: DirectoryContext, thread: DiskThread): Promise<OpenedContext> {
    return this.#opened.open(context, thread);
  }

  /** Gives up waiting for what comes from elsewhere, which no ring can wake. */
  destroy(): void {
    for (const input of this.#inputs) input.destroy();
  }

  contexts(): ContextReport[] {
    return this.#sending.map(({ name, thread }) => {
      const { entries, bytes } = thread.status.read();
      return { name, entries, bytes };
    });
  }

  /** Bytes that have come so far of what comes from elsewhere. */
  get inputBytes(): number {
    return this.#inputs.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** What comes from elsewhere and has been waited for longest; undefined when nothing is. */
  silentInput(now: number): SilentInput | undefined {
    const silent = this.#inputs.flatMap((input) => {
      const silentMs = input.silentMs(now);
      return silentMs === undefined ? [] : [{ what: input.what, silentMs }];
    });
    return silent.toSorted((a, b) => b.silentMs - a.silentMs)[0];
  }

  /**
   * Stops listing when the receiver wants everything, as nobody needs the rest of the list then.
   * @returns what is in the context, if all of it was listed
   */
  async #list(
    thread: DiskThread,
    ring: Ring,
    what: Omit<Jobs['list']['input'], 'ring'>,
    asked: Promise<Wants>,
  ): Promise<Jobs['list']['result'] | undefined> {
    let needed = true;
    void asked.then(({ all }) => {
      needed = !all;
      if (all) thread.cancel();
    });
    await Promise.resolve(); // an answer that has already arrived counts
    if (!needed) {
      ring.end();
      return undefined;
    }
    try {
      return await this.#options.threads.run(thread, 'list', { ...what, ring: ring.shared });
    } catch (error) {
      if (needed || CtxsyncError.from(error).code !== 'interrupted') throw error;
      ring.end();
      return undefined;
    }
  }

  async #pack(
    thread: DiskThread,
    { name, source }: { name: string; source: OpenedContext },
    { all, ring: wants }: Wants,
    tree: Ring,
  ): Promise<void> {
    const { threads, checks, onFindings } = this.#options;
    const input = { source, ring: tree.shared };
    if (all) {
      onFindings(await threads.run(thread, 'pack', { ...input, checks }), name);
      return;
    }
    await threads.run(thread, 'packWanted', { ...input, wants: wants.shared });
  }

  async #sendInput(
    context: TarContext | EntriesContext,
    thread: DiskThread,
    ring: Ring,
  ): Promise<void> {
    const { threads } = this.#options;
    const isTar = 'tar' in context;
    const from = threads.ring(isTar ? 'tar' : 'entries');
    const input = isTar
      ? new TarSource(fromTar(context.tar), from)
      : new EntriesSource(context, from);
    this.#inputs.push(input);
    const rings = { from: from.shared, to: ring.shared };
    const packed = threads.run(thread, isTar ? 'readTar' : 'readEntries', rings);
    await Promise.all([input.run(), packed]);
  }

  #threadOf(context: Context): DiskThread {
    return this.#ready.get(context) ?? this.#startThread(nameOf(context));
  }

  #startThread(name: string): DiskThread {
    const { threads, receiver } = this.#options;
    const thread = threads.start();
    receiver.monitor.watch(thread, true);
    this.#sending.push({ name, thread });
    return thread;
  }
}
