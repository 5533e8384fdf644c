import { CtxsyncError } from '../../../src/errors.ts';
import { Ring } from '../../../src/flow/ring.ts';
import { Answers, type Wants } from '../../../src/send/answers.ts';
import { PeerLink } from '../../../src/transfer/peer-link.ts';
import type { Incoming, Outgoing } from '../../../src/transport/transport.ts';
import { Demux, type AnswerHandler } from '../../../src/wire/demux.ts';
import { Mux } from '../../../src/wire/mux.ts';
import { DuplexRecorder } from './duplex.ts';
import { allFrames, BEAT, fullRing, HELLO, settle, type Recorder } from './harness.ts';
import type { JudgedStream, Judgement } from './judge-connection.ts';

/** Turns of the event loop in which no byte moved, after which nothing can run any more. */
const IDLE_TURNS = 50;

/** Streams of wants that the receiver below has opened, on a duplex connection. */
export const WANT_STREAMS = 2;

/**
 * The verdict of a receiver's demux on these pieces. Over a pipe its consumers read when the demux waits
 * for them; on duplex they read nothing, so that each stream has its first grant and no more.
 *
 * @param ringBytes size of the ring of each stream
 * @throws Error when it waits, and nothing can run
 */
export async function hearAsReceiver(
  pieces: Iterable<Uint8Array>,
  ringBytes: number,
): Promise<Judgement> {
  const mux = new Mux({ ...HELLO, role: 'receiver', mode: 'duplex' });
  for (let i = 0; i < WANT_STREAMS; i++) mux.open({ kind: 'want', name: `c${i}` }, Ring.create(16));
  const recorder = new DuplexRecorder(mux, () => Ring.create(ringBytes));
  const both = recorder.answers;
  const answers: AnswerHandler = { credit: (id, credit) => both.credit(id, credit) };
  const demux = new Demux(Object.assign(recorder, { answers }));
  const verdict = await verdictOf(async () => {
    for (const piece of pieces) await taken(demux.push(piece), () => readAll(recorder));
    demux.eof();
    return recorder.peerErrors.length > 0 ? 'error' : 'whole';
  });
  const isWhole = verdict.verdict === 'whole';
  if (isWhole && recorder.fins.length !== 1) throw new Error('it is whole, without a FIN');
  const streams = streamsOf(recorder);
  // So that no wait for the consumers lasts for ever.
  for (const { ring } of recorder.received.values()) ring.cancel();
  return { ...verdict, streams };
}

export interface SenderParts {
  transferId: string;
  /** Names of contexts that were offered. */
  offered: readonly string[];
  /** Everything was sent, including FIN: streams without a byte. */
  sentAll: boolean;
  ringBytes: number;
}

/** The verdict of a sender on the answers in these pieces. */
export async function hearAsSender(
  pieces: Iterable<Uint8Array>,
  { transferId, offered, sentAll, ringBytes }: SenderParts,
): Promise<Judgement> {
  const answers = new Answers({
    transferId,
    digest: () => link.digest,
    createWantsRing: () => Ring.create(ringBytes),
    onHello: () => {},
    onQueue: () => {},
    onCommitting: () => {},
  });
  const link = new PeerLink({
    role: 'sender',
    incoming: incoming(pieces),
    outgoing: () => NOBODY,
    handler: answers,
    beat: () => BEAT,
  });
  link.begin({ transferId, capabilities: [], showsProgress: false, contexts: [...offered] });
  for (const name of offered) {
    const ring = sentAll ? fullRing(new Uint8Array(0)) : Ring.create(16);
    link.open({ kind: 'manifest', name }, ring);
  }
  if (sentAll) {
    link.finish();
    await link.handedOver;
  }
  const wanted: (Wants & { name: string })[] = [];
  for (const name of offered) {
    void answers.wants(name).then((wants) => wanted.push({ name, ...wants }));
  }
  const verdict = await verdictOf(async () => {
    await answers.readToReceipt(link);
    return 'receipt';
  });
  await settle();
  const streams = wanted.map(({ name, all, ring }, index): JudgedStream => {
    const opened = { id: index + 1, kind: 'want', name, all };
    return { ...opened, bytes: readRing(ring), ended: ring.ended };
  });
  for (const { ring } of wanted) ring.cancel();
  return { ...verdict, streams };
}

/** The digest in FIN of the sender above, once it has sent everything. */
export function digestOfNothing(transferId: string, offered: readonly string[]): string {
  const mux = new Mux({ ...HELLO, transferId });
  for (const name of offered)
    mux.open({ kind: 'manifest', name: name }, fullRing(new Uint8Array(0)));
  mux.finish();
  allFrames(mux);
  return mux.digest!;
}

/** A transport that accepts everything and discards it. */
const NOBODY: Outgoing = {
  write: () => Promise.resolve(),
  end: () => Promise.resolve(),
  destroy: () => {},
  untakenBytes: 0,
};

function incoming(pieces: Iterable<Uint8Array>): Incoming {
  return {
    read: async (take) => {
      for (const piece of pieces) await taken(take(piece), () => 0);
    },
    destroy: () => {},
  };
}

async function verdictOf(hear: () => Promise<string>): Promise<{ verdict: string; at?: number }> {
  try {
    return { verdict: await hear() };
  } catch (error) {
    if (!(error instanceof CtxsyncError) || error.code === 'internal') throw error;
    if (error.code === 'peer-failed') return { verdict: 'error' };
    const at = /at byte (\d+)$/.exec(error.message)?.[1];
    return { verdict: error.code, ...(at === undefined ? {} : { at: Number(at) }) };
  }
}

/** Waits for the push, as long as consumers can move anything. */
async function taken(pending: Promise<void> | undefined, consume: () => number): Promise<void> {
  if (pending === undefined) return;
  const settled = pending.then(
    () => true,
    () => true,
  );
  for (let idle = 0; !(await Promise.race([settled, turn()])); idle++) {
    if (idle > IDLE_TURNS) throw new Error('it waits, and nothing can run');
    if (consume() > 0) idle = 0;
  }
  await pending;
}

async function turn(): Promise<false> {
  await settle();
  return false;
}

function readAll(recorder: Recorder): number {
  let count = 0;
  for (const id of recorder.received.keys()) count += recorder.read(id);
  return count;
}

function streamsOf(recorder: Recorder): JudgedStream[] {
  return [...recorder.received].map(([id, { stream, end }]) => ({
    id,
    kind: stream.kind,
    name: stream.name,
    all: stream.all === true,
    bytes: Buffer.from(recorder.content(id)),
    ended: end !== undefined,
  }));
}

function readRing(ring: Ring): Buffer {
  const pieces: Buffer[] = [];
  for (let bytes = ring.readable(); bytes.length > 0; bytes = ring.readable()) {
    pieces.push(Buffer.from(bytes));
    ring.consumed(bytes.length);
  }
  return Buffer.concat(pieces);
}
