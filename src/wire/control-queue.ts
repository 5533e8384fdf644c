import { encodeFrame, FrameType, MAGIC } from './frame.ts';
import {
  encodeBeat,
  encodeCredit,
  encodeHello,
  encodeOpen,
  encodeReceipt,
  type Beat,
  type Hello,
  type Open,
  type Receipt,
} from './messages.ts';

export interface ControlFrame {
  readonly type: number;
  /** Pieces to write, in this order. */
  readonly views: Uint8Array[];
}

/**
 * The control frames that a direction has yet to write. Bounded: HELLO, an OPEN for each open stream,
 * a limit for each stream of the other direction, one beat and one receipt.
 */
export class ControlQueue {
  /** HELLO, then OPENs. */
  readonly #due: ControlFrame[];
  /** Newest limits of the other direction's streams, by id. */
  readonly #grants = new Map<number, number>();
  #beat: Beat | undefined;
  #receipt: Receipt | undefined;

  constructor(hello: Hello) {
    const { type, views } = control(FrameType.hello, 0, encodeHello(hello));
    this.#due = [{ type, views: [MAGIC, ...views] }];
  }

  get empty(): boolean {
    return (
      this.#due.length === 0 &&
      this.#grants.size === 0 &&
      this.#beat === undefined &&
      this.#receipt === undefined
    );
  }

  /** @throws CtxsyncError 'internal' for a bad name */
  open(id: number, open: Open): void {
    this.#due.push(control(FrameType.open, id, encodeOpen(open)));
  }

  /** Replaces a limit still queued for the stream. */
  grant(id: number, limit: number): void {
    this.#grants.set(id, limit);
  }

  /** Replaces a beat that is still queued. */
  beat(beat: Beat): void {
    this.#beat = beat;
  }

  receipt(receipt: Receipt): void {
    this.#receipt = receipt;
  }

  /** Removes and returns the most urgent frame. */
  next(): ControlFrame | undefined {
    return this.#due.shift() ?? this.#nextGrant() ?? this.#nextBeat() ?? this.#nextReceipt();
  }

  #nextGrant(): ControlFrame | undefined {
    const [grant] = this.#grants;
    if (grant === undefined) return undefined;
    const [id, limit] = grant;
    this.#grants.delete(id);
    return control(FrameType.credit, id, encodeCredit({ limit }));
  }

  #nextBeat(): ControlFrame | undefined {
    const beat = this.#beat;
    this.#beat = undefined;
    return beat && control(FrameType.beat, 0, encodeBeat(beat));
  }

  #nextReceipt(): ControlFrame | undefined {
    const receipt = this.#receipt;
    this.#receipt = undefined;
    return receipt && control(FrameType.receipt, 0, encodeReceipt(receipt));
  }
}

function control(type: number, stream: number, payload: Uint8Array): ControlFrame {
  return { type, views: encodeFrame(type, stream, 0, payload) };
}
