import { toText } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import {
  DEFAULT_STALL_AFTER_MS,
  DEFAULT_STALL_TIMEOUT_MS,
  SUSPENSION_MS,
  TICK_MS,
} from '../limits.ts';
import { StallDetector, type StallEvent } from '../observe/stall-detector.ts';
import { StatusWatch } from '../observe/status-watch.ts';
import { isCall } from '../observe/state-words.ts';
import { verdictOf } from '../observe/verdict.ts';
import type { DirectoryContext } from '../send/context.ts';
import { OpenedContexts } from '../send/opened-contexts.ts';
import { DiskThreads } from '../transfer/disk-threads.ts';
import { FirstFailure } from '../transfer/first-failure.ts';
import { graceMs } from '../transfer/grace-period.ts';
import { apart } from '../transfer/listener.ts';
import type { JobName, Jobs, OpenedContext } from '../worker/jobs.ts';
import type { ExplainEvent, ExplainOptions } from './explain-options.ts';

/**
 * A disk thread that reads contexts, and what happens around it: progress, a disk that does not answer, an
 * interruption. The main thread never touches the disk, so a dead one holds up nobody.
 */
export class ContextReader {
  readonly #onEvent: (event: ExplainEvent) => void;
  readonly #threads = new DiskThreads('sender', () => {});
  readonly #thread = this.#threads.start();
  readonly #watch = new StatusWatch(this.#thread.status);
  readonly #contexts = new OpenedContexts(this.#threads);
  readonly #failure: FirstFailure;
  readonly #detector: StallDetector;
  #ticksOutsideCalls = 0;

  constructor(options: ExplainOptions) {
    this.#onEvent = apart(options.onEvent) ?? (() => {});
    this.#failure = new FirstFailure(options.signal);
    this.#detector = new StallDetector({
      stallAfterMs: options.stallAfterMs ?? DEFAULT_STALL_AFTER_MS,
      stallTimeoutMs: options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS,
      suspensionMs: SUSPENSION_MS,
      startedAt: performance.now(),
    });
  }

  open(context: DirectoryContext): Promise<OpenedContext> {
    return this.#contexts.open(context, this.#thread);
  }

  run<Name extends JobName>(name: Name, input: Jobs[Name]['input']): Promise<Jobs[Name]['result']> {
    return this.#threads.run(this.#thread, name, input);
  }

  ring(): Ring {
    return this.#threads.ring('list');
  }

  /**
   * Does the work, and ends the thread, however the work ends.
   * @throws CtxsyncError what it failed with; interrupted; stalled
   */
  async finish<Result>(work: () => Promise<Result>): Promise<Result> {
    const timer = setInterval(() => this.#tick(performance.now()), TICK_MS);
    try {
      return await this.#failure.race(work());
    } catch (thrown) {
      const error = withoutCommit(CtxsyncError.from(thrown));
      this.#threads.cancel();
      await this.#threads.settle(graceMs(error));
      throw error;
    } finally {
      clearInterval(timer);
      this.#failure.close();
      await this.#threads.end(Promise.resolve());
    }
  }

  #tick(now: number): void {
    const { snapshot, pendingMs } = this.#watch.look(now);
    const { state, path, entries, calls, bytes } = snapshot;
    this.#onEvent({ type: 'scanned', entries, path: toText(path) });
    // A reader of the list who takes his time, such as a pager, is no stall.
    if (!isCall(state)) this.#ticksOutsideCalls += 1;
    const diskWork = calls + bytes + this.#ticksOutsideCalls;
    const movement = { payloadBytes: 0, diskWork, claims: 0, busy: true, queued: false };
    const verdict = () =>
      verdictOf({
        side: 'sender',
        disks: [{ state, path, pendingMs }],
        bytesPerSecond: 0,
        reading: false,
        silentMs: 0,
        arrivedBytes: 0,
      });
    for (const event of this.#detector.tick(now, movement, verdict)) this.#handle(event);
  }

  #handle(event: StallEvent): void {
    if (event.type === 'resumed') return this.#onEvent(event);
    const { stalledMs, verdict } = event;
    // There is no other side.
    const text = verdict.text.replace(/^sender is /, '');
    if (event.type === 'stall') return this.#onEvent({ type: 'stall', stalledMs, text });
    const seconds = Math.round(stalledMs / 1_000);
    const message = `gave up after ${seconds}s ${event.what}: ${text}`;
    this.#failure.fail(new CtxsyncError('stalled', message, { path: verdict.path }));
  }
}

/** Nothing could have been committed. */
function withoutCommit(error: CtxsyncError): CtxsyncError {
  if (error.code !== 'interrupted') return error;
  return new CtxsyncError('interrupted', 'interrupted', { cause: error.cause });
}
