import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { constants, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BIN, run } from '../helpers/cli/cli.ts';
import { expectExit, withScene, type Sandbox } from '../helpers/trees/sandbox.ts';
import { addBigFile, socketOf } from '../helpers/cli/duplex.ts';
import { until } from '../helpers/until.ts';

// https://github.com/nodejs/node/issues/19838, https://github.com/nodejs/node/issues/22837: programs
// that share a pipe with one that makes it non-blocking lose output.

/** Starts ctxsync in the background on its own descriptors, and outlives it. ("&" alone replaces stdin.) */
const HOLDER = `
  echo $$ > "$LOGS/holder"
  exec 3<&0
  "$NODE" "$BIN" "$@" <&3 3<&- &
  echo $! > "$LOGS/pid"
  wait $!; echo $? > "$LOGS/code"
  exec sleep 1000`;

const AROUND = {
  0: 'sleep 1000 | "$0" -c "$HOLDER" sh "$@" >/dev/null 2>&1',
  1: '"$0" -c "$HOLDER" sh "$@" </dev/null 2>/dev/null | sleep 1000',
  2: '"$0" -c "$HOLDER" sh "$@" </dev/null 2>&1 >/dev/null | sleep 1000',
};

const SOCKETS = '"$0" -c "$HOLDER" sh "$@"';

class Shared {
  readonly #logs: string;
  readonly #fd: number;
  #shell: ChildProcess | undefined;
  #words = '';

  constructor({ directory }: Sandbox, fd: number) {
    this.#logs = directory;
    this.#fd = fd;
  }

