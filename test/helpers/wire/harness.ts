import { CtxsyncError } from '../../../src/errors.ts';
import { Ring } from '../../../src/flow/ring.ts';
import { Demux, type DemuxHandler, type IncomingStream } from '../../../src/wire/demux.ts';
import type { Beat, End, Fin, Hello, PeerError } from '../../../src/wire/messages.ts';
import { Mux } from '../../../src/wire/mux.ts';

export const HELLO: Hello = {
  minVersion: 2,
  maxVersion: 2,
  role: 'sender',
  mode: 'oneway',
  transferId: '0123456789abcdef0123456789abcdef',
  credit: 0,
  beatIntervalMs: 1_000,
  showsProgress: true,
  capabilities: [],
};

export const BEAT: Beat = {
  state: 'reading',
  stateAgeMs: 5,
  path: 'web/app.js',
  entries: 3,
  bytes: 4_096,
  waitedMs: 0,
};

export const FAILURE: PeerError = {
  code: 'source-changed',
  origin: 'sender',
  message: 'web/app.js grew while it was read',
  path: 'web/app.js',
};

/** A ring that contains these bytes and has ended. */
export function fullRing(bytes: Uint8Array): Ring {
  const ring = Ring.create(powerOfTwo(bytes.length));
  ring.write(bytes);
  ring.end();
  return ring;
}

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(atLeast, 16)));
}

/** Bytes that differ at every position, and in every stream. */
export function someBytes(count: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 31 + (i >> 8) * 7 + seed * 101) & 0xff);
}

/** The next frame, copied out of the ring, as the transport would write it. */
export function nextFrame(mux: Mux): Uint8Array | undefined {
  const views = mux.next();
  if (views === undefined) return undefined;
  const bytes = Uint8Array.from(Buffer.concat(views));
  mux.written();
  return bytes;
}

/** Every frame that is available now. */
export function allFrames(mux: Mux): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let next = nextFrame(mux); next !== undefined; next = nextFrame(mux)) frames.push(next);
  return frames;
}

/** The bytes of a whole transfer with these streams. */
export function recordTransfer(streams: Record<string, Uint8Array>): Uint8Array {
  const mux = new Mux(HELLO);
  for (const [name, bytes] of Object.entries(streams))
    mux.open({ kind: 'tree', name: name }, fullRing(bytes));
  mux.beat(BEAT);
  mux.finish();
  return Uint8Array.from(Buffer.concat(allFrames(mux)));
}

export interface Received {
  stream: IncomingStream;
  ring: Ring;
  /** What was read from the ring. */
  bytes: Uint8Array[];
  end?: End;
}

/** A receiver that records its callbacks. Its consumers read when read() is called. */
export class Recorder implements DemuxHandler {
  readonly hellos: Hello[] = [];
  readonly beats: Beat[] = [];
  readonly fins: Fin[] = [];
  readonly peerErrors: PeerError[] = [];
  readonly received = new Map<number, Received>();
  readonly #createRing: () => Ring;

  constructor(createRing: () => Ring = () => Ring.create(2 ** 20)) {
    this.#createRing = createRing;
  }

  hello(hello: Hello): void {
    this.hellos.push(hello);
  }

  open(stream: IncomingStream): Ring {
    const ring = this.#createRing();
    this.received.set(stream.id, { stream, ring, bytes: [] });
    return ring;
  }

  end(stream: IncomingStream, end: End): void {
    this.of(stream.id).end = end;
  }

  beat(beat: Beat): void {
    this.beats.push(beat);
  }

  fin(fin: Fin): void {
    this.fins.push(fin);
  }

  peerError(error: PeerError): void {
    this.peerErrors.push(error);
  }

  of(id: number): Received {
    const received = this.received.get(id);
    if (received === undefined) throw new Error(`stream ${id} was not opened`);
    return received;
  }

  /** Reads at most `most` bytes from the ring of a stream. Returns how many. */
  read(id: number, most = Infinity): number {
    const { ring, bytes } = this.of(id);
    const piece = ring.readable();
    const taken = piece.slice(0, Math.min(most, piece.length));
    bytes.push(taken);
    ring.consumed(taken.length);
    return taken.length;
  }

  /** Reads everything in the ring, and returns everything that was ever read. */
  content(id: number): Uint8Array {
    while (this.read(id) > 0);
    return Uint8Array.from(Buffer.concat(this.of(id).bytes));
  }
}

export interface Verdict {
  recorder: Recorder;
  /** FIN came, and neither push nor eof failed. */
  clean: boolean;
  error: CtxsyncError | undefined;
}

/** The verdict of a receiver, with room for everything, on a connection that ends after these bytes. */
export function receiveAll(chunks: Iterable<Uint8Array>, recorder = new Recorder()): Verdict {
  const demux = new Demux(recorder);
  try {
    for (const chunk of chunks) {
      if (demux.push(chunk) !== undefined) throw new Error('a ring of the test is too small');
    }
    demux.eof();
  } catch (error) {
    if (!(error instanceof CtxsyncError)) throw error;
    return { recorder, clean: false, error };
  }
  return { recorder, clean: recorder.fins.length === 1, error: undefined };
}

/** Waits until all consequences of a wake-up have happened. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits for a condition that wake-ups or another thread cause. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('what was waited for never came');
    await settle();
  }
}

const GIVE_UP_MS = 30_000;
