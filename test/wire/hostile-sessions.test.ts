import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proving, SEEDED } from '../helpers/proofs.ts';
import {
  receiversSession,
  sendersSession,
  TRANSFER_ID,
  type HostileSession,
} from '../helpers/wire/hostile-session.ts';
import {
  judgeConnection,
  plainly,
  type Judgement,
  type Reader,
} from '../helpers/wire/judge-connection.ts';
import {
  digestOfNothing,
  hearAsReceiver,
  hearAsSender,
  WANT_STREAMS,
} from '../helpers/wire/memory-reader.ts';
import { contentOf } from '../helpers/wire/hostile-content.ts';
import { readEntries } from '../helpers/wire/safe-entries.ts';
import { sliced } from '../helpers/wire/session-frames.ts';

/*
 * Thousands of sessions that nobody should send. Each is judged by a second implementation of
 * PROTOCOL.md (judge-connection.ts), and the result of our reader must be the same, including the byte
 * at which it stops, however the bytes arrive.
 */
const RING_BYTES = 16_384;
const OFFERED = ['', 'web', 'api'];

const RECEIVER: Reader = { side: 'receiver', grant: RING_BYTES, streams: WANT_STREAMS };

const slices = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 });

/** The reader and the judge agree on everything that was received. */
function expectSame(heard: Judgement, judged: Judgement, { changes }: HostileSession): void {
  expect({ changes, ...plainly(heard) }).toEqual({ changes, ...plainly(judged) });
}

/** What may be read of it is safe, or refused. */
function expectSafe({ streams }: Judgement, sizes: readonly number[]): void {
  for (const { kind, bytes, ended } of streams) if (ended) readEntries(kind, bytes, sizes);
}

describe(`whatever a sender sends ${SEEDED}`, { timeout: 0 }, () => {
  test.each(['oneway', 'duplex'] as const)(
    'a receiver accepts only what is valid: %s',
    async (mode) => {
      const verdicts = new Map<string, number>();
      const property = fc.asyncProperty(sendersSession(mode), slices, async (session, sizes) => {
        const judged = judgeConnection(session.bytes, RECEIVER);
        for (const pieces of [[session.bytes], sliced(session.bytes, sizes)]) {
          expectSame(await hearAsReceiver(pieces, RING_BYTES), judged, session);
        }
        expectSafe(judged, sizes);
        verdicts.set(judged.verdict, (verdicts.get(judged.verdict) ?? 0) + 1);
      });
      const options = proving(mode === 'oneway' ? 700 : 600);
      await fc.assert(property, options);
      // The sessions cover the intended cases.
      expect(verdicts.get('whole')).toBeGreaterThan(options.numRuns / 20);
      expect([...verdicts.keys()]).toEqual(expect.arrayContaining(['corrupt', 'truncated']));
    },
  );
});

test.each(['tree', 'manifest', 'want'])(
  `whatever a %s stream holds, what is accepted is safe, and slicing does not matter ${SEEDED}`,
  { timeout: 0 },
  (kind) => {
    fc.assert(
      fc.property(contentOf(kind), slices, (bytes, sizes) => {
        expect(readEntries(kind, bytes, sizes)).toBe(readEntries(kind, bytes, [Infinity]));
      }),
      proving(1_000),
    );
  },
);

describe(`whatever a receiver answers ${SEEDED}`, { timeout: 0 }, () => {
  test.each([true, false])(
    'a sender accepts only the right receipt, with everything sent: %s',
    (sentAll) => {
      const digest = digestOfNothing(TRANSFER_ID, OFFERED);
      const reader: Reader = {
        side: 'sender',
        grant: RING_BYTES,
        transferId: TRANSFER_ID,
        digest: sentAll ? digest : undefined,
        streams: OFFERED.length,
        asked: OFFERED,
      };
      const parts = { transferId: TRANSFER_ID, offered: OFFERED, sentAll, ringBytes: RING_BYTES };
      return fc.assert(
        fc.asyncProperty(receiversSession(digest), slices, async (session, sizes) => {
          const judged = judgeConnection(session.bytes, reader);
          for (const pieces of [[session.bytes], sliced(session.bytes, sizes)]) {
            expectSame(await hearAsSender(pieces, parts), judged, session);
          }
          expectSafe(judged, sizes);
        }),
        proving(350),
      );
    },
  );
});
