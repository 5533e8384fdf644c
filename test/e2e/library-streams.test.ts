import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Transform, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { send, receive, type StreamPair, type TransferReport } from 'ctxsync';
import { expect, test } from 'vitest';
import { withScene } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// Every kind of stream that the library takes, with the built package.

/** Holds each chunk for a moment after it has called back for it, as whatever buffers does. */
function holding(): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => void setTimeout(() => done(null, chunk), 1),
  });
}

test('a stream that holds much at a time passes on what was sent, unchanged', () =>
  withScene(async ({ context, out }) => {
    writeFileSync(join(context, 'random.bin'), randomBytes(12 * 1024 * 1024));
    rmSync(out, { recursive: true });
    const to = new PassThrough({ highWaterMark: 1024 * 1024 });
    await Promise.all([
      send({ contexts: [{ directory: context }], to }),
      receive({ from: to.pipe(holding()), to: { directory: out } }),
    ]);
    expect(treeState(out)).toEqual(treeState(context));
  }));

test('a tar is written unchanged to a stream that holds much at a time', () =>
  withScene(async ({ context, directory }) => {
    const random = randomBytes(12 * 1024 * 1024);
    writeFileSync(join(context, 'random.bin'), random);
    const pipe = new PassThrough();
    const tar = new PassThrough({ highWaterMark: 1024 * 1024 });
    const [bytes] = await Promise.all([
      buffer(tar.pipe(holding())),
      send({ contexts: [{ directory: context }], to: pipe }),
      receive({ from: pipe, to: { tar } }),
    ]);
    writeFileSync(join(directory, 'context.tar'), bytes);
    const { stdout } = spawnSync('tar', ['-xOf', 'context.tar', 'random.bin'], {
      cwd: directory,
      maxBuffer: Infinity,
    });
    expect(stdout.equals(random)).toBe(true);
  }));

test('a TransformStream and its two halves go one way', () =>
  withScene(async ({ context, out }) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const both = new TransformStream<Uint8Array, Uint8Array>();
    for (const [to, from] of [
      [writable, readable],
      [both, both],
    ] as const) {
      rmSync(out, { recursive: true });
      const [sent] = await Promise.all([
        send({ contexts: [{ directory: context }], to }),
        receive({ from, to: { directory: out } }),
      ]);
      expect(sent.counts).toBeUndefined();
      expect(treeState(out)).toEqual(treeState(context));
    }
  }));

/** Two ends of one connection in memory. */
function pairs(): [StreamPair, StreamPair] {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  return [
    { readable: back.readable, writable: there.writable },
    { readable: there.readable, writable: back.writable },
  ];
}

test('over a pair of web streams only what changed is sent, and the outcome comes back', () =>
  withScene(async ({ context, out }) => {
    const transfer = async (): Promise<TransferReport[]> => {
      const [to, from] = pairs();
      return Promise.all([
        send({ contexts: [{ directory: context }], to }),
        receive({ from, to: { directory: out, delete: true } }),
      ]);
    };
    await transfer();
    writeFileSync(join(context, 'new.txt'), 'new');
    for (const report of await transfer()) {
      expect(report).toMatchObject({ entries: 1, counts: { written: 1, removed: 0 } });
    }
    expect(treeState(out)).toEqual(treeState(context));
  }));

test('a failure of the receiver reaches the sender over a pair of web streams', () =>
  withScene(async ({ context, out }) => {
    const [to, from] = pairs();
    const [sent, received] = await Promise.allSettled([
      send({ contexts: [{ directory: context }], to }),
      receive({ from, to: { directory: out }, maxBytes: 1 }),
    ]);
    expect(received).toMatchObject({ reason: { code: 'over-limit' } });
    expect(sent).toMatchObject({ reason: { code: 'peer-failed', peer: { code: 'over-limit' } } });
  }));

