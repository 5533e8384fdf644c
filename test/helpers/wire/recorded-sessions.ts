import { Ring } from '../../../src/flow/ring.ts';
import { ManifestWriter } from '../../../src/entry/manifest.ts';
import { WantWriter } from '../../../src/entry/wants.ts';
import { Mux } from '../../../src/wire/mux.ts';
import { anEntry, MemorySink } from '../trees/archive-io.ts';
import { allFrames, BEAT, fullRing, HELLO, someBytes } from './harness.ts';

/** Sessions of our own, with a frame of every type and a stream of every kind. */

const DIRECTORY = anEntry({ path: '', kind: 'directory', mode: 0o755 });
const FILE = anEntry({ path: 'a.txt', size: 5 });
const STAMP = 0x0123abcd;
const NO_BYTES = new Uint8Array(0);

/** Its content does not matter here. */
const TREE = someBytes(60);

const MANIFEST = records((sink) => {
  const manifest = new ManifestWriter(sink);
  for (const entry of [DIRECTORY, FILE]) manifest.add({ ...entry, stamp: STAMP });
  manifest.end();
});

const WANTS = records((sink) => {
  const wants = new WantWriter(sink);
  wants.add({ path: '', kind: 'directory', stamp: STAMP });
  wants.add({ path: 'a.txt', kind: 'file', stamp: STAMP, sha256: 'ab'.repeat(32) });
  wants.end();
});

const CREDIT = 256;

/** Session of a sender, over a pipe. */
export function recordOneWay(): Buffer {
  const mux = new Mux(HELLO);
  mux.open({ kind: 'tree', name: 'web' }, fullRing(TREE));
  mux.open({ kind: 'tree', name: 'empty' }, fullRing(NO_BYTES));
  mux.beat(BEAT);
  mux.finish();
  return Buffer.concat(allFrames(mux));
}

/** Session of a sender, on duplex: what it offers, and what was wanted of that. */
export function recordDuplex(): Buffer {
  const mux = new Mux({ ...HELLO, mode: 'duplex', credit: CREDIT, contexts: ['web'] });
  mux.setFirstCredit(CREDIT);
  mux.open({ kind: 'manifest', name: 'web' }, fullRing(MANIFEST));
  mux.grant(1, CREDIT + 1);
  const offered = allFrames(mux);
  mux.open({ kind: 'tree', name: 'web' }, fullRing(TREE));
  mux.beat(BEAT);
  mux.finish();
  return Buffer.concat([...offered, ...allFrames(mux)]);
}

/** Answers of a receiver to a sender that offered two contexts: a list, all, and the receipt. */
export function recordAnswers(
  offered: readonly [string, string],
  transferId: string,
  digest: string,
): Buffer {
  const mux = new Mux({ ...HELLO, role: 'receiver', mode: 'duplex', transferId, credit: CREDIT });
  mux.setFirstCredit(CREDIT);
  mux.open({ kind: 'want', name: offered[0] }, fullRing(WANTS));
  mux.open({ kind: 'want', name: offered[1], all: true }, fullRing(NO_BYTES));
  mux.grant(1, CREDIT);
  mux.beat(BEAT);
  const frames = allFrames(mux);
  mux.sendReceipt({ transferId, digest, written: 1, unchanged: 0, removed: 0 });
  return Buffer.concat([...frames, ...allFrames(mux)]);
}

/** Session of a sender that fails in the middle of a stream. */
export function recordFailure(): Buffer {
  const mux = new Mux(HELLO);
  const ring = Ring.create(64);
  ring.write(Buffer.from('half of it'));
  mux.open({ kind: 'tree', name: '' }, ring);
  const frames = allFrames(mux);
  mux.fail({ code: 'source-changed', origin: 'sender', message: 'it grew', path: 'a.txt' });
  return Buffer.concat([...frames, ...allFrames(mux)]);
}

function records(write: (sink: MemorySink) => void): Buffer {
  const sink = new MemorySink();
  write(sink);
  return sink.bytes();
}
