import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { Mux } from '../../src/wire/mux.ts';
import { expectExit, withScene } from '../helpers/trees/sandbox.ts';
import { expectCleanEnd, Server, type RawSender } from '../helpers/cli/serve.ts';
import { until } from '../helpers/until.ts';
import { allFrames, BEAT, HELLO } from '../helpers/wire/harness.ts';
import { encodeTreeRecords } from '../helpers/wire/independent-records.ts';

// A sender whose turn others wait for has to send payload. Beats, and a byte now and then, keep the
// turn for a while, and not for ever.

const EVERY_MS = 200;
const STALL_TIMEOUT_MS = 8_000;
const LIMITS = ['--stall-after', '1s', '--stall-timeout', `${STALL_TIMEOUT_MS}ms`];
/** A frame of an unknown type, with the checksum of its header. */
const SKIPPED = Buffer.from('00000000800000000000000028ee43b5', 'hex');

/** What a holder sends each time, from a mux with one open stream. */
type Chatter = (mux: Mux, ring: Ring, count: number) => Uint8Array[];

const beat: Chatter = (mux, _, count) => {
  mux.beat({ ...BEAT, entries: count, bytes: count });
  return allFrames(mux);
};
const CHATTERS: [what: string, chatter: Chatter][] = [
  ['beats whose counters rise', beat],
  ['frames that are skipped', () => [SKIPPED]],
  ['beats and frames that are skipped', (...of) => [SKIPPED, ...beat(...of)]],
  [
    'a byte of payload now and then',
    (mux, ring, count) => {
      if (count % 3 === 0) ring.write(Buffer.alloc(1));
      return allFrames(mux);
    },
  ],
  [
    'a byte of payload now and then, and beats',
    (mux, ring, count) => {
      if (count % 3 === 0) ring.write(Buffer.alloc(1));
      return beat(mux, ring, count);
    },
  ],
];

test.each(CHATTERS)('%s keep a turn from others only for a while', (_, chatter) =>
  withScene(async (sandbox) => {
    const server = await Server.start(sandbox, LIMITS);
    const hostile = await hold(server, chatter);
    await server.said(/#1 .*: receiving/);
    const honest = server.send(sandbox.context, '--stall-after', '1s');
    expectExit(await honest.done, 0);
    await until('the hostile one is let go', () => hostile.closed);
    expect(hostile.heard).toMatch(
      /gave up: (nothing moved for \d+s|less than 16 bytes a second arrived for 8s) while other senders waited/,
    );
    // Waiting for a turn is not a stall.
    expect(honest.said()).toContain('waiting: 1 sender ahead');
    expect(honest.said()).not.toMatch(/stalled .*waiting/);
    await expectCleanEnd(server);
  }),
);

/** Opens a stream, and then sends nothing but chatter. */
async function hold(server: Server, chatter: Chatter): Promise<RawSender> {
  const mux = new Mux({ ...HELLO, mode: 'duplex', contexts: [''] });
  mux.setFirstCredit(1_024);
  const ring = Ring.create(1_024);
  // A file whose content comes later.
  ring.write(
    encodeTreeRecords([
      { kind: 'directory', path: '' },
      { kind: 'file', path: 'a', size: 1e9 },
    ]),
  );
  mux.open({ kind: 'tree', name: '' }, ring);
  const raw = await server.connect(...allFrames(mux));
  const over = new AbortController();
  onTestFinished(() => over.abort());
  void talk(raw, over.signal, (count) => chatter(mux, ring, count));
  return raw;
}

async function talk(
  raw: RawSender,
  signal: AbortSignal,
  chatter: (count: number) => Uint8Array[],
): Promise<void> {
  for (let count = 1; !signal.aborted && !raw.closed; count++) {
    for (const frame of chatter(count)) raw.socket.write(frame);
    await setTimeout(EVERY_MS);
  }
}
