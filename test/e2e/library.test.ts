import { existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Duplex, PassThrough, Writable, type Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import {
  CtxsyncError,
  fromStream,
  receive,
  send,
  serve,
  toStream,
  type Context,
  type ServeEvent,
  type TransferEvent,
  type TransferReport,
} from 'ctxsync';
import { expect, test } from 'vitest';
import { expectUntouched, withScene, workNames, type Sandbox } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// The built package, as a program gets it when it imports ctxsync by name.

/** Both sides of a transfer, with the events of each. */
class Transfer {
  readonly sent: TransferEvent[] = [];
  readonly received: TransferEvent[] = [];
  readonly sending: Promise<TransferReport>;
  readonly receiving: Promise<TransferReport>;

  constructor(
    directory: string,
    out: string,
    { sendSignal, receiveSignal }: { sendSignal?: AbortSignal; receiveSignal?: AbortSignal } = {},
  ) {
    const pipe = new PassThrough();
    this.sending = send({
      contexts: [{ directory }],
      to: toStream(pipe),
      signal: sendSignal,
      onEvent: (event) => this.sent.push(event),
    });
    this.receiving = receive({
      from: fromStream(pipe),
      to: { directory: out },
      signal: receiveSignal,
      onEvent: (event) => this.received.push(event),
    });
    // Each is awaited later.
    this.sending.catch(() => {});
    this.receiving.catch(() => {});
  }
}

async function rejection(work: Promise<unknown>): Promise<CtxsyncError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof CtxsyncError) return error;
  throw new Error(`not rejected with a CtxsyncError: ${String(error)}`);
}

function phases(events: TransferEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
}

function reportOf(events: TransferEvent[]): TransferReport {
  const last = events.at(-1);
  expect(events.filter(({ type }) => type === 'end')).toEqual([last]);
  if (last?.type !== 'end') throw new Error(`the last event is ${last?.type}`);
  return last.report;
}

function addBigFile({ context }: Sandbox): void {
  const path = join(context, 'big.bin');
  writeFileSync(path, '');
  truncateSync(path, 256 * 1024 * 1024);
}

test('send and receive, joined by a stream in one process, transfer a whole context', () =>
  withScene(async ({ context, out }) => {
    rmSync(out, { recursive: true });
    const { sending, receiving } = new Transfer(context, out);
    const [sent, received] = await Promise.all([sending, receiving]);
    expect(treeState(out)).toEqual(treeState(context));
    expect(sent).toMatchObject({ result: 'done', side: 'sender', entries: 5, bytes: 14 });
    expect(received).toMatchObject({ result: 'done', side: 'receiver', entries: 5, bytes: 14 });
    expect(received.digest).toBe(sent.digest);
    expect(received.wireBytes).toBe(sent.wireBytes);
  }));

test('events come in the order of the phases, and the last has the report that the promise resolves to', () =>
  withScene(async ({ context, out }) => {
    const { sending, receiving, sent, received } = new Transfer(context, out);
    const [sendReport, receiveReport] = await Promise.all([sending, receiving]);
    expect(phases(sent)).toEqual(['preparing', 'sending']);
    expect(phases(received)).toEqual(['preparing', 'receiving', 'committing']);
    expect(reportOf(sent)).toBe(sendReport);
    expect(reportOf(received)).toBe(receiveReport);
  }));

test('a failed source rejects both sides with code and path, and the last event has the report', () =>
  withScene(async (sandbox) => {
    const missing = join(sandbox.directory, 'missing');
    const { sending, receiving, sent, received } = new Transfer(missing, sandbox.out);
    const sendError = await rejection(sending);
    const receiveError = await rejection(receiving);
    expect(sendError).toMatchObject({ code: 'source-missing', path: missing });
    expect(receiveError).toMatchObject({
      code: 'peer-failed',
      path: missing,
      peer: { code: 'source-missing', message: sendError.message },
    });
    const failed = { count: 1, paths: [{ path: missing }] };
    const { code, message } = sendError;
    expect(reportOf(sent)).toMatchObject({ result: 'failed', error: { code, message }, failed });
    expect(reportOf(received)).toMatchObject({
      result: 'failed',
      error: { code: 'peer-failed', path: missing },
      peerError: { code: 'source-missing' },
    });
    expectUntouched(sandbox);
  }));

test('a failed destination rejects the receiver with code and path, and the sender with peer-gone', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const out = join(sandbox.out, 'kept.txt');
    const { sending, receiving } = new Transfer(sandbox.context, out);
    expect(await rejection(receiving)).toMatchObject({ code: 'not-writable', path: out });
    expect(await rejection(sending)).toMatchObject({ code: 'peer-gone' });
    expectUntouched(sandbox);
  }));

