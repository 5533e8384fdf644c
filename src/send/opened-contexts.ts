import type { IgnoreFile } from '../ignore/load-rules.ts';
import type { DiskThreads } from '../transfer/disk-threads.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import type { OpenedContext } from '../worker/jobs.ts';
import type { DirectoryContext } from './context.ts';

/** The contexts of a run, each opened once, by whichever job needs it first. */
export class OpenedContexts {
  readonly #threads: Pick<DiskThreads, 'run'>;
  readonly #opened = new Map<DirectoryContext, Promise<OpenedContext>>();
  /** By the paths of --ignore-file: a pipe can be read only once. */
  readonly #ignoreFiles = new Map<string, Promise<IgnoreFile>>();

  constructor(threads: Pick<DiskThreads, 'run'>) {
    this.#threads = threads;
  }

  /**
   * Finds the root of a context and its rules, once for all of its walks.
   * @param thread used if the context is not open yet
   * @throws CtxsyncError source-missing, bad-ignore-rule, usage
   */
  open(context: DirectoryContext, thread: DiskThread): Promise<OpenedContext> {
    const before = this.#opened.get(context);
    if (before !== undefined) return before;
    const opened = this.#open(context, thread);
    this.#opened.set(context, opened);
    return opened;
  }

  async #open(
    { directory, ignore = {} }: DirectoryContext,
    thread: DiskThread,
  ): Promise<OpenedContext> {
    const { ignoreFile: path, noIgnore = false } = ignore;
    const ignoreFile =
      path === undefined || noIgnore ? undefined : await this.#ignoreFile(path, thread);
    return this.#threads.run(thread, 'openContext', { source: { directory, ignore }, ignoreFile });
  }

  #ignoreFile(path: string, thread: DiskThread): Promise<IgnoreFile> {
    const before = this.#ignoreFiles.get(path);
    if (before !== undefined) return before;
    const file = this.#threads.run(thread, 'readIgnoreFile', { path });
    this.#ignoreFiles.set(path, file);
    return file;
  }
}
