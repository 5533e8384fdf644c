import { existsSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refreshLock, releaseLock, takeLock, type Lock } from '../../src/dest/lock.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { LOCK_STALE_MS } from '../../src/limits.ts';
import { withFolder } from '../helpers/folder.ts';
import { until } from '../helpers/until.ts';

const FRESH_MS = LOCK_STALE_MS - 10_000;
const STALE_MS = LOCK_STALE_MS + 10_000;

describe('the lock of OUT', () => {
  it('is taken, names its holder, and is gone when it is released', async () => {
    await withFolder((out) => {
      const lock = takeLock(out);
      expect(lock.path).toBe(join(out, '.ctxsync-lock'));
      expect(holderOf(lock)).toMatchObject({ pid: process.pid });
      releaseLock(lock);
      expect(readdirSync(out)).toEqual([]);
    });
  });

  it('is refused to a second receiver, which is told who holds it', async () => {
    await withFolder((out) => {
      takeLock(out);
      const { code, message, path } = refusal(out);
      expect(code).toBe('locked');
      expect(message).toContain(`pid ${process.pid} on `);
      expect(message).toContain(join(out, '.ctxsync-lock'));
      expect(path).toBe(out);
    });
  });

  it('may be taken again when it was released', async () => {
    await withFolder((out) => {
      releaseLock(takeLock(out));
      expect(existsSync(takeLock(out).path)).toBe(true);
    });
  });

  it('is taken over from a holder that is dead, however fresh', async () => {
    await withFolder((out) => {
      hold(out, { pid: deadPid() });
      expect(holderOf(takeLock(out)).pid).toBe(process.pid);
      expect(readdirSync(out)).toEqual(['.ctxsync-lock']);
    });
  });

  it.runIf(existsSync('/proc/self/stat'))(
    'is taken over when the pid is that of a process which began later',
    async () => {
      await withFolder((out) => {
        hold(out, { began: '1' });
        expect(holderOf(takeLock(out)).began).not.toBe('1');
      });
    },
  );

  it.runIf(existsSync('/proc/self/stat'))(
    'is taken over from a holder that is dead, and that nobody has waited for',
    async () => {
      const parent = spawn('sh', ['-c', ': & echo $!; exec sleep 60'], {
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
      await withFolder((out) => {
        hold(out, { pid, began: fields[21] });
        expect(holderOf(takeLock(out)).pid).toBe(process.pid);
      });
    },
  );

  it('is held as long as its holder lives, also when it was never refreshed', async () => {
    await withFolder((out) => {
      hold(out, {}, STALE_MS);
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
    await withFolder((out) => {
      hold(out, changes, FRESH_MS);
      expect(refusal(out).code).toBe('locked');
      hold(out, changes, STALE_MS);
      expect(holderOf(takeLock(out)).pid).toBe(process.pid);
    });
  });

  it('names the machine of a holder that cannot be looked for', async () => {
    await withFolder((out) => {
      hold(out, { scope: 'another boot', host: 'far', pid: 42 });
      expect(refusal(out).message).toContain('pid 42 on far, since ');
    });
  });

  it('lives on when it is refreshed', async () => {
    await withFolder((out) => {
      hold(out, { scope: 'another boot' }, STALE_MS);
      refreshLock({ path: join(out, '.ctxsync-lock'), text: '' });
      expect(refusal(out).code).toBe('locked');
    });
  });

  it('is not missed by its holder when somebody removed it', async () => {
    await withFolder((out) => {
      const lock = takeLock(out);
      releaseLock(lock);
      expect(() => {
        refreshLock(lock);
        releaseLock(lock);
      }).not.toThrow();
    });
  });

  it('is not released by one who held it before', async () => {
    await withFolder((out) => {
      const before = takeLock(out);
      hold(out, {});
      releaseLock(before);
      expect(refusal(out).code).toBe('locked');
    });
  });
});

/** A lock as another run would have left it, `ageMs` ago. */
function hold(out: string, changes: Record<string, unknown> | string, ageMs = 0): void {
  const path = join(out, '.ctxsync-lock');
  rmSync(path, { force: true });
  const ours = holderOf(takeLock(out));
  const text = typeof changes === 'string' ? changes : JSON.stringify({ ...ours, ...changes });
  writeFileSync(path, text);
  const at = (Date.now() - ageMs) / 1000;
  utimesSync(path, at, at);
}

function holderOf({ path }: Lock): { pid?: unknown; began?: unknown } {
  return JSON.parse(readFileSync(path, 'utf8')) as { pid?: unknown; began?: unknown };
}

function refusal(out: string): CtxsyncError {
  try {
    takeLock(out);
  } catch (error) {
    return CtxsyncError.from(error);
  }
  throw new Error('the lock was taken');
}

function deadPid(): number {
  return spawnSync('true').pid;
}