test('aborting the receiver rejects it as interrupted, and OUT is untouched', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { signal, abort } = abortable();
    const transfer = new Transfer(sandbox.context, sandbox.out, { receiveSignal: signal });
    await until('the stage is there', () => workNames(sandbox.out).length === 2);
    abort();
    expect(await rejection(transfer.receiving)).toMatchObject({ code: 'interrupted' });
    expect(await rejection(transfer.sending)).toMatchObject({ code: 'peer-gone' });
    expect(reportOf(transfer.received)).toMatchObject({ error: { code: 'interrupted' } });
    expectUntouched(sandbox);
  }));

test('aborting the sender rejects it as interrupted, and the receiver as peer-failed', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { signal, abort } = abortable();
    const transfer = new Transfer(sandbox.context, sandbox.out, { sendSignal: signal });
    await until('the stage is there', () => workNames(sandbox.out).length === 2);
    abort();
    expect(await rejection(transfer.sending)).toMatchObject({ code: 'interrupted' });
    expect(await rejection(transfer.receiving)).toMatchObject({
      code: 'peer-failed',
      peer: { code: 'interrupted' },
    });
    expectUntouched(sandbox);
  }));

test('a signal that is already aborted prevents any work', () =>
  withScene(async ({ context, directory }) => {
    const out = join(directory, 'new');
    const signal = AbortSignal.abort();
    const transfer = new Transfer(context, out, { sendSignal: signal, receiveSignal: signal });
    expect(await rejection(transfer.sending)).toMatchObject({ code: 'interrupted' });
    expect(await rejection(transfer.receiving)).toMatchObject({ code: 'interrupted' });
    expect(existsSync(out)).toBe(false);
  }));

test('aborting after the end changes nothing', () =>
  withScene(async ({ context, out }) => {
    const { signal, abort } = abortable();
    const transfer = new Transfer(context, out, { sendSignal: signal, receiveSignal: signal });
    await Promise.all([transfer.sending, transfer.receiving]);
    const after = treeState(out);
    abort();
    expect(reportOf(transfer.received).result).toBe('done');
    expect(treeState(out)).toEqual(after);
  }));

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

test('an error has the report of what was done, and after an abort the reason of the signal', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const controller = new AbortController();
    const transfer = new Transfer(sandbox.context, sandbox.out, { sendSignal: controller.signal });
    await until('the stage is there', () => workNames(sandbox.out).length === 2);
    const reason = new Error('nobody waits any more');
    controller.abort(reason);
    const sent = await rejection(transfer.sending);
    expect(sent).toMatchObject({ code: 'interrupted', cause: reason });
    expect(sent.report).toBe(reportOf(transfer.sent));
    const received = await rejection(transfer.receiving);
    expect(received.report).toBe(reportOf(transfer.received));
    expect(received.report).toMatchObject({ result: 'failed', side: 'receiver' });
  }));

/** Two ends of one connection in memory. */
function duplexPair(): [Duplex, Duplex] {
  const [there, back] = [new PassThrough(), new PassThrough()];
  return [
    Duplex.from({ readable: back, writable: there }),
    Duplex.from({ readable: there, writable: back }),
  ];
}

test('over a Duplex only what changed is sent', () =>
  withScene(async ({ context, out }) => {
    const transfer = async (): Promise<TransferReport[]> => {
      const [to, from] = duplexPair();
      return Promise.all([
        send({ contexts: [{ directory: context }], to }),
        receive({ from, to: { directory: out, delete: true } }),
      ]);
    };
    const [first] = await transfer();
    expect(first?.counts).toMatchObject({ unchanged: 0, removed: 1 });
    writeFileSync(join(context, 'new.txt'), 'new');
    for (const report of await transfer()) {
      expect(report).toMatchObject({ entries: 1, counts: { written: 1, removed: 0 } });
    }
    expect(treeState(out)).toEqual(treeState(context));
  }));

test('over a Writable, a Readable and a Transform a transfer goes one way', () =>
  withScene(async ({ context, out }) => {
    const pipe = new PassThrough();
    const [sent] = await Promise.all([
      send({ contexts: [{ directory: context }], to: pipe }),
      receive({ from: pipe, to: { directory: out } }),
    ]);
    expect(sent.counts).toBeUndefined();
    const tar = new PassThrough();
    const [from, to] = [new PassThrough(), new PassThrough()];
    const tarOut = join(out, 'from-tar');
    await Promise.all([
      send({ contexts: [{ directory: context }], to: from }),
      receive({ from, to: { tar } }),
      send({ contexts: [{ tar }], to }),
      receive({ from: to, to: { directory: tarOut } }),
    ]);
    expect(Object.keys(treeState(tarOut))).toEqual(Object.keys(treeState(context)));
  }));

