import { Budget } from '../entry/budget.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import type { ContextReport } from '../observe/events.ts';
import type { Incoming } from '../transport/transport.ts';
import type { IgnoreFile, IgnoreOptions } from '../ignore/load-rules.ts';
import type { Mux } from '../wire/mux.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import type { OpenedContext, PathWord, UnnamedPaths } from '../worker/jobs.ts';
import type { Crew } from '../transfer/disk-threads.ts';
import { HeldWords } from './held-notes.ts';
import type { Monitor } from '../transfer/monitor.ts';
import type { Replies, Wants } from './replies.ts';
import { TarInput } from './tar-source.ts';

/** What is sent: a folder, or a tar (plain or gzip) that comes from elsewhere. */
export type Context = FolderContext | { tar: Incoming };

export interface FolderContext {
  folder: string;
  /** Where the ignore rules come from; default: the context's own ignore file. */
  ignore?: IgnoreOptions | undefined;
  /** The folder in OUT that it becomes; '' or absent: OUT itself. */
  name?: string | undefined;
}

export interface ContextSenderOptions {
  crew: Crew;
  monitor: Monitor;
  mux: Mux;
  /** Have the receiver compare contents, and not only sizes and times. */
  checksum: boolean;
  /** Told of each context that the receiver has nothing to compare with: all of it is sent. */
  onAllWanted: () => void;
  /** Told about paths that do not travel, or not as they are. */
  onWord: (word: PathWord | UnnamedPaths) => void;
}

/** The disk's end of a sender: disk -> walk -> pack -> ring, one stream a context, or three. */
export class ContextSender {
  readonly #options: ContextSenderOptions;
  readonly #sending: { name: string; thread: DiskThread }[] = [];
  /** By context: opened once, whoever needs it first. */
  readonly #opened = new Map<FolderContext, Promise<OpenedContext>>();
  /** By the paths of --ignore-file: a pipe can be read only once. */
  readonly #ignoreFiles = new Map<string, Promise<IgnoreFile>>();
  #input: TarInput | undefined;

  constructor(options: ContextSenderOptions) {
    this.#options = options;
  }

  /** Sends all of a context. Settles when its last byte was handed over. */
  async sendWhole(context: Context): Promise<void> {
    const { crew, mux } = this.#options;
    const thread = this.#hire(nameOf(context));
    const ring = crew.ring();
    const stream = mux.open('tree', nameOf(context), ring);
    if ('tar' in context) await this.#sendTar(context.tar, thread, ring);
    else {
      const source = await this.open(context, thread);
      await crew.run(thread, 'pack', { source, ring: ring.shared });
    }
    await stream.ended;
    await crew.dismiss(thread, ring);
  }

