import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { connect, createServer, Server } from 'node:net';
import { join } from 'node:path';
import * as timers from 'node:timers/promises';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { MAX_TIMER_MS } from '../../src/limits.ts';
import {
  connectSocket,
  listenSocket,
  type Listener,
  type ListenOptions,
} from '../../src/transport/unix-socket.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';

vi.mock('node:fs/promises', { spy: true });
vi.mock('node:timers/promises', { spy: true });

afterEach(() => {
  vi.restoreAllMocks();
  // Resets the spies of vi.mock to the functions that they wrap.
  vi.resetAllMocks();
});

const FOREVER = { timeoutMs: Infinity };

function socketInTest(): string {
  return join(directoryInTest(), 'socket');
}

async function listenInTest(path: string, options?: ListenOptions): Promise<Listener> {
  const listener = await listenSocket(path, options);
  onTestFinished(() => listener.close());
  return listener;
}

/** A sender that has sent its first bytes. */
async function arrive(path: string): Promise<void> {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write('x');
}

/** Leaves the socket file of a receiver that was killed. */
function leaveStale(path: string): void {
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  expect(spawnSync(process.execPath, ['-e', script, path]).signal).toBe('SIGKILL');
}

test('a stale socket file that another receiver removes first is not an error', async () => {
  const path = socketInTest();
  leaveStale(path);
  const { unlink } = await vi.importActual<typeof fs>('node:fs/promises');
  vi.mocked(fs.unlink).mockImplementationOnce(async (file) => {
    await unlink(file);
    await unlink(file);
  });
  await listenInTest(path);
  await arrive(path);
});

test('a listener that waits for a sender sleeps until one comes', async () => {
  const path = socketInTest();
  const listener = await listenInTest(path);
  const delay = vi.mocked(timers.setTimeout);
  // No timer wakes it.
  delay.mockImplementation(() => new Promise(() => {}));
  for (const timeoutMs of [Infinity, 300_000]) {
    const accepted = listener.accept({ timeoutMs });
    await arrive(path);
    await accepted;
  }
  const [first = 0, second = 0, ...more] = delay.mock.calls.map(([ms]) => ms);
  expect(first).toBe(MAX_TIMER_MS);
  expect(second).toBeGreaterThan(299_000);
  expect(more).toEqual([]);
});

test('a sender that came while nobody waited is accepted without delay', async () => {
  const path = socketInTest();
  const listener = await listenInTest(path);
  vi.mocked(timers.setTimeout).mockImplementation(() => new Promise(() => {}));
  const first = listener.accept(FOREVER);
  for (let count = 0; count < 3; count++) await arrive(path);
  await first;
  await listener.accept(FOREVER);
  await listener.accept(FOREVER);
});

test('senders that cannot be accepted are reported, and do not end the server', async () => {
  const listen = vi.spyOn(Server.prototype, 'listen');
  const path = socketInTest();
  const warnings: string[] = [];
  const listener = await listenInTest(path, { onWarning: (message) => warnings.push(message) });
  const server = listen.mock.contexts[0] as Server;
  const error = Object.assign(new Error('accept ENOBUFS'), { code: 'ENOBUFS', errno: -105 });
  for (let count = 0; count < 2; count++) server.emit('error', error);
  const accepted = listener.accept(FOREVER);
  await arrive(path);
  await accepted;
  const words = `the socket ${path}: a sender could not be accepted: no buffer space available (ENOBUFS)`;
  expect(warnings).toEqual([words, words]);
});

test('a sender drops a connection to a socket that replaced the one it looked at', async () => {
  const path = socketInTest();
  const first = await listenInTest(path);
  const heard = first.accept({ timeoutMs: 300 });
  heard.catch(() => {});
  const { lstat } = await vi.importActual<typeof fs>('node:fs/promises');
  let looks = 0;
  let second: Listener | undefined;
  vi.mocked(fs.lstat).mockImplementation(async (...args) => {
    const there = args[0] === path ? (looks += 1) : 0;
    // Between the first look and the connection.
    const stats = await lstat(...args);
    if (there === 1) {
      rmSync(path);
      second = await listenInTest(path);
      looks = 1_000;
    }
    return stats;
  });
  const connection = await connectSocket(path, { timeoutMs: 10_000 });
  onTestFinished(() => connection.outgoing.destroy());
  await connection.outgoing.write([Buffer.from('x')]);
  await second?.accept({ timeoutMs: 10_000 });
  expect(looks).toBeGreaterThan(1_002);
});

test('what a peer sent before it closed is read, although a write fails first', async () => {
  const path = socketInTest();
  let onHeard = (): void => {};
  const peer = createServer((socket) => {
    socket.once('data', () => {
      socket.write('the reason');
      socket.destroy();
      onHeard();
    });
  });
  onTestFinished(() => void peer.close());
  await new Promise<void>((resolve) => void peer.listen(path, resolve));
  const { incoming, outgoing } = await connectSocket(path, { timeoutMs: 5_000 });
  const heard = new Promise<unknown>((resolve) => {
    // Before the event loop polls again, as in a process that was suspended while it wrote.
    onHeard = () => resolve(outgoing.write([Buffer.from('more')]).catch((error: unknown) => error));
  });
  let read = '';
  const reading = incoming.read((bytes) => void (read += Buffer.from(bytes).toString()));
  await outgoing.write([Buffer.from('first')]);
  expect(await heard).toMatchObject({ code: 'peer-gone' });
  await reading;
  expect(read).toBe('the reason');
});
