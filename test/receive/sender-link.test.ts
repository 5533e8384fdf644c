import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { Ring } from '../../src/flow/ring.ts';
import type { TransferEvent } from '../../src/observe/events.ts';
import { SenderLink } from '../../src/receive/sender-link.ts';
import type { Target } from '../../src/receive/target.ts';
import { fromStream, toStream } from '../../src/transport/to-transport.ts';
import { until } from '../helpers/until.ts';
import { settle } from '../helpers/wire/harness.ts';
import { FRAME, parseFrames, SessionEncoder } from '../helpers/wire/independent-encoder.ts';
import { encodeTreeRecords, END_OF_RECORDS } from '../helpers/wire/independent-records.ts';

/** A receiver's link, and a sender of frames at its other end. */
class Linked {
  readonly events: TransferEvent[] = [];
  readonly encoder: SessionEncoder;
  readonly toReceiver = new PassThrough();
  readonly fromReceiver = new PassThrough();
  readonly link = new SenderLink({
    from: { incoming: fromStream(this.toReceiver), outgoing: toStream(this.fromReceiver) },
    to: { directory: '/nowhere' },
    onEvent: (event) => this.events.push(event),
  });
  #answered = Buffer.alloc(0);

  /** @param hello changes to its HELLO */
  constructor(hello: object = {}) {
    const credit = Number.MAX_SAFE_INTEGER;
    this.encoder = new SessionEncoder({ mode: 'duplex', credit, contexts: ['web'], hello });
    this.fromReceiver.on('data', (bytes: Buffer) => {
      this.#answered = Buffer.concat([this.#answered, bytes]);
    });
    this.link.start();
  }

