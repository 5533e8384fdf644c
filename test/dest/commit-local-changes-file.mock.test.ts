import { constants } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { withDisk } from '../helpers/disk/disk-calls.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { update } from '../helpers/cli/incremental.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';

vi.mock('node:fs', async (original) =>
  (await import('../helpers/disk/disk-calls.ts')).hooked(await original()),
);

/** From POSIX; Node has no name for it. */
const O_ACCMODE = 3;

it.each([
  ['once', { delete: false }],
  ['three times with --delete', { delete: true }],
])(
  'a commit reads its local changes %s, and reports before each read that it is committing',
  async (_, options) => {
    await withDirectory((directory) => {
      const [context, out] = [join(directory, 'context'), join(directory, 'out')];
      writeTree(context, { changed: 'new' });
      writeTree(out, { changed: 'old', gone: 'old' });
      const status = new WorkerStatus();
      const states: string[] = [];
      const attempt = (): unknown => update(out, { '': context }, { ...options, status });
      withDisk((name, args, make) => {
        const reads = name === 'openSync' && (Number(args[1]) & O_ACCMODE) === constants.O_RDONLY;
        if (reads && String(args[0]).includes('/changes-')) states.push(status.read().state);
        return make(name, ...args);
      }, attempt);
      expect(states).toEqual(Array.from({ length: options.delete ? 3 : 1 }, () => 'committing'));
    });
  },
);
