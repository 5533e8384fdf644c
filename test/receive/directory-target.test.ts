import { describe, expect, test, vi } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { Budget } from '../../src/entry/budget.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_STREAMS } from '../../src/limits.ts';
import { DirectoryTarget } from '../../src/receive/directory-target.ts';
import type { DirectoryTargetOptions } from '../../src/receive/target-options.ts';
import { DiskThreads } from '../../src/transfer/disk-threads.ts';
import type { Monitor } from '../../src/transfer/monitor.ts';
import type { IncomingStream } from '../../src/wire/demux.ts';
import { FakeDiskThread } from '../helpers/disk/fake-disk-thread.ts';
import { settle } from '../helpers/wire/harness.ts';

const STAGE = '/out/.ctxsync-0123456789abcdef';
const DESTINATION = { out: '/out', stage: STAGE, warnings: ['a warning'] };
const UNPACKED = { root: { mode: 0o755, mtimeUs: 0 }, arrived: undefined, omitted: undefined };
const COMMITTED = { removed: { count: 2, paths: ['a', 'b'] }, warnings: [] };

/** A job, and what it was started with. */
interface Job {
  name: string;
  input: Record<string, unknown>;
}

/** A target whose disk threads are the test's. */
class Tried {
  readonly threads: (FakeDiskThread & { inputs: Job[] })[] = [];
  readonly failures: CtxsyncError[] = [];
  readonly warnings: string[] = [];
  readonly phases: string[] = [];
  readonly onCommit = vi.fn<() => void>();
  readonly diskThreads = new DiskThreads(
    'receiver',
    () => {},
    () => this.#thread(),
  );
  readonly target: DirectoryTarget;

  constructor(to: Partial<DirectoryTargetOptions> = {}, base = '') {
    const unlimited = (): Budget => Budget.unlimited();
    this.target = new DirectoryTarget({
      to: { directory: '/out', ...to },
      base,
      threads: this.diskThreads,
      monitor: {
        watch: () => {},
        enter: (phase: string) => this.phases.push(phase),
      } as unknown as Monitor,
      budgets: { manifests: unlimited(), trees: unlimited() },
      openWants: () => Promise.resolve(),
      onCompared: () => {},
      keepWaiting: () => Promise.resolve(),
      itemizes: () => false,
      onFailure: (error) => this.failures.push(error),
      onWarning: (message) => this.warnings.push(message),
      onRemoved: () => {},
      onCommit: this.onCommit,
    });
  }

  async prepared(): Promise<void> {
    const preparing = this.target.prepare();
    this.threads[0]!.finish(DESTINATION);
    await preparing;
  }

  open(name: string, kind: IncomingStream['kind'] = 'tree'): void {
    this.target.open({ id: 1, kind, name }, []);
  }

  /** What the job of this name was started with, on whichever thread. */
  inputOf(name: string): Record<string, unknown> | undefined {
    return this.threads.flatMap(({ inputs }) => inputs).find((job) => job.name === name)?.input;
  }

  #thread(): FakeDiskThread {
    const inputs: Job[] = [];
    const thread = Object.assign(new FakeDiskThread(), { inputs });
    const run = thread.run.bind(thread);
    thread.run = (name, input?: unknown) => {
      inputs.push({ name, input: input as Record<string, unknown> });
      return run(name);
    };
    this.threads.push(thread);
    return thread;
  }
}

test('a context is received on the thread that prepares and commits', async () => {
  const tried = new Tried();
  await tried.prepared();
  expect(tried.warnings).toEqual(['a warning']);
  tried.open('web');
  await settle();
  tried.threads[0]!.status.addEntry();
  tried.threads[0]!.finish(UNPACKED);
  await tried.target.worked();
  const committing = tried.target.commit();
  expect(tried.onCommit).toHaveBeenCalledOnce();
  tried.threads[0]!.finish(COMMITTED);
  await committing;
  expect(tried.threads[0]!.jobs).toEqual(['prepare', 'unpack', 'commit']);
  expect(tried.threads).toHaveLength(1);
  expect(tried.target.committed).toBe(true);
  expect(tried.target.counts()).toEqual({
    written: 1,
    reused: 0,
    metadataOnly: 0,
    unchanged: 0,
    removed: 2,
  });
  expect(tried.phases).toEqual(['receiving', 'committing']);
});

test('a directory that a sender has named is not followed where it is a symlink', async () => {
  const named = new Tried({ directory: '/out/web' }, 'web');
  await named.prepared();
  expect(named.inputOf('prepare')).toMatchObject({ out: '/out/web', follow: false });
  const ours = new Tried();
  await ours.prepared();
  expect(ours.inputOf('prepare')).toMatchObject({ out: '/out', follow: true });
});

