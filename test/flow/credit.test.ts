import { describe, expect, test } from 'vitest';
import { CreditGrant } from '../../src/flow/credit.ts';
import type { Ring } from '../../src/flow/ring.ts';
import { ringAt } from '../helpers/wire/ring-at.ts';
import { settle, someBytes, until } from '../helpers/wire/harness.ts';

const CAPACITY = 64;
const QUARTER = CAPACITY / 4;

/** A ring that `position` bytes have passed through, and the grant of a stream that begins there. */
function grantAt(position = 0, capacity = CAPACITY): { ring: Ring; grant: CreditGrant } {
  const ring = ringAt(position, capacity);
  return { ring, grant: new CreditGrant(ring) };
}

/** As the demux does: counts the bytes and writes them to the ring. */
function arrive({ ring, grant }: { ring: Ring; grant: CreditGrant }, count: number): void {
  expect(grant.receive(count)).toBe(true);
  expect(ring.write(someBytes(count))).toBe(count);
}

/** The result of raise(); 'pending' until it settles. */
function watchRaise(grant: CreditGrant): { limit: number | undefined | 'pending' } {
  const raise: { limit: number | undefined | 'pending' } = { limit: 'pending' };
  void grant.raise().then((limit) => (raise.limit = limit));
  return raise;
}

async function settleWell(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settle();
}

/** The new limit, which must come only once the rest is consumed too. */
async function raisedBy(
  { ring, grant }: { ring: Ring; grant: CreditGrant },
  { tooFew, rest }: { tooFew: number; rest: number },
): Promise<number | undefined | 'pending'> {
  const raise = watchRaise(grant);
  ring.consumed(tooFew);
  await settleWell();
  expect(raise.limit).toBe('pending');
  ring.consumed(rest);
  await until(() => raise.limit !== 'pending');
  return raise.limit;
}

describe('the limit', () => {
  test('is the whole ring at first', () => {
    const { grant } = grantAt();
    expect(grant.receive(CAPACITY)).toBe(true);
    expect(grant.receive(1)).toBe(false);
  });

  test('is not raised by arrival, however full the ring is', async () => {
    const stream = grantAt();
    const raise = watchRaise(stream.grant);
    arrive(stream, QUARTER);
    await settleWell();
    arrive(stream, CAPACITY - QUARTER);
    await settleWell();
    expect(raise.limit).toBe('pending');
    expect(stream.grant.receive(1)).toBe(false);
  });

  test('is raised once exactly a quarter of the ring was consumed', async () => {
    const stream = grantAt();
    arrive(stream, CAPACITY);
    const raised = await raisedBy(stream, { tooFew: QUARTER - 1, rest: 1 });
    expect(raised).toBe(CAPACITY + QUARTER);
  });

  test('is the consumed bytes plus the capacity of the ring, even for more than a quarter', async () => {
    const stream = grantAt();
    arrive(stream, CAPACITY);
    stream.ring.consumed(QUARTER + 5);
    expect(await stream.grant.raise()).toBe(QUARTER + 5 + CAPACITY);
    const raised = await raisedBy(stream, { tooFew: QUARTER - 1, rest: 1 });
    expect(raised).toBe(2 * QUARTER + 5 + CAPACITY);
  });

  test('lets no more bytes arrive than were granted', async () => {
    const stream = grantAt();
    arrive(stream, CAPACITY);
    stream.ring.consumed(QUARTER);
    await stream.grant.raise();
    arrive(stream, QUARTER);
    expect(stream.grant.receive(1)).toBe(false);
  });
});

test('consumed bytes count only once raise() has returned, because the peer knows no earlier grant', () => {
  const stream = grantAt();
  arrive(stream, CAPACITY);
  stream.ring.consumed(QUARTER);
  expect(stream.grant.receive(1)).toBe(false);
});

test('everything that was granted has room, at any pace of the consumer', async () => {
  const stream = grantAt();
  let limit = CAPACITY;
  let arrived = 0;
  let consumed = 0;
  for (let turn = 1; turn <= 100; turn++) {
    arrive(stream, limit - arrived);
    arrived = limit;
    const pace = QUARTER + (turn % (CAPACITY - QUARTER + 1));
    while (consumed < turn * QUARTER || arrived - consumed > CAPACITY - pace) {
      const piece = Math.min(stream.ring.readable().length, 7);
      stream.ring.consumed(piece);
      consumed += piece;
    }
    limit = (await stream.grant.raise())!;
    expect(limit).toBe(consumed + CAPACITY);
  }
});

test.each([2 ** 31, 2 ** 32])(
  'the grant keeps counting where positions wrap at %i',
  async (wrap) => {
    const capacity = 2 ** 16;
    const stream = grantAt(wrap - 100, capacity);
    arrive(stream, capacity);
    const raised = await raisedBy(stream, { tooFew: 100, rest: capacity / 4 - 100 });
    expect(raised).toBe(capacity + capacity / 4);
    arrive(stream, capacity / 4);
    stream.ring.consumed(100);
    stream.ring.consumed(stream.ring.readable().length);
    stream.ring.consumed(stream.ring.readable().length);
    expect(await stream.grant.raise()).toBe(2 * capacity + capacity / 4);
  },
);

describe('raise() ends without a new limit', () => {
  test('when the ring is cancelled', async () => {
    const { ring, grant } = grantAt();
    const raise = watchRaise(grant);
    ring.cancel();
    await until(() => raise.limit === undefined);
    expect(await grant.raise()).toBeUndefined();
  });

  test('when the stream ends, because nothing else would wake it or free its ring', async () => {
    const stream = grantAt();
    arrive(stream, 3);
    const raise = watchRaise(stream.grant);
    stream.ring.end();
    await until(() => raise.limit === undefined);
    expect(await stream.grant.raise()).toBeUndefined();
  });
});
