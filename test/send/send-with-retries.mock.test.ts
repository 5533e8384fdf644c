import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CtxsyncError, type ErrorCode } from '../../src/errors.ts';
import { MAX_RETRY_DELAY_MS } from '../../src/limits.ts';
import type { TransferEvent } from '../../src/observe/events.ts';
import { send } from '../../src/send/send.ts';
import type { SendOptions } from '../../src/send/send-options.ts';

const { delays, abortable } = vi.hoisted(() => ({
  delays: [] as (number | undefined)[],
  abortable: { pending: false },
}));

beforeEach(() => {
  delays.length = 0;
  abortable.pending = false;
});
afterEach(() => void vi.restoreAllMocks());

vi.mock('node:timers/promises', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:timers/promises')>()),
  setTimeout: (ms: number, _value: unknown, { signal }: { signal?: AbortSignal } = {}) => {
    delays.push(ms);
    if (!abortable.pending) return Promise.resolve();
    return new Promise((_, reject) =>
      signal?.addEventListener('abort', () => reject(new Error('aborted'))),
    );
  },
}));

/** Fails to connect with each of these codes in turn, and stays with the last. */
function failing(...codes: (ErrorCode | 'locked-peer')[]): {
  to: () => never;
  tries: () => number;
} {
  let count = 0;
  const to = (): never => {
    const code = codes[Math.min(count++, codes.length - 1)]!;
    if (code !== 'locked-peer') throw new CtxsyncError(code, `failed: ${code}`);
    throw new CtxsyncError('peer-failed', 'locked', { peer: { code: 'locked', message: '' } });
  };
  return { to, tries: () => count };
}

async function rejection(options: Partial<SendOptions>): Promise<CtxsyncError> {
  const sending = send({ contexts: [{ directory: '.' }], to: new PassThrough(), ...options });
  return sending.then(
    () => {
      throw new Error('not rejected');
    },
    (error: unknown) => error as CtxsyncError,
  );
}

test('the waits double up to a bound', async () => {
  const { to, tries } = failing('peer-gone');
  const error = await rejection({ to, retries: 8 });
  expect(error).toMatchObject({ code: 'peer-gone', report: { result: 'failed', tries: 9 } });
  expect(tries()).toBe(9);
  const most = MAX_RETRY_DELAY_MS;
  expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, most, most, most]);
});

test.each<[ErrorCode, tries: number]>([
  ['peer-gone', 2],
  ['truncated', 2],
  ['no-peer', 2],
  ['outcome-unknown', 2],
  ['stalled', 1],
  ['corrupt', 1],
  ['not-ctxsync', 1],
  ['usage', 1],
  ['source-missing', 1],
  ['interrupted', 1],
])('after %s there are %i tries', async (code, expected) => {
  const { to, tries } = failing(code);
  expect(await rejection({ to, retries: 1 })).toMatchObject({ code });
  expect(tries()).toBe(expected);
});

test('a receiver that finds OUT locked is tried again only after a loss, whose receiver may hold it', async () => {
  const first = failing('locked-peer');
  await rejection({ to: first.to, retries: 3 });
  expect(first.tries()).toBe(1);
  const later = failing('peer-gone', 'locked-peer');
  await rejection({ to: later.to, retries: 3 });
  expect(later.tries()).toBe(4);
});

test('what a function that connects throws is no connection, with the reason', async () => {
  const cause = new Error('ECONNREFUSED');
  const to = (): never => {
    throw cause;
  };
  expect(await rejection({ to })).toMatchObject({
    code: 'no-peer',
    message: 'cannot connect: ECONNREFUSED',
    cause,
  });
  expect(delays).toEqual([]);
});

test('an abort ends the wait, and what is unknown of the last try stays so', async () => {
  abortable.pending = true;
  for (const code of ['peer-gone', 'outcome-unknown'] as const) {
    const controller = new AbortController();
    const events: TransferEvent[] = [];
    const { to, tries } = failing(code);
    const onEvent = (event: TransferEvent): void => {
      events.push(event);
      if (event.type === 'retry') queueMicrotask(() => controller.abort('enough'));
    };
    const error = await rejection({ to, retries: 3, signal: controller.signal, onEvent });
    const interrupted = { code: 'interrupted', cause: 'enough' };
    expect(error).toMatchObject(code === 'peer-gone' ? interrupted : { code });
    expect(error.report).toMatchObject({ error: { code: error.code }, tries: 1 });
    expect(tries()).toBe(1);
    expect(events.map(({ type }) => type)).toEqual(['retry', 'end']);
  }
});

test.each<[what: string, options: Partial<SendOptions>, message: string]>([
  ['a number that is none', { retries: -1 }, 'retries is -1'],
  ['a stream', { retries: 1 }, '`to` to be a function'],
  [
    'a tar',
    { retries: 1, to: () => new PassThrough(), contexts: [{ tar: new PassThrough() }] },
    'a tar can be read only once',
  ],
  [
    'rules from a pipe',
    {
      retries: 1,
      to: () => new PassThrough(),
      contexts: [{ directory: '.', ignore: { ignoreFile: '/dev/fd/3' } }],
    },
    'the ignore file /dev/fd/3 can be read only once',
  ],
])('%s cannot be sent again', async (_, options, message) => {
  expect(await rejection(options)).toMatchObject({
    code: 'usage',
    message: expect.stringContaining(message),
  });
});

test('a connection that is not used because of a mistake is closed', async () => {
  const close = vi.fn<() => Promise<void>>(() => Promise.resolve());
  const incoming = { read: () => Promise.resolve(), destroy: () => {} };
  const end = (): Promise<void> => Promise.resolve();
  const outgoing = { write: end, end, destroy: () => {}, untakenBytes: undefined };
  await rejection({ contexts: [], to: { incoming, outgoing, close } });
  expect(close).toHaveBeenCalledOnce();
});
