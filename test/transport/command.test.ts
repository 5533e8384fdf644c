import { ChildProcess } from 'node:child_process';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { CHILD_GRACE_MS } from '../../src/limits.ts';
import { spawnPeer } from '../../src/transport/command.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** Makes `kill` of a ChildProcess fail as if not permitted: `sudo` runs as another user. */
function refuseKills(): unknown[] {
  const refused: unknown[] = [];
  const kill = vi.spyOn(ChildProcess.prototype, 'kill').mockImplementation(function (
    this: ChildProcess,
    signal,
  ) {
    refused.push(signal);
    this.emit('error', Object.assign(new Error('kill EPERM'), { code: 'EPERM' }));
    return false;
  });
  onTestFinished(() => {
    const children = new Set(kill.mock.contexts as ChildProcess[]);
    kill.mockRestore();
    for (const child of children) child.kill('SIGKILL');
  });
  return refused;
}

test('a command that this process may not signal does not make close() fail', async () => {
  const refused = refuseKills();
  const command = await spawnPeer('sleep', ['1000']);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const closed = command.close?.().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(3 * CHILD_GRACE_MS);
  expect(await closed).toBeUndefined();
  expect(refused).toEqual(['SIGTERM', 'SIGKILL']);
});

test('close() does not wait for an ended command whose stderr another process holds open', async () => {
  const words: string[] = [];
  const script = 'printf "last words" >&2; sleep 1000 > /dev/null & echo $!';
  const command = await spawnPeer('sh', ['-c', script], { onStderr: (line) => words.push(line) });
  let background = '';
  await command.incoming.read((bytes) => void (background += Buffer.from(bytes).toString()));
  try {
    const error = new CtxsyncError('peer-gone', 'the peer is gone');
    const began = performance.now();
    const explained = await command.explain?.(error);
    await command.close?.();
    expect(performance.now() - began).toBeLessThan(CHILD_GRACE_MS);
    expect(explained?.message).toMatch(
      /^the receiver is gone: "sh -c .*" ended with exit status 0$/,
    );
    expect(explained?.commandOutput).toBe('last words');
    expect(words).toEqual(['last words']);
  } finally {
    process.kill(Number(background), 'SIGKILL');
  }
});