test('rules are lines of an ignore file in the given order, and a bad one is named', () =>
  withScene(async ({ context, directory }) => {
    writeFileSync(join(context, 'a.log'), '');
    writeFileSync(join(context, 'keep.log'), '');
    const sendWith = async (...rules: string[]): Promise<string[]> => {
      const pipe = new PassThrough();
      const out = join(directory, `out-${rules.length}`);
      const sending = send({ contexts: [{ directory: context, ignore: { rules } }], to: pipe });
      const receiving = receive({ from: pipe, to: { directory: out } });
      await Promise.allSettled([sending, receiving]);
      await sending;
      return Object.keys(treeState(out)).filter((path) => path.endsWith('.log'));
    };
    expect(await sendWith('*.log', '!keep.log')).toEqual(['keep.log']);
    expect(await rejection(sendWith('['))).toMatchObject({
      code: 'bad-ignore-rule',
      message: expect.stringContaining('ignore.rules: syntax error in pattern "["'),
    });
  }));

test.each<[what: string, context: unknown]>([
  ['nothing', undefined],
  ['text', 'web'],
  ['a directory that is no text', { directory: 7 }],
  ['a name that is no text', { directory: '.', name: 7 }],
  ['a tar that is no stream', { tar: 7 }],
  ['both', { directory: '.', tar: new PassThrough() }],
])('a context that is %s is a mistake of the caller, with a report', async (_, context) => {
  const sending = send({ contexts: [context as Context], to: new PassThrough() });
  expect(await rejection(sending)).toMatchObject({
    code: 'usage',
    message: 'contexts[0] is neither a directory, a tar nor entries',
    report: { result: 'failed', side: 'sender' },
  });
});

test.each([undefined, 7, {}, new Writable()])('nothing is received from %j', async (from) => {
  const to = { directory: '/nowhere' };
  expect(await rejection(receive({ from: from as Readable, to }))).toMatchObject({ code: 'usage' });
});

test.each<[what: string, names: string[], words: string]>([
  ['none', [], 'no context is given'],
  ['two without a name', ['', ''], 'several contexts without a name'],
  ['two of one name', ['web', 'web'], 'several contexts are named web'],
  ['one that leads out', ['../x'], '"../x" cannot be the name of a directory in OUT'],
  ["a receiver's own", ['.ctxsync-lock'], '".ctxsync-lock" cannot be the name'],
])('contexts are checked before anything is sent: %s', async (_, names, words) => {
  const to = new PassThrough();
  const contexts = names.map((name) => ({ name, directory: '.' }));
  expect(await rejection(send({ contexts, to }))).toMatchObject({
    code: 'usage',
    message: expect.stringContaining(words),
  });
  expect(to.readableLength).toBe(0);
});

test('the time to close a bidirectional transport does not count as time of the transfer', () =>
  withScene(async ({ context, out }) => {
    const [there, back] = [new PassThrough(), new PassThrough()];
    let closedAt = 0;
    const close = async (): Promise<void> => {
      closedAt = performance.now();
      await setTimeout(100);
    };
    const since = performance.now();
    const [{ times }] = await Promise.all([
      send({
        contexts: [{ directory: context }],
        to: { incoming: fromStream(back), outgoing: toStream(there), close },
      }),
      receive({
        from: { incoming: fromStream(there), outgoing: toStream(back) },
        to: { directory: out },
      }),
    ]);
    expect(times.totalMs).toBeLessThanOrEqual(Math.round(closedAt - since));
  }));

test('serve() receives from all senders until it is asked to finish', () =>
  withScene(async ({ directory, context, out }) => {
    const socket = join(directory, 'socket');
    const finish = new AbortController();
    const events: ServeEvent[] = [];
    const serving = serve({
      socket,
      to: { directory: out },
      finish: finish.signal,
      onEvent: (event) => events.push(event),
    });
    await until('it listens', () => existsSync(socket));
    const sendOne = (name: string, directoryOfIt: string): Promise<TransferReport> => {
      const stream = connect({ path: socket, allowHalfOpen: true });
      const to = { incoming: fromStream(stream), outgoing: toStream(stream) };
      return send({ contexts: [{ name, directory: directoryOfIt }], to });
    };
    await Promise.all([sendOne('a', context), sendOne('b', context)]);
    expect(await rejection(sendOne('c', join(directory, 'no')))).toMatchObject({
      code: 'source-missing',
    });
    await until('all have ended', () => events.filter(({ type }) => type === 'end').length === 3);
    finish.abort();
    expect(await serving).toEqual({ received: 2, failed: 1 });
    expect(existsSync(socket)).toBe(false);
    expect(treeState(join(out, 'a'))).toEqual(treeState(context));
    expect(treeState(join(out, 'b'))).toEqual(treeState(context));
    const ends = events.flatMap((event) => (event.type === 'end' ? [event] : []));
    expect(ends.map(({ transfer }) => transfer).toSorted((x, y) => x - y)).toEqual([1, 2, 3]);
  }));
