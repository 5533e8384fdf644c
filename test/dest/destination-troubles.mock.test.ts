import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { discard, prepareDestination, type Destination } from '../../src/dest/destination.ts';
import { takeLock } from '../../src/dest/lock.ts';
import { fromText } from '../../src/disk/byte-path.ts';
import { WorkerStatus, type DiskState } from '../../src/disk/worker-status.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { LOCK_STALE_MS } from '../../src/limits.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { systemError, withDisk, type Around, type CallName } from '../helpers/disk/disk-calls.ts';
import { held } from '../helpers/disk/held.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { captureError } from '../helpers/capture-error.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

vi.mock('node:fs', async (original) =>
  (await import('../helpers/disk/disk-calls.ts')).hooked(await original()),
);

const DRAFT = '.ctxsync-lock-0123456789abcdef';
const STAGE = '.ctxsync-0123456789abcdef';
const ENOSPC = systemError('ENOSPC', -28);

describe('a destination that two receivers want at the same time', () => {
  it.each<[when: string, call: CallName]>([
    ['looked at', 'lstatSync'],
    ['removed', 'unlinkSync'],
  ])("is locked by one, even if the other's draft vanishes before it is %s", async (_, call) => {
    await withDirectory((out) => {
      writeFileSync(join(out, DRAFT), '');
      const { lock, stage } = withDisk(goneBefore(call, DRAFT), () => prepare(out));
      expect(readdirSync(out).map((name) => join(out, name))).toEqual([stage, lock.path]);
    });
  });

  it.each<[when: string, call: CallName]>([
    ['looked at', 'openSync'],
    ['removed', 'unlinkSync'],
  ])(
    'is locked by one that finds a stale lock, even if that vanishes before it is %s',
    async (_, call) => {
      await withDirectory((out) => {
        const path = join(out, '.ctxsync-lock');
        writeFileSync(path, 'of a dead receiver');
        const stale = (Date.now() - 2 * LOCK_STALE_MS) / 1000;
        utimesSync(path, stale, stale);
        const other = goneBefore(call, '.ctxsync-lock');
        const lock = withDisk(other, () => takeLock(held(out)));
        expect(readdirSync(out)).toEqual(['.ctxsync-lock']);
        expect(lock.text).toContain(`"pid":${process.pid}`);
      });
    },
  );
});

