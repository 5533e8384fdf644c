// Compiled against the packed typings by .ci/package, and never run.
import { PassThrough } from 'node:stream';
import {
  connectSocket,
  CtxsyncError,
  listenOnce,
  receive,
  send,
  serve,
  spawnPeer,
  type GivenEntry,
  type TransferEvent,
} from 'ctxsync';

async function* generate(): AsyncGenerator<GivenEntry> {
  yield { path: 'Dockerfile', content: 'FROM scratch' };
}

const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
const onEvent = async (event: TransferEvent): Promise<void> => {
  await Promise.resolve(event.type);
};
await send({
  contexts: [{ entries: generate() }, { name: 'web', directory: './web' }],
  to: writable,
  onEvent,
});
await receive({ from: readable, to: { directory: './out' } });
await send({
  contexts: [{ directory: '.' }],
  to: { readable, writable },
  signal: AbortSignal.timeout(1),
  abortGraceMs: 0,
});
await send({
  contexts: [{ directory: '.' }],
  to: () => connectSocket('/tmp/s', { timeoutMs: 1 }),
  retries: 3,
});
await send({
  contexts: [{ directory: '.' }],
  to: await spawnPeer('ssh', ['host', 'ctxsync', 'receive', '/out']),
});
await receive({ from: await listenOnce('/tmp/s'), to: { tar: new PassThrough() } });
const body = (await fetch('http://x')).body;
if (body !== null) await receive({ from: body, to: { directory: '.' } });
await serve({ socket: '/tmp/s', to: { directory: '.' } }).catch(
  (e: unknown) => e instanceof CtxsyncError && e.report?.tries,
);