  /** Tells the receiver what a context holds, and sends what it then asks for. */
  async sendChanges(context: FolderContext, replies: Replies): Promise<void> {
    const { crew, monitor, mux, checksum } = this.#options;
    const name = nameOf(context);
    // Where everything is wanted, another walk says the same anew.
    const words = new HeldWords(this.#options.onWord);
    const lister = crew.hire((word) => words.add(word));
    monitor.watch(lister, false);
    const packer = this.#hire(name);
    const manifest = crew.ring();
    const asked = replies.wants(name);
    const listing = mux.open('manifest', name, manifest);
    const source = await this.open(context, packer);
    const listed = this.#list(lister, manifest, { source, checksum }, asked);
    // A context that cannot be listed is never asked for.
    const wants = await Promise.race([asked, listed.then(() => asked)]).catch((error: unknown) => {
      words.release();
      throw error;
    });
    if (wants.all) words.drop();
    else words.release();
    const tree = crew.ring();
    const stream = mux.open('tree', name, tree);
    await Promise.all([listed, this.#pack(packer, source, wants, tree)]);
    await Promise.all([listing.ended, stream.ended]);
    await Promise.all([crew.dismiss(lister, manifest), crew.dismiss(packer, tree, wants.ring)]);
  }

  /**
   * Finds the root of a context and its rules, once for all of its walks.
   * @param thread that does it, if it is not done yet
   * @throws CtxsyncError source-missing, bad-ignore-rule, usage
   */
  open(context: FolderContext, thread: DiskThread): Promise<OpenedContext> {
    const before = this.#opened.get(context);
    if (before !== undefined) return before;
    const opened = this.#open(context, thread);
    this.#opened.set(context, opened);
    return opened;
  }

  /** Gives up what no ring can wake. */
  destroy(): void {
    this.#input?.destroy();
  }

  contexts(): ContextReport[] {
    return this.#sending.map(({ name, thread }) => {
      const { entries, bytes } = thread.gauge.read();
      return { name, entries, bytes };
    });
  }

  /** Bytes of the tar on stdin that came. */
  get inputBytes(): number {
    return this.#input?.bytes ?? 0;
  }

  /** Milliseconds for which we have waited for the tar on stdin; undefined when we do not. */
  inputSilentMs(now: number): number | undefined {
    return this.#input?.silentMs(now);
  }

  async #open({ folder, ignore = {} }: FolderContext, thread: DiskThread): Promise<OpenedContext> {
    const { crew } = this.#options;
    const { ignoreFile: path, noIgnore = false } = ignore;
    const ignoreFile =
      path === undefined || noIgnore ? undefined : await this.#ignoreFile(path, thread);
    return crew.run(thread, 'openContext', { source: { folder, ignore }, ignoreFile });
  }

  #ignoreFile(path: string, thread: DiskThread): Promise<IgnoreFile> {
    const before = this.#ignoreFiles.get(path);
    if (before !== undefined) return before;
    const file = this.#options.crew.run(thread, 'readIgnoreFile', { path });
    this.#ignoreFiles.set(path, file);
    return file;
  }

  /** Until the receiver wants everything: then nobody needs the rest of the list. */
  async #list(
    thread: DiskThread,
    ring: Ring,
    what: { source: OpenedContext; checksum: boolean },
    asked: Promise<Wants>,
  ): Promise<void> {
    let needed = true;
    void asked.then(({ all }) => {
      needed = !all;
      if (all) thread.cancel();
    });
    await Promise.resolve(); // an answer that came already counts
    if (!needed) return ring.end();
    try {
      await this.#options.crew.run(thread, 'list', { ...what, ring: ring.shared });
    } catch (error) {
      if (needed || CtxsyncError.from(error).code !== 'interrupted') throw error;
      ring.end();
    }
  }

  async #pack(
    thread: DiskThread,
    source: OpenedContext,
    { all, ring: wants }: Wants,
    tree: Ring,
  ): Promise<void> {
    const { crew, monitor, onAllWanted } = this.#options;
    const input = { source, ring: tree.shared };
    if (all) {
      monitor.enter('sending');
      onAllWanted();
      await crew.run(thread, 'pack', input);
      return;
    }
    await crew.run(thread, 'packWanted', { ...input, wants: wants.shared });
  }

  async #sendTar(tar: Incoming, thread: DiskThread, ring: Ring): Promise<void> {
    const { crew } = this.#options;
    const input = crew.ring();
    this.#input = new TarInput(tar, input);
    const unlimited = { maxEntries: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER };
    const repacked = crew.run(thread, 'repack', {
      from: input.shared,
      to: ring.shared,
      name: '',
      budget: Budget.create(unlimited).shared.buffer,
      origin: 'input',
    });
    await Promise.all([this.#input.run(), repacked]);
  }

  #hire(name: string): DiskThread {
    const { crew, monitor } = this.#options;
    const thread = crew.hire();
    monitor.watch(thread, true);
    this.#sending.push({ name, thread });
    return thread;
  }
}

/** The name under which a context travels. */
export function nameOf(context: Context): string {
  return 'tar' in context ? '' : (context.name ?? '');
}