describe('a destination on a full disk', () => {
  it('is refused, and nothing is left behind', async () => {
    await withDirectory((directory) => {
      const error = withDisk(fullDisk(), () =>
        captureError(() => prepare(join(directory, 'a/out'))),
      );
      expect(error.code).toBe('no-space');
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('is refused, and no lock is left behind, even without hardlinks', async () => {
    await withDirectory((out) => {
      const error = withDisk(fullDisk(2, withoutHardlinks), () => captureError(() => prepare(out)));
      expect(error.code).toBe('no-space');
      expect(readdirSync(out)).toEqual([]);
    });
  });
});

describe('a destination without hardlinks', () => {
  it('can still be locked', async () => {
    await withDirectory((out) => {
      withDisk(withoutHardlinks, () => prepare(out));
      expect(captureError(() => prepare(out)).code).toBe('locked');
    });
  });
});

describe('a destination that cannot be cleaned up', () => {
  it('is unlocked by a run that is discarded', async () => {
    await withDirectory((out) => {
      const destination = prepare(out);
      expect(() => discard(destination, new StuckGauge('cleaning'))).toThrow('stuck');
      expect(existsSync(destination.lock.path)).toBe(false);
      discard(prepare(out), new WorkerStatus());
      expect(readdirSync(out)).toEqual([]);
    });
  });

  it('stays locked by the next run when the first one is discarded again', async () => {
    await withDirectory((out) => {
      const destination = prepare(out);
      expect(() => discard(destination, new StuckGauge('cleaning'))).toThrow('stuck');
      const next = prepare(out);
      discard(destination, new WorkerStatus());
      expect(captureError(() => prepare(out)).code).toBe('locked');
      discard(next, new WorkerStatus());
      expect(readdirSync(out)).toEqual([]);
    });
  });

  it('is refused for the reason that made the cleanup necessary', async () => {
    await withDirectory((out) => {
      const noStage: Around = (name, args, make) => {
        if (name === 'mkdirSync' && String(args[0]).endsWith('/tree')) throw ENOSPC;
        return make(name, ...args);
      };
      const attempt = (): unknown =>
        prepareDestination(fromText(out), new StuckGauge('cleaning'), { follow: true });
      expect(withDisk(noStage, () => captureError(attempt)).code).toBe('no-space');
      expect(existsSync(join(out, '.ctxsync-lock'))).toBe(false);
    });
  });
});

describe.runIf(process.getuid?.() === 0)("a destination with another user's leftovers", () => {
  it.each([
    ['fresh', 0],
    ['old', 1e9],
  ])(
    'that are %s and inaccessible is accepted, with a warning that names them',
    async (_, seconds) => {
      await withShared((out) => {
        writeTree(join(out, STAGE), { 'tree/x': 'x' });
        chmodSync(join(out, STAGE), 0o700);
        if (seconds > 0) utimesSync(join(out, STAGE), seconds, seconds);
        const before = treeState(out, { root: false });
        asAnother(out, () => {
          const destination = prepare(out);
          expect(destination.partialStages).toEqual([]);
          expect(destination.warnings).toEqual([
            expect.stringMatching(`cannot remove .*${join(out, STAGE)}: permission denied .*owner`),
          ]);
          discard(destination, new WorkerStatus());
        });
        expect(treeState(out, { root: false })).toEqual(before);
      });
    },
  );

  it('that are accessible removes them unused, as the other user would still own them', async () => {
    await withDirectory((out) => {
      writeTree(join(out, STAGE), { 'tree/x': 'x' });
      chownSync(join(out, STAGE), 65_534, 65_534);
      const destination = prepare(out);
      expect(destination).toMatchObject({ partialStages: [], warnings: [] });
      expect(existsSync(join(out, STAGE))).toBe(false);
    });
  });

  it('that only the owner may remove is accepted, with a warning', async () => {
    await withShared((out) => {
      writeFileSync(join(out, DRAFT), '');
      chmodSync(out, 0o1777);
      asAnother(out, () => {
        const destination = prepare(out);
        expect(destination.warnings).toEqual([expect.stringContaining(join(out, DRAFT))]);
        discard(destination, new WorkerStatus());
      });
    });
  });

  it('is refused if only the owner may remove its lock, which is named', async () => {
    await withShared((out) => {
      const path = join(out, '.ctxsync-lock');
      writeFileSync(path, '');
      utimesSync(path, 1e9, 1e9);
      chmodSync(out, 0o1777);
      asAnother(out, () => {
        const { code, message } = captureError(() => prepare(out));
        expect(code).toBe('not-writable');
        expect(message).toContain(path);
      });
    });
  });
});

/** Each call on a path with this name finds that somebody else has just removed it. */
function goneBefore(call: CallName, name: string): Around {
  return (made, args, make) => {
    const path = String(args[0]);
    if (made === call && path.includes(name)) make('rmSync', path, { force: true });
    return make(made, ...args);
  };
}

/** A write fails after the file was created. @param nth the first write that fails */
function fullDisk(nth = 1, around: Around = (name, args, make) => make(name, ...args)): Around {
  let writes = 0;
  return (name, args, make) => {
    if (name !== 'writeFileSync') return around(name, args, make);
    writes += 1;
    const [file, , ...options] = args;
    around(name, writes < nth ? args : [file, '', ...options], make);
    if (writes >= nth) throw ENOSPC;
    return undefined;
  };
}

const withoutHardlinks: Around = (name, args, make) => {
  if (name === 'linkSync') throw systemError('EPERM', -1);
  return make(name, ...args);
};

/** Throws when it enters this state. */
class StuckGauge extends WorkerStatus {
  readonly #stuckIn: DiskState;

  constructor(stuckIn: DiskState) {
    super();
    this.#stuckIn = stuckIn;
  }

  override enter(...[state, path = '']: Parameters<WorkerStatus['enter']>): void {
    super.enter(state, path);
    if (state === this.#stuckIn) throw new CtxsyncError('internal', 'stuck');
  }
}

/** Runs `use` with an OUT that everybody may write to. */
async function withShared(use: (out: string) => void): Promise<void> {
  await withDirectory((directory) => {
    chmodSync(directory, 0o755);
    const out = join(directory, 'out');
    mkdirSync(out);
    chownSync(out, 0, 0);
    chmodSync(out, 0o777);
    use(out);
  });
}

/** Runs as a user who owns nothing in OUT. */
function asAnother(out: string, run: () => void): void {
  const own = join(out, '..', 'own');
  mkdirSync(own);
  asNobody(own, run);
  rmSync(own, { recursive: true });
}

function prepare(out: string): Destination {
  return prepareDestination(fromText(out), new WorkerStatus(), { follow: true });
}
