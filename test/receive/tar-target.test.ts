import { expect, test } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';
import { CtxsyncError } from '../../src/errors.ts';
import type { Ring } from '../../src/flow/ring.ts';
import { TarTarget } from '../../src/receive/tar-target.ts';
import { DiskThreads } from '../../src/transfer/disk-threads.ts';
import type { Monitor } from '../../src/transfer/monitor.ts';
import type { Outgoing } from '../../src/transport/transport.ts';
import { FakeDiskThread } from '../helpers/disk/fake-disk-thread.ts';

/** A target that writes into memory, and the ring of tar that its thread fills. */
class Tried {
  readonly thread = new FakeDiskThread();
  readonly rings: Ring[] = [];
  readonly failures: CtxsyncError[] = [];
  readonly written: string[] = [];
  ended = false;
  isBroken = false;
  readonly target: TarTarget;

  constructor() {
    const threads = new DiskThreads(
      'receiver',
      () => {},
      () => this.thread,
    );
    const ring = threads.ring.bind(threads);
    threads.ring = () => {
      const made = ring('tree');
      this.rings.push(made);
      return made;
    };
    const to: Outgoing = {
      untakenBytes: undefined,
      write: (pieces) => {
        if (this.isBroken) return Promise.reject(new CtxsyncError('not-writable', 'closed'));
        this.written.push(Buffer.concat(pieces).toString());
        return Promise.resolve();
      },
      end: () => {
        this.ended = true;
        return Promise.resolve();
      },
      destroy: () => {},
    };
    this.target = new TarTarget({
      to,
      threads,
      monitor: { watch: () => {}, enter: () => {} } as unknown as Monitor,
      budget: Budget.unlimited(),
      onFailure: (error) => this.failures.push(error),
    });
  }

  /** What its thread has made of the stream. */
  write(text: string): void {
    const tar = this.rings[1]!;
    tar.write(Buffer.from(text));
    tar.end();
    this.thread.finish();
  }
}

test('the tar goes out as it is made, and the output is closed by the commit alone', async () => {
  const tried = new Tried();
  tried.target.open({ id: 1, kind: 'tree', name: 'web' });
  tried.write('a tar');
  await tried.target.worked();
  expect(tried.written.join('')).toBe('a tar');
  expect(tried.target.outputBytes).toBe(5);
  expect(tried.ended).toBe(false);
  await tried.target.commit();
  expect({ ended: tried.ended, committed: tried.target.committed }).toEqual({
    ended: true,
    committed: true,
  });
});

test('a second context is refused, as a tar holds one', () => {
  const tried = new Tried();
  tried.target.open({ id: 1, kind: 'tree', name: 'web' });
  expect(() => tried.target.open({ id: 2, kind: 'tree', name: 'docs' })).toThrow(
    expect.objectContaining({ code: 'usage' }),
  );
});

test('a reader that is gone fails the run at once', async () => {
  const tried = new Tried();
  tried.isBroken = true;
  tried.target.open({ id: 1, kind: 'tree', name: '' });
  tried.write('a tar');
  await expect(tried.target.worked()).rejects.toMatchObject({ code: 'not-writable' });
  expect(tried.failures).toMatchObject([{ code: 'not-writable' }]);
});
