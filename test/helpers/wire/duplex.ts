import { Ring } from '../../../src/flow/ring.ts';
import { Demux, type AnswerHandler } from '../../../src/wire/demux.ts';
import { FrameType } from '../../../src/wire/frame.ts';
import type { Credit, Hello, Receipt } from '../../../src/wire/messages.ts';
import { Mux } from '../../../src/wire/mux.ts';
import { HELLO, Recorder, settle } from './harness.ts';

/** How a link is built. Defaults are those of PROTOCOL.md. */
export interface LinkParts {
  /** Bytes of every receiving ring, and so the first credit of each stream. */
  capacity: number;
  /** Bytes that fit into the transport, in each direction. */
  pipeBytes?: number;
  createRing?: (capacity: number) => Ring;
  createSide?: (parts: SideParts) => DuplexSide;
}

export interface SideParts {
  role: 'sender' | 'receiver';
  capacity: number;
  createRing: (capacity: number) => Ring;
  outgoing: Pipe;
  incoming: Pipe;
}

/** Two sides of a duplex connection in memory. Nothing moves except in step(). */
export class DuplexLink {
  readonly sender: DuplexSide;
  readonly receiver: DuplexSide;

  constructor(parts: LinkParts) {
    const { capacity, pipeBytes = 65_536 } = parts;
    const createRing = parts.createRing ?? ((bytes) => Ring.create(bytes));
    const createSide = parts.createSide ?? ((side) => new DuplexSide(side));
    const forth = new Pipe(pipeBytes);
    const back = new Pipe(pipeBytes);
    const common = { capacity, createRing };
    this.sender = createSide({ ...common, role: 'sender', outgoing: forth, incoming: back });
    this.receiver = createSide({ ...common, role: 'receiver', outgoing: back, incoming: forth });
  }

  /** Each side writes a piece and reads a piece, if it can. Returns whether anything moved. */
  step(): boolean {
    const moved = [this.sender, this.receiver].map((side) => {
      const written = side.write();
      const read = side.read();
      return written + read > 0;
    });
    return moved.includes(true);
  }

  /**
   * Steps until nothing moves any more, even after every wake-up.
   * @param consume extra work in each turn; returns whether it moved anything
   */
  async run(consume: () => boolean = () => false): Promise<void> {
    for (let idle = 0; idle < IDLE_TURNS; idle++) {
      const stepped = this.step();
      if (consume() || stepped) idle = 0;
      await settle();
    }
  }
}

const IDLE_TURNS = 50;

/** One end: its own mux and demux, and what its consumers received. */
export class DuplexSide {
  readonly mux: Mux;
  readonly demux: Demux;
  readonly recorder: DuplexRecorder;
  protected readonly outgoing: Pipe;
  protected readonly incoming: Pipe;
  /** The rest of the frame being written. */
  #writing: Uint8Array | undefined;
  #pushing = false;

  constructor({ role, capacity, createRing, outgoing, incoming }: SideParts) {
    this.outgoing = outgoing;
    this.incoming = incoming;
    this.mux = new Mux({ ...HELLO, role, mode: 'duplex', credit: capacity });
    this.recorder = new DuplexRecorder(this.mux, () => createRing(capacity));
    this.demux = new Demux(this.recorder);
  }

  /** Writes as much of one frame to the transport as fits. Returns how many bytes. */
  write(): number {
    this.#writing ??= this.#nextFrame();
    if (this.#writing === undefined || !this.mayWrite(this.#writing)) return 0;
    const written = this.outgoing.put(this.#writing);
    this.#writing = this.#writing.subarray(written);
    if (this.#writing.length > 0) return written;
    this.#writing = undefined;
    this.mux.written();
    return written;
  }

  /** Reads what is in the transport, unless the demux waits. Returns how many bytes. */
  read(): number {
    if (this.#pushing) return 0;
    const bytes = this.incoming.take();
    const pushed = this.demux.push(bytes);
    if (pushed === undefined) return bytes.length;
    this.#pushing = true;
    void pushed.then(() => (this.#pushing = false));
    return bytes.length;
  }

  /** A write is pending because the transport is full. */
  get writing(): boolean {
    return this.#writing !== undefined;
  }

  /** Whether this frame, partly written or not at all, may be written. */
  protected mayWrite(_frame: Uint8Array): boolean {
    return true;
  }

  #nextFrame(): Uint8Array | undefined {
    const views = this.mux.next();
    return views && Uint8Array.from(Buffer.concat(views));
  }
}

/** A sender that gets answers: what is pushed into its demux goes to its mux. */
export function hearingSide(hello: Hello): { mux: Mux; demux: Demux; recorder: DuplexRecorder } {
  const mux = new Mux(hello);
  const recorder = new DuplexRecorder(mux, () => Ring.create(16));
  return { mux, demux: new Demux(recorder), recorder };
}

/** Records the answers too, and passes credit and first credit to its side's mux as a session does. */
export class DuplexRecorder extends Recorder {
  readonly credits: [id: number, limit: number][] = [];
  readonly receipts: Receipt[] = [];
  readonly answers: AnswerHandler;
  readonly #mux: Mux;

  constructor(mux: Mux, createRing: () => Ring) {
    super(createRing);
    this.#mux = mux;
    this.answers = {
      credit: (id: number, { limit }: Credit) => {
        this.credits.push([id, limit]);
        return mux.raiseLimit(id, limit);
      },
      receipt: (receipt: Receipt) => {
        this.receipts.push(receipt);
      },
    };
  }

  override hello(hello: Hello): void {
    super.hello(hello);
    this.#mux.setFirstCredit(hello.credit);
  }

  raised(id: number, limit: number): void {
    this.#mux.grant(id, limit);
  }

  /** Bytes that wait for a consumer. */
  held(id: number): number {
    return this.received.get(id)?.ring.readable().length ?? 0;
  }
}

/** A transport that holds at most this many bytes. */
export class Pipe {
  readonly #capacity: number;
  #bytes = new Uint8Array(0);

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Returns for how many bytes there was room. */
  put(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.#capacity - this.#bytes.length);
    this.#bytes = Uint8Array.from([...this.#bytes, ...bytes.subarray(0, count)]);
    return count;
  }

  take(): Uint8Array {
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array(0);
    return bytes;
  }
}

/** Whether a whole frame, or the beginning of one, is DATA. */
export const isData = (frame: Uint8Array): boolean => frame[4] === FrameType.data;