  async start(around: string, args: readonly string[]): Promise<void> {
    const env = { ...process.env, HOLDER, LOGS: this.#logs, NODE: process.execPath, BIN };
    const shell = spawn('sh', ['-c', around, 'sh', ...args], { env, detached: true });
    this.#shell = shell;
    shell.stderr.on('data', (chunk: Buffer) => (this.#words += chunk.toString()));
    // Nobody reads its stdout, so a sender blocks there.
    shell.stdout.pause();
    onTestFinished(() => this.#kill());
    await until('it has started', () => this.#log('pid') !== '');
  }

  get pid(): number {
    return Number(this.#log('pid'));
  }

  get nonBlocking(): boolean {
    const info = readFileSync(`/proc/${this.#log('holder')}/fdinfo/${this.#fd}`, 'utf8');
    const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '', 8);
    return (flags & constants.O_NONBLOCK) !== 0;
  }

  get hasEnded(): boolean {
    return this.#log('code') !== '';
  }

  /** What it wrote to stderr, where that is a socket of ours. */
  get words(): string {
    return this.#words;
  }

  /** Its exit status; the holder still has the descriptors. */
  async ended(): Promise<number> {
    await until('it has ended', () => this.hasEnded);
    return Number(this.#log('code'));
  }

  /** Waits and checks the descriptor all the time. @returns whether it was ever non-blocking */
  async watchUntil(what: string, condition: () => boolean): Promise<boolean> {
    let seen = false;
    await until(what, () => {
      seen ||= this.nonBlocking;
      return condition();
    });
    return seen;
  }

  #log(name: string): string {
    const path = join(this.#logs, name);
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  }

  #kill(): void {
    const { pid } = this.#shell ?? {};
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  }
}

/** It has the pipe behind `fd` twice: once with its own open file description. */
function hasReopened(shared: Shared, fd: number): boolean {
  const targets = descriptors(shared.pid);
  return targets.filter((target) => target === targets[fd] && isPipe(target)).length > 1;
}

function isPipe(target: string): boolean {
  return target.startsWith('pipe:');
}

function descriptors(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory)
    .map(Number)
    .toSorted((a, b) => a - b)
    .map((fd) => {
      try {
        return readlinkSync(`${directory}/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    });
}

describe.skipIf(!existsSync('/proc/self/fdinfo'))('a pipe that others share', () => {
  test.each([
    ['stdin', 0, 'SIGTERM', 143],
    ['stdin', 0, 'SIGKILL', 137],
    ['stdout', 1, 'SIGTERM', 143],
    ['stdout', 1, 'SIGKILL', 137],
  ] as const)('stays blocking as %s (%i), until and after %s', (_name, fd, signal, status) =>
    withScene(async (sandbox) => {
      const shared = new Shared(sandbox, fd);
      addBigFile(sandbox, 1_000_000);
      await shared.start(
        AROUND[fd],
        fd === 0 ? ['receive', sandbox.out] : ['send', sandbox.context],
      );
      const seen = await shared.watchUntil('it uses the pipe', () => hasReopened(shared, fd));
      process.kill(shared.pid, signal);
      expect([seen, await shared.ended(), shared.nonBlocking]).toEqual([false, status, false]);
    }),
  );

  test.each([
    ['words', ['send', 'no/such/directory'], 3],
    ['usage errors', ['send'], 2],
  ] as const)('stays blocking as a stderr that takes %s', (_what, args, status) =>
    withScene(async (sandbox) => {
      const shared = new Shared(sandbox, 2);
      await shared.start(AROUND[2], args);
      const seen = await shared.watchUntil('it has ended', () => shared.hasEnded);
      expect([seen, await shared.ended(), shared.nonBlocking]).toEqual([false, status, false]);
    }),
  );

  test('stays blocking as the stdout of a receiver that does not use it', () =>
    withScene(async (sandbox) => {
      const shared = new Shared(sandbox, 1);
      const socket = socketOf(sandbox);
      await shared.start(AROUND[1], ['receive', sandbox.out, '--socket', socket]);
      const seen = await shared.watchUntil('it listens', () => existsSync(socket));
      process.kill(shared.pid, 'SIGTERM');
      expect([seen, await shared.ended(), shared.nonBlocking]).toEqual([false, 143, false]);
    }));
});

// A socket cannot be reopened.
describe.skipIf(!existsSync('/proc/self/fdinfo'))('a socket that others share', () => {
  test.each([
    ['stdin', 0, 'SIGTERM', 143],
    ['stdin', 0, 'SIGQUIT', 131],
    ['stdout', 1, 'SIGTERM', 143],
    ['stdout', 1, 'SIGQUIT', 131],
  ] as const)('is blocking again as %s (%i) after %s', (_name, fd, signal, status) =>
    withScene(async (sandbox) => {
      const shared = new Shared(sandbox, fd);
      addBigFile(sandbox, 1_000_000);
      await shared.start(SOCKETS, fd === 0 ? ['receive', sandbox.out] : ['send', sandbox.context]);
      await until('it uses the socket', () => shared.nonBlocking);
      process.kill(shared.pid, signal);
      expect([await shared.ended(), shared.nonBlocking]).toEqual([status, false]);
    }),
  );

  test('is blocking as the stderr of a receiver that waits', () =>
    withScene(async (sandbox) => {
      const shared = new Shared(sandbox, 2);
      const args = ['receive', sandbox.out, '--serve', '--socket', socketOf(sandbox)];
      await shared.start(SOCKETS, args);
      await until('it listens', () => existsSync(socketOf(sandbox)));
      const sender = await run(['send', sandbox.context, '--socket', socketOf(sandbox)]);
      expectExit(sender, 0);
      await until('it has written', () => / in [\d.]+m?s/.test(shared.words));
      expect(shared.nonBlocking).toBe(false);
    }));
});

test('a receiver reads to the end of a FIFO whose writer has already gone', () =>
  withScene(async ({ directory, out }) => {
    const fifo = join(directory, 'fifo');
    const script =
      'mkfifo "$1"; exec 3<>"$1" 4<"$1" 3>&-; exec "$NODE" "$BIN" receive "$2" <&4 4<&-';
    const env = { ...process.env, NODE: process.execPath, BIN };
    const shell = spawnSync('sh', ['-c', script, 'sh', fifo, out], { env, encoding: 'utf8' });
    expect([shell.status, shell.stderr]).toEqual([7, expect.stringMatching('nothing arrived')]);
  }));

test('data after a transfer on a shared stdin is left to the next command', () =>
  withScene(async ({ directory, context, out }) => {
    const script = '{ "$NODE" "$BIN" send "$1"; } | { "$NODE" "$BIN" receive "$2"; cat; echo $?; }';
    const env = { ...process.env, NODE: process.execPath, BIN };
    const shell = spawnSync('sh', ['-c', script, 'sh', context, out], { cwd: directory, env });
    expect(shell.stdout.toString()).toBe('0\n');
  }));
