import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';
import { discard, prepareDestination } from '../../src/dest/destination.ts';
import { fromText } from '../../src/disk/byte-path.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { FilePool } from '../../src/pool/file-pool.ts';
import { DESTINATION_JOBS } from '../../src/worker/destination-jobs.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { treeOf } from '../helpers/wire/hand-made.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { fullRing } from '../helpers/wire/harness.ts';

const STAGE = '.ctxsync-0123456789abcdef';

describe('the unpacking of a context', () => {
  it.each([
    ['was compared looks for its files in what is left of runs that broke off', 0],
    ['comes whole does not look into what is left of runs that broke off', undefined],
  ])('that %s', async (_, index) => {
    await withDirectory((out) => {
      writeTree(join(out, STAGE), { 'tree/sub/x': 'left' });
      const scanned: string[] = [];
      const status = new (class extends WorkerStatus {
        override enter(...[state, path = '']: Parameters<WorkerStatus['enter']>): void {
          super.enter(state, path);
          if (state === 'scanning') scanned.push(path);
        }
      })();
      const destination = prepareDestination(fromText(out), new WorkerStatus(), { follow: true });
      const entries = [
        { path: 'sub', kind: 'directory' as const, mode: 0o755 },
        { path: 'sub/x', size: 4 },
      ];
      const input = {
        ring: fullRing(treeOf(entries)).shared,
        destination,
        name: '',
        others: [],
        budget: Budget.create({ maxEntries: 10, maxBytes: 1_000 }).shared.buffer,
        unordered: false,
        index,
      };
      DESTINATION_JOBS.unpack(input, { status, pool: new FilePool(status), note: () => {} });
      expect(scanned.length > 0).toBe(index !== undefined);
      discard(destination, new WorkerStatus());
    });
  });
});
