import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex, PassThrough, Writable } from 'node:stream';
import {
  connectSocket,
  CtxsyncError,
  listenOnce,
  receive,
  send,
  spawnPeer,
  type SendOptions,
} from 'ctxsync';
import { expect, onTestFinished, test } from 'vitest';
import { LINGER_MS } from '../../src/limits.ts';
import { withScene, workNames } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// What an AbortSignal costs when the other side does not read, with the built package: about 110 ms on an idle
// machine. The bound fits a busy one, and is less than the time for which a failed side offers its reason.
const AT_ONCE_MS = LINGER_MS - 100;

interface Aborted {
  error: CtxsyncError;
  tookMs: number;
}

/** Aborts what `run` starts once `isUnderWay`. */
async function abort(
  run: (signal: AbortSignal) => Promise<unknown>,
  isUnderWay: () => boolean,
): Promise<Aborted> {
  const controller = new AbortController();
  const running = run(controller.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  await until('it is under way', isUnderWay);
  const since = performance.now();
  controller.abort(new Error('no longer needed'));
  const error = await running;
  if (!(error instanceof CtxsyncError)) throw new Error(`not a CtxsyncError: ${String(error)}`);
  return { error, tookMs: performance.now() - since };
}

function expectAtOnce({ error, tookMs }: Aborted): void {
  expect(error).toMatchObject({ code: 'interrupted', cause: { message: 'no longer needed' } });
  expect(tookMs).toBeLessThan(AT_ONCE_MS);
}

/** A stream that was written to once, and never asks for more. */
function unread(): { to: Writable; written: () => number } {
  let count = 0;
  const to = new Writable({ write: () => void (count += 1) });
  return { to, written: () => count };
}

/** More than all buffers on the way hold. */
function addBigFile(context: string): void {
  const path = join(context, 'big.bin');
  writeFileSync(path, '');
  truncateSync(path, 64 * 1024 * 1024);
}

test('a sender to a stream that takes nothing is rejected at once', () =>
  withScene(async ({ context }) => {
    const { to, written } = unread();
    const contexts = [{ directory: context }];
    expectAtOnce(
      await abort(
        (signal) => send({ contexts, to, signal }),
        () => written() > 0,
      ),
    );
    expect(to.destroyed).toBe(false);
    await until('the stream is released', () => to.destroyed);
  }));

test('a sender to a web stream that takes nothing is rejected at once', () =>
  withScene(async ({ context }) => {
    let count = 0;
    const to = new WritableStream({
      write: () => {
        count += 1;
        return new Promise(() => {});
      },
    });
    const contexts = [{ directory: context }];
    expectAtOnce(
      await abort(
        (signal) => send({ contexts, to, signal }),
        () => count > 0,
      ),
    );
  }));

test('a sender over a socket that nobody reads is rejected at once, and the socket is closed soon', () =>
  withScene(async ({ directory, context }) => {
    const path = join(directory, 'socket');
    const accepted: Socket[] = [];
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      accepted.push(socket.on('error', () => {}));
    }).listen(path);
    onTestFinished(() => void server.close());
    await until('it listens', () => server.listening);
    const to = await connectSocket(path);
    const contexts = [{ directory: context }];
    const options: SendOptions = { contexts, to, full: true };
    expectAtOnce(
      await abort(
        (signal) => send({ ...options, signal }),
        () => accepted.length === 1,
      ),
    );
    let isClosed = false;
    accepted[0]!.on('close', () => (isClosed = true)).resume();
    await until('the other end is closed', () => isClosed);
  }));

test('a sender to a command that reads nothing is rejected at once, and the command is ended', () =>
  withScene(async ({ context }) => {
    addBigFile(context);
    let pid = 0;
    const to = await spawnPeer('sh', ['-c', 'trap "" TERM; echo $$ >&2; sleep 60'], {
      onStderr: (line) => (pid = Number(line)),
    });
    const contexts = [{ directory: context }];
    expectAtOnce(
      await abort(
        (signal) => send({ contexts, to, signal }),
        () => pid > 0,
      ),
    );
    await to.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }));

test('a receiver whose sender reads nothing is rejected at once, and leaves neither stage nor lock', () =>
  withScene(async ({ directory, context, out, before }) => {
    addBigFile(context);
    rmSync(join(context, 'a.txt'));
    const path = join(directory, 'socket');
    const listening = listenOnce(path);
    const socket = await connectSocket(path, { timeoutMs: 10_000 });
    // All that we send passes, and nothing that comes back, but for the HELLO that lets us go on.
    const deaf = new PassThrough();
    let heard = 0;
    void socket.incoming.read((bytes) => {
      heard += bytes.length;
      deaf.write(Uint8Array.from(bytes));
      return heard > 200 ? new Promise(() => {}) : undefined;
    });
    const giveUp = new AbortController();
    const sending = send({
      contexts: [{ directory: context }],
      to: {
        incoming: { read: (take) => readAll(deaf, take), destroy: () => {} },
        outgoing: socket.outgoing,
      },
      full: true,
      signal: giveUp.signal,
    }).catch(() => {});
    const from = await listening;
    expectAtOnce(
      await abort(
        (signal) => receive({ from, to: { directory: out }, signal }),
        () => workNames(out).length === 2,
      ),
    );
    expect(treeState(out)).toEqual(before);
    giveUp.abort();
    await sending;
    await socket.close();
  }));

function readAll(from: PassThrough, take: (bytes: Uint8Array) => unknown): Promise<void> {
  from.on('data', (bytes: Buffer) => void take(bytes));
  return new Promise(() => {});
}

test('whoever has the time may wait for the other side', () =>
  withScene(async ({ context }) => {
    const { to, written } = unread();
    const contexts = [{ directory: context }];
    const { tookMs } = await abort(
      (signal) => send({ contexts, to, signal, abortGraceMs: Infinity }),
      () => written() > 0,
    );
    expect(tookMs).toBeGreaterThan(AT_ONCE_MS);
    expect(to.destroyed).toBe(true);
  }));

test('what is still being written when an aborted sender is rejected is not used for another', () =>
  withScene(async ({ directory, context, out }) => {
    addBigFile(context);
    const path = join(directory, 'socket');
    const chunks: Buffer[] = [];
    let release = (): void => {};
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
      release = () => void socket.resume();
    }).listen(path);
    onTestFinished(() => void server.close());
    await until('it listens', () => server.listening);
    const socket = await connectSocket(path);
    let isSending = false;
    expectAtOnce(
      await abort(
        (signal) =>
          send({
            contexts: [{ directory: context }],
            to: socket.outgoing,
            signal,
            onEvent: (event) => (isSending ||= event.type === 'progress' && event.bytes > 0),
          }),
        () => isSending,
      ),
    );
    // The rings of the next transfer must not be those whose bytes the socket still holds.
    writeFileSync(join(context, 'big.bin'), Buffer.alloc(8 * 1024 * 1024, 'secret'));
    const pipe = new PassThrough();
    await Promise.all([
      send({ contexts: [{ directory: context }], to: pipe }),
      receive({ from: pipe, to: { directory: out } }),
    ]);
    release();
    await until('the rest has come', () => socket.outgoing.untakenBytes === undefined);
    expect(Buffer.concat(chunks).includes('secret')).toBe(false);
  }));

test('a Duplex that takes nothing does not hold up an abort either', () =>
  withScene(async ({ context }) => {
    let count = 0;
    const to = new Duplex({ read: () => {}, write: () => void (count += 1) });
    const contexts = [{ directory: context }];
    expectAtOnce(
      await abort(
        (signal) => send({ contexts, to, signal }),
        () => count > 0,
      ),
    );
  }));