/** Runs with a server that receives the body of each request into `out`. */
async function withServer(out: string, use: (url: string) => Promise<void>): Promise<void> {
  const receiveBody = (from: IncomingMessage): Promise<TransferReport> =>
    receive({ from, to: { directory: out } });
  const server = createServer((incoming, response) => {
    receiveBody(incoming).then(
      ({ digest }) => response.end(digest),
      ({ message }: Error) => response.writeHead(500).end(message),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('a context is the body of a fetch, and of a request', () =>
  withScene(async ({ context, out }) =>
    withServer(out, async (url) => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const contexts = [{ directory: context }];
      rmSync(out, { recursive: true });
      const init = { method: 'POST', body: readable, duplex: 'half' } as const;
      const [response, fetched] = await Promise.all([
        fetch(url, init),
        send({ contexts, to: writable }),
      ]);
      expect({ status: response.status, text: await response.text() }).toEqual({
        status: 200,
        text: fetched.digest,
      });
      expect(treeState(out)).toEqual(treeState(context));

      const to = request(url, { method: 'POST' });
      const answered = new Promise<IncomingMessage>((resolve) => to.on('response', resolve));
      const requested = await send({ contexts, to });
      expect((await buffer(await answered)).toString()).toBe(requested.digest);
    }),
  ));

test('a tar comes from a web stream and goes to one', () =>
  withScene(async ({ context, out }) => {
    const [there, back] = [new PassThrough(), new PassThrough()];
    const tar = new TransformStream<Uint8Array, Uint8Array>();
    rmSync(out, { recursive: true });
    await Promise.all([
      send({ contexts: [{ directory: context }], to: there }),
      receive({ from: there, to: { tar: tar.writable } }),
      send({ contexts: [{ tar: tar.readable }], to: back }),
      receive({ from: back, to: { directory: out } }),
    ]);
    expect(Object.keys(treeState(out))).toEqual(Object.keys(treeState(context)));
  }));

test('a stream that is locked is a mistake of the caller', () =>
  withScene(async ({ context, out }) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    readable.getReader();
    writable.getWriter();
    const usage = { code: 'usage', message: expect.stringContaining('locked') };
    await expect(send({ contexts: [{ directory: context }], to: writable })).rejects.toMatchObject(
      usage,
    );
    await expect(receive({ from: readable, to: { directory: out } })).rejects.toMatchObject(usage);
  }));

test.each(['throw new Error(type)', 'return Promise.reject(new Error(type))'])(
  'a listener that fails does not affect the transfer, and its errors are not lost: %s',
  (fails) =>
    withScene(({ directory, context, out }) => {
      rmSync(out, { recursive: true });
      const script = join(directory, 'script.mjs');
      const text = `
        import { PassThrough } from 'node:stream';
        import { receive, send } from ${JSON.stringify(import.meta.resolve('ctxsync'))};
        const uncaught = new Set();
        process.on('uncaughtException', ({ message }) => uncaught.add(message));
        const onEvent = ({ type }) => { ${fails} };
        const pipe = new PassThrough();
        const [sent] = await Promise.all([
          send({ contexts: [{ directory: ${JSON.stringify(context)} }], to: pipe, onEvent }),
          receive({ from: pipe, to: { directory: ${JSON.stringify(out)} }, onEvent }),
        ]);
        await new Promise((resolve) => setImmediate(resolve));
        console.log(JSON.stringify([sent.result, [...uncaught].sort()]));`;
      writeFileSync(script, text);
      const { stdout, stderr, status } = spawnSync(process.execPath, [script], {
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const [result, uncaught] = JSON.parse(stdout) as [string, string[]];
      expect(result).toBe('done');
      expect(uncaught).toEqual(expect.arrayContaining(['end', 'phase']));
      expect(treeState(out)).toEqual(treeState(context));
    }),
);

test('what is neither a stream nor a transport is a mistake of the caller', async () => {
  const contexts = [{ directory: '.' }];
  for (const to of [{}, 7, undefined, { readable: true, writable: true }]) {
    await expect(send({ contexts, to: to as unknown as Writable })).rejects.toMatchObject({
      code: 'usage',
      message: '`to` is nothing to write to',
    });
  }
});