test('the context that becomes the directory itself has no name in it, and others do', async () => {
  const tried = new Tried({}, 'web');
  await tried.prepared();
  tried.open('web');
  tried.open('docs');
  await settle();
  const names = tried.threads.map(({ inputs }) => inputs.at(-1)?.input['name']);
  expect(names).toEqual(['', 'docs']);
});

test('more streams than MAX_STREAMS wait for their turn, and nothing more is read', async () => {
  const tried = new Tried();
  await tried.prepared();
  for (let i = 0; i <= MAX_STREAMS; i++) tried.open(`context-${i}`);
  await settle();
  expect(tried.target.crowded).toBe(true);
  expect(tried.threads).toHaveLength(MAX_STREAMS);
  tried.threads[1]!.finish(UNPACKED);
  await tried.target.noneWaiting();
  expect(tried.target.crowded).toBe(false);
});

test('the same stream twice is corrupt', async () => {
  const tried = new Tried();
  await tried.prepared();
  tried.open('web');
  expect(() => tried.open('web')).toThrow(expect.objectContaining({ code: 'corrupt' }));
});

test('a stream that fails fails the run at once', async () => {
  const tried = new Tried();
  await tried.prepared();
  tried.open('web');
  await settle();
  tried.threads[0]!.fail(new CtxsyncError('no-space', 'full'));
  await settle();
  expect(tried.failures).toEqual([expect.objectContaining({ code: 'no-space' })]);
});

test('a mirror is told which contexts came empty', async () => {
  const tried = new Tried({ delete: true, maxDelete: 5 });
  await tried.prepared();
  tried.open('web');
  await settle();
  tried.threads[0]!.finish(UNPACKED);
  await tried.target.worked();
  void tried.target.commit();
  expect(tried.inputOf('commit')).toMatchObject({
    options: { mirror: { names: ['web'], empty: ['web'], allowEmpty: false, maxDelete: 5 } },
  });
});

describe('what an unfinished transfer leaves', () => {
  const LOST = new CtxsyncError('truncated', 'the connection ended');

  async function failed(error: CtxsyncError, duplex: boolean, entries: number): Promise<Tried> {
    const tried = new Tried();
    await tried.prepared();
    tried.open('web');
    await settle();
    const [thread] = tried.threads;
    for (let i = 0; i < entries; i++) thread!.status.addEntry();
    tried.diskThreads.cancel();
    await tried.target.settle(error);
    const discarding = tried.target.discard(error, duplex);
    thread!.finish();
    await discarding;
    return tried;
  }

  test.each([
    ['its stage, where a sender may resume', LOST, true, 3, 'all'],
    ['no empty stage', LOST, true, 0, 'partialStages'],
    ['no stage, where no sender can resume', LOST, false, 3, 'partialStages'],
    ['nothing of what was refused', new CtxsyncError('unsafe-entry', '..'), true, 3, 'nothing'],
  ] as const)('is %s', async (_, error, duplex, entries, keep) => {
    const tried = await failed(error, duplex, entries);
    expect(tried.inputOf('discard')).toMatchObject({ keep });
    expect(tried.warnings.slice(1)).toEqual(
      keep === 'all' ? [`what arrived is kept in ${STAGE}; the next send resumes from there`] : [],
    );
  });

  test('is named where the disk hangs, also in the middle of a commit', async () => {
    vi.useFakeTimers();
    try {
      const tried = new Tried();
      await tried.prepared();
      const [thread] = tried.threads;
      thread!.isStuck = true;
      tried.target.commit().catch(() => {});
      thread!.status.enter('committing', '/out/a');
      tried.diskThreads.cancel();
      const given = (async () => {
        await tried.target.settle(LOST);
        await tried.target.discard(LOST, true);
      })();
      await vi.advanceTimersByTimeAsync(60_000);
      await given;
      expect(tried.warnings.at(-1)).toMatch(/the disk hung in the middle of the commit: \/out may/);
      expect(tried.warnings.at(-1)).toContain(`${STAGE} is left behind`);
    } finally {
      vi.useRealTimers();
    }
  });
});

test('its threads report entries and bytes of each context', async () => {
  const tried = new Tried();
  await tried.prepared();
  tried.open('web');
  await settle();
  expect(tried.threads[0]!.status).toBeInstanceOf(WorkerStatus);
  tried.threads[0]!.status.addEntry();
  tried.threads[0]!.status.addBytes(9);
  expect(tried.target.contexts()).toEqual([{ name: 'web', entries: 1, bytes: 9 }]);
});
