import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refreshLock, releaseLock, takeLock, type Lock } from '../../src/dest/lock.ts';
import { LOCK_NAME } from '../../src/dest/work-name.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { LOCK_STALE_MS } from '../../src/limits.ts';
import { held } from '../helpers/disk/held.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { until } from '../helpers/until.ts';

const FRESH_MS = LOCK_STALE_MS - 10_000;
const STALE_MS = LOCK_STALE_MS + 10_000;

describe('the lock of OUT', () => {
  it('is taken, names its holder, and is removed when it is released', async () => {
    await withDirectory((out) => {
      const lock = takeLock(held(out));
      expect(lock.path).toBe(join(out, '.ctxsync-lock'));
      expect(holderOf(lock)).toMatchObject({ pid: process.pid });
      releaseLock(held(out), lock);
      expect(readdirSync(out)).toEqual([]);
    });
  });

  it('is refused to a second receiver, with an error that names the holder', async () => {
    await withDirectory((out) => {
      takeLock(held(out));
      const { code, message, path } = refusal(out);
      expect(code).toBe('locked');
      expect(message).toContain(`pid ${process.pid} on `);
      expect(message).toContain(join(out, '.ctxsync-lock'));
      expect(path).toBe(out);
    });
  });

  it('can be taken again after it was released', async () => {
    await withDirectory((out) => {
      releaseLock(held(out), takeLock(held(out)));
      expect(existsSync(takeLock(held(out)).path)).toBe(true);
    });
  });

  it('is taken over from a dead holder, however fresh it is', async () => {
    await withDirectory((out) => {
      leaveLock(out, { pid: deadPid() });
      expect(holderOf(takeLock(held(out))).pid).toBe(process.pid);
      expect(readdirSync(out)).toEqual(['.ctxsync-lock']);
    });
  });

  it.runIf(existsSync('/proc/self/stat'))(
    'is taken over if its pid belongs to a process that started later',
    async () => {
      await withDirectory((out) => {
        leaveLock(out, { began: '1' });
        expect(holderOf(takeLock(held(out))).began).not.toBe('1');
      });
    },
  );

  it.runIf(existsSync('/proc/self/stat'))(
    'is taken over from a holder that is a zombie',
    async () => {
      // The shell, which would reap it, has become another program by the time it ends.
      const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      onTestFinished(() => void parent.kill('SIGKILL'));
      const [said] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(said.toString());
      let fields: string[] = [];
      await until('it is a zombie', () => {
        fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
        return fields[2] === 'Z';
      });
      await withDirectory((out) => {
        leaveLock(out, { pid, began: fields[21] });
        expect(holderOf(takeLock(held(out))).pid).toBe(process.pid);
      });
    },
  );

  it('is held as long as its holder lives, even if it was never refreshed', async () => {
    await withDirectory((out) => {
      leaveLock(out, {}, STALE_MS);
      expect(refusal(out).code).toBe('locked');
    });
  });

  it.each<[who: string, changes: Record<string, unknown> | string]>([
    ['another machine or container', { scope: 'another boot', host: 'far', pid: 1 }],
    ['something that is not ours', 'not JSON'],
    ['something with half of the fields', '{"pid":1}'],
    ['a holder with an impossible pid', { pid: -1 }],
    ['one that wrote nothing yet', ''],
  ])('of %s is held while it is fresh, and then taken over', async (_, changes) => {
    await withDirectory((out) => {
      leaveLock(out, changes, FRESH_MS);
      expect(refusal(out).code).toBe('locked');
      leaveLock(out, changes, STALE_MS);
      expect(holderOf(takeLock(held(out))).pid).toBe(process.pid);
    });
  });

  it('names the machine of a holder that cannot be checked', async () => {
    await withDirectory((out) => {
      leaveLock(out, { scope: 'another boot', host: 'far', pid: 42 });
      expect(refusal(out).message).toContain('pid 42 on far, since ');
    });
  });

  it('stays valid when it is refreshed', async () => {
    await withDirectory((out) => {
      leaveLock(out, { scope: 'another boot' }, STALE_MS);
      refreshLock(held(out));
      expect(refusal(out).code).toBe('locked');
    });
  });

  it('causes its holder no error if somebody removed it', async () => {
    await withDirectory((out) => {
      const lock = takeLock(held(out));
      releaseLock(held(out), lock);
      expect(() => {
        refreshLock(held(out));
        releaseLock(held(out), lock);
      }).not.toThrow();
    });
  });

  it.each<[what: string, kind: string, plant: (path: string) => void]>([
    ['a symlink to /dev/zero', 'a symlink', (path) => symlinkSync('/dev/zero', path)],
    ['a dangling symlink', 'a symlink', (path) => symlinkSync('nowhere', path)],
    ['a FIFO', 'a FIFO', (path) => void execFileSync('mkfifo', [path])],
    ['a directory', 'a directory', (path) => mkdirSync(path)],
    ['a huge file', 'a file of 5000000000 bytes', (path) => truncateSync(hugeFile(path), 5e9)],
  ])('that is %s is refused at once, with its path', async (_, kind, plant) => {
    await withDirectory((out) => {
      const path = join(out, LOCK_NAME);
      plant(path);
      expect(refusal(out)).toMatchObject({
        code: 'not-writable',
        path,
        message: `${path} is ${kind}, and not a lock of ctxsync; remove it`,
      });
      expect(readdirSync(out)).toEqual([LOCK_NAME]);
    });
  });

  it('is reported without the control characters that somebody else has written into it', async () => {
    await withDirectory((out) => {
      leaveLock(out, { scope: 'another', host: 'h\u001b[2Jx', since: '\nctxsync receive: done' });
      const { message } = refusal(out);
      // oxlint-disable-next-line no-control-regex -- the test looks for them
      expect(message).not.toMatch(/[\0-\x1f]/);
      expect(message).toContain('h\\x1b[2Jx');
    });
  });

  it('is not released by a former holder', async () => {
    await withDirectory((out) => {
      const before = takeLock(held(out));
      leaveLock(out, {});
      releaseLock(held(out), before);
      expect(refusal(out).code).toBe('locked');
    });
  });
});

/** Leaves a lock as another run would have left it `ageMs` ago. */
function leaveLock(out: string, changes: Record<string, unknown> | string, ageMs = 0): void {
  const path = join(out, LOCK_NAME);
  rmSync(path, { force: true });
  const ours = holderOf(takeLock(held(out)));
  const text = typeof changes === 'string' ? changes : JSON.stringify({ ...ours, ...changes });
  writeFileSync(path, text);
  const at = (Date.now() - ageMs) / 1000;
  utimesSync(path, at, at);
}

function hugeFile(path: string): string {
  writeFileSync(path, '');
  return path;
}

function holderOf({ path }: Lock): { pid?: unknown; began?: unknown } {
  return JSON.parse(readFileSync(path, 'utf8')) as { pid?: unknown; began?: unknown };
}

function refusal(out: string): CtxsyncError {
  try {
    takeLock(held(out));
  } catch (error) {
    return CtxsyncError.from(error);
  }
  throw new Error('the lock was taken');
}

function deadPid(): number {
  return spawnSync('true').pid;
}
