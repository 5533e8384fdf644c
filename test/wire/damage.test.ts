import { describe, expect, test } from 'vitest';
import { Demux } from '../../src/wire/demux.ts';
import { MAGIC } from '../../src/wire/frame.ts';
import { WIRE_CODES } from '../../src/wire/messages.ts';
import { receiveAll, Recorder } from '../helpers/wire/harness.ts';
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
import {
  recordAnswers,
  recordDuplex,
  recordFailure,
  recordOneWay,
} from '../helpers/wire/recorded-sessions.ts';
import { sliced } from '../helpers/wire/session-frames.ts';
import { STRIDE } from '../helpers/proofs.ts';

/*
 * Whole sessions of ours, cut at every offset, split in two at every offset, byte by byte, and with every
 * bit flipped, every byte lost and every byte duplicated. The result is what the session contains, or a
 * failure with a code, and then nothing that could be published.
 */
const RING_BYTES = 256;
const TRANSFER_ID = '00112233445566778899aabbccddeeff';
const OFFERED = ['web', 'api'] as const;
const DIGEST = digestOfNothing(TRANSFER_ID, OFFERED);

/** Includes the peer's ERROR: it says nothing about what came before. */
const FAILURES: ReadonlySet<string> = new Set([...Object.keys(WIRE_CODES), 'error']);

interface Session {
  name: string;
  bytes: Buffer;
  /** The verdict on the whole session. */
  verdict: string;
  reader: Reader;
  hear: (pieces: Iterable<Uint8Array>) => Promise<Judgement>;
}

const receiving = {
  reader: { side: 'receiver', grant: RING_BYTES, streams: WANT_STREAMS },
  hear: (pieces: Iterable<Uint8Array>) => hearAsReceiver(pieces, RING_BYTES),
} as const;

const sending = {
  reader: {
    side: 'sender',
    grant: RING_BYTES,
    transferId: TRANSFER_ID,
    digest: DIGEST,
    streams: OFFERED.length,
    asked: OFFERED,
  },
  hear: (pieces: Iterable<Uint8Array>) =>
    hearAsSender(pieces, {
      transferId: TRANSFER_ID,
      offered: OFFERED,
      sentAll: true,
      ringBytes: RING_BYTES,
    }),
} as const;

const SESSIONS: Session[] = [
  {
    name: 'the session of a sender, one way,',
    bytes: recordOneWay(),
    verdict: 'whole',
    ...receiving,
  },
  {
    name: 'the session of a sender, both ways,',
    bytes: recordDuplex(),
    verdict: 'whole',
    ...receiving,
  },
  {
    name: 'the session of a sender that fails',
    bytes: recordFailure(),
    verdict: 'error',
    ...receiving,
  },
  {
    name: 'the session of a receiver',
    bytes: recordAnswers(OFFERED, TRANSFER_ID, DIGEST),
    verdict: 'receipt',
    ...sending,
  },
];

describe.each(SESSIONS.map((each) => [each.name, each] as const))('%s', (_, session) => {
  const { bytes, verdict, reader, hear } = session;

  /** The content of the session, byte for byte. */
  const whole = judgeConnection(bytes, reader);

  async function expectRefused(at: number, pieces: Uint8Array[]): Promise<void> {
    const heard = await hear(pieces);
    if (!FAILURES.has(heard.verdict)) expect.fail(`${heard.verdict}, with damage at ${at}`);
    expectNothingFalse(heard);
  }

  /** Every stream that has ended is one of the session, and complete. */
  function expectNothingFalse({ streams }: Judgement): void {
    for (const { name, kind, bytes: content, ended } of streams) {
      if (!ended) continue;
      const sent = whole.streams.find((each) => each.name === name && each.kind === kind);
      if (sent?.bytes.equals(content) !== true) expect.fail(`${kind} "${name}" is another`);
    }
  }

  test('is accepted as it is', async () => {
    expect(whole.verdict).toBe(verdict);
    expect(plainly(await hear([bytes]))).toEqual(plainly(whole));
  });

  test('is accepted in two pieces, wherever they are split, and byte by byte', async () => {
    const partings = Array.from(bytes, (_byte, at) => [bytes.subarray(0, at), bytes.subarray(at)]);
    for (const pieces of [...partings, sliced(bytes, [1])]) {
      expect(plainly(await hear(pieces))).toEqual(plainly(whole));
    }
  });

  test('is never accepted when it is cut anywhere', async () => {
    const expected = reader.side === 'sender' ? 'outcome-unknown' : 'truncated';
    for (let cut = 0; cut < bytes.length; cut++) {
      const heard = await hear([bytes.subarray(0, cut)]);
      if (heard.verdict !== expected) expect.fail(`${heard.verdict}, cut after ${cut}`);
      expectNothingFalse(heard);
    }
  });

  test('is never accepted with any one bit flipped', { timeout: 120_000 }, async () => {
    const damaged = Buffer.from(bytes);
    for (let bit = 0; bit < damaged.length * 8; bit += STRIDE) {
      const [at, mask] = [bit >> 3, 1 << (bit & 7)];
      damaged[at]! ^= mask;
      await expectRefused(bit, [damaged]);
      damaged[at]! ^= mask;
    }
  });

  test('is never accepted with any one byte lost or duplicated', async () => {
    for (let at = 0; at < bytes.length; at++) {
      await expectRefused(at, [bytes.subarray(0, at), bytes.subarray(at + 1)]);
      // A byte after the last frame is the beginning of another frame that may or may not come.
      if (at === bytes.length - 1) continue;
      await expectRefused(at, [bytes.subarray(0, at + 1), bytes.subarray(at)]);
    }
  });
});

test('the end of a cut transfer is described in the error', () => {
  const [{ bytes }] = SESSIONS as [Session];
  const message = (cut: number) => receiveAll([bytes.subarray(0, cut)]).error?.message;
  for (const cut of [3, MAGIC.length, MAGIC.length + 1, MAGIC.length + 20, bytes.length - 1]) {
    expect(message(cut)).toMatch(`the transfer was cut off after ${cut} bytes: `);
  }
});

test('bytes after FIN do not revoke its verdict, but are an error as soon as they form a frame', () => {
  const demux = new Demux(new Recorder());
  expect(demux.push(recordOneWay())).toBeUndefined();
  expect(demux.push(new Uint8Array(15))).toBeUndefined();
  demux.eof();
  expect(demux.finished).toBe(true);
  expect(() => demux.push(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'corrupt' }));
});