  /** The payloads of the frames of this type that the receiver has sent. */
  answers(type: number): { [key: string]: unknown }[] {
    return parseFrames(this.#answered)
      .filter((frame) => frame.type === type)
      .map(({ payload }) => JSON.parse(payload.toString()) as { [key: string]: unknown });
  }

  sendContext(): void {
    const { id, frame } = this.encoder.open('tree', 'web');
    const records = encodeTreeRecords([{ kind: 'directory', path: '' }]);
    for (const bytes of [frame, this.encoder.data(id, records)]) this.toReceiver.write(bytes);
    this.toReceiver.write(this.encoder.data(id, END_OF_RECORDS));
    this.toReceiver.write(this.encoder.end(id));
    this.toReceiver.write(this.encoder.fin());
  }
}

/** A target that takes one stream into a ring. */
function targetOf(ring: Ring, opened: string[]): Target {
  return {
    prepare: () => Promise.resolve(),
    open: ({ kind, name }) => {
      opened.push(`${kind} ${name}`);
      return ring;
    },
    crowded: false,
    noneWaiting: () => Promise.resolve(),
    worked: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    committed: false,
    settle: () => Promise.resolve(),
    discard: () => Promise.resolve(),
    contexts: () => [],
    counts: () => undefined,
    comparing: () => undefined,
    itemize: () => Promise.resolve(),
    outputBytes: 0,
    outputPendingMs: () => undefined,
  };
}

test('nothing after HELLO is processed until there is a target', async () => {
  const linked = new Linked();
  const { link } = linked;
  linked.toReceiver.write(linked.encoder.start());
  linked.sendContext();
  expect((await link.hello).contexts).toEqual(['web']);
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(linked.toReceiver.readableLength).toBeGreaterThan(0);
  expect(link.digest).toBeUndefined();
  const opened: string[] = [];
  const ring = Ring.create(1024);
  await link.receiveInto(targetOf(ring, opened));
  expect(opened).toEqual(['tree web']);
  expect(ring.ended).toBe(true);
  expect(link.digest).toMatch(/^[0-9a-f]{64}$/);
  link.monitor.stop(true);
});

test('a sender that is kept waiting is told for whom, and again when the queue moves', async () => {
  const linked = new Linked();
  const { link, toReceiver, encoder } = linked;
  toReceiver.write(encoder.start());
  await link.hello;
  let words = '2 senders ahead';
  let grant = (): void => {};
  const granted = new Promise<void>((resolve) => (grant = resolve));
  const waiting = link.keepWaiting(granted, () => ({ words, entries: 0, bytes: 0 }));
  const heard = (): unknown[] => linked.answers(FRAME.BEAT).map(({ path }) => path);
  await until('it hears of two', () => heard().includes('2 senders ahead'));
  words = '1 sender ahead';
  await until('it hears of one', () => heard().includes('1 sender ahead'));
  grant();
  await waiting;
  const phases = linked.events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
  expect(phases).toEqual(['preparing', 'queued', 'preparing']);
  link.monitor.stop(true);
});

test('a sender that leaves while it waits ends the waiting', async () => {
  const { link, toReceiver, fromReceiver, encoder } = new Linked();
  toReceiver.write(encoder.start());
  await link.hello;
  const waiting = link.keepWaiting(new Promise(() => {}), () => undefined);
  toReceiver.end();
  fromReceiver.destroy();
  await expect(waiting).rejects.toMatchObject({ code: 'peer-gone' });
  link.monitor.stop(false);
});

test('a sender that has sent everything may end its direction while it waits', async () => {
  const linked = new Linked();
  const { link } = linked;
  linked.toReceiver.write(linked.encoder.start());
  await link.hello;
  let grant = (): void => {};
  const granted = new Promise<void>((resolve) => (grant = resolve));
  const waiting = link.keepWaiting(granted, () => undefined);
  linked.sendContext();
  linked.toReceiver.end();
  for (let turn = 0; turn < 10; turn++) await settle();
  grant();
  await waiting;
  await link.receiveInto(targetOf(Ring.create(1024), []));
  expect(link.digest).toMatch(/^[0-9a-f]{64}$/);
  link.monitor.stop(true);
});

test('a sender that is refused gets the reason, and the transfer ends with a report', async () => {
  const linked = new Linked();
  const { link, toReceiver, encoder } = linked;
  toReceiver.write(encoder.start());
  await link.hello;
  const refused = link.refuse(new CtxsyncError('locked', 'held by another'));
  await until('it has the reason', () => linked.answers(FRAME.ERROR).length === 1);
  toReceiver.end();
  await refused;
  expect(linked.answers(FRAME.ERROR)).toMatchObject([{ message: 'held by another' }]);
  expect(linked.events.at(-1)).toMatchObject({
    type: 'end',
    report: { result: 'failed', error: { code: 'locked' } },
  });
});

test('a context that HELLO did not name is refused', async () => {
  const { link, toReceiver, encoder } = new Linked();
  toReceiver.write(encoder.start());
  await link.hello;
  void link.receiveInto(targetOf(Ring.create(1024), []));
  toReceiver.write(encoder.open('tree', 'other').frame);
  await expect(link.failure.race(new Promise(() => {}))).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining('HELLO does not name') as string,
  });
  link.monitor.stop(false);
});

test.each<[what: string, hello: object, code: number, words: string]>([
  [
    'of another version',
    { minVersion: 3, maxVersion: 9 },
    14,
    'the peer speaks protocol versions 3 to 9',
  ],
  ['with a bad field', { beatIntervalMs: -1 }, 13, 'HELLO: beatIntervalMs'],
])('a sender with a HELLO %s hears why it is refused', async (_, hello, code, words) => {
  const linked = new Linked(hello);
  const { link, toReceiver, encoder } = linked;
  toReceiver.write(encoder.start());
  const failed = await link.failure.race(new Promise(() => {})).catch((error: unknown) => error);
  const refused = link.refuse(failed as CtxsyncError);
  await until('it has the reason', () => linked.answers(FRAME.ERROR).length === 1);
  toReceiver.end();
  await refused;
  expect(linked.answers(FRAME.HELLO)).toMatchObject([{ minVersion: 2, maxVersion: 2 }]);
  expect(linked.answers(FRAME.ERROR)).toMatchObject([
    { code, message: expect.stringContaining(words) as string },
  ]);
});
