import { Ring } from '../../../src/flow/ring.ts';
import { DuplexSide, isData, type SideParts } from './duplex.ts';

/**
 * Faults on purpose: each is a way in which other multiplexers let one stream delay all. They exist
 * so that a test can be seen to fail on them.
 */

/** Credit is granted when bytes arrive: the ring says that they were consumed. */
export class ArrivalRing extends Ring {
  #arrived = 0;
  /** Waiting for room goes by what was consumed all the same: only the credit is wrong. */
  #honest = false;
  #arrival: (() => void) | undefined;

  static override create(capacity: number): ArrivalRing {
    return new ArrivalRing(Ring.create(capacity).shared);
  }

  override get head(): number {
    return this.#honest ? super.head : this.#arrived;
  }

  override write(bytes: Uint8Array): number {
    const written = super.write(bytes);
    this.#arrived += written;
    this.#arrival?.();
    return written;
  }

  override async consumption(head: number): Promise<void> {
    while (!this.cancelled && !this.ended && this.#arrived - head < this.capacity / 4) {
      await new Promise<void>((resolve) => (this.#arrival = resolve));
    }
  }

  override room(): Promise<void> {
    this.#honest = true;
    const room = super.room();
    this.#honest = false;
    return room;
  }
}

/** One window for the connection, of one ring's bytes, on top of every stream's own credit. */
export function sharedWindow(): (parts: SideParts) => DuplexSide {
  const sides = new Map<SideParts['role'], SharedWindowSide>();
  return (parts) => {
    const side = new SharedWindowSide(parts, sides);
    sides.set(parts.role, side);
    return side;
  };
}

class SharedWindowSide extends DuplexSide {
  readonly #parts: SideParts;
  readonly #sides: ReadonlyMap<SideParts['role'], SharedWindowSide>;

  constructor(parts: SideParts, sides: ReadonlyMap<SideParts['role'], SharedWindowSide>) {
    super(parts);
    this.#parts = parts;
    this.#sides = sides;
  }

  protected override mayWrite(frame: Uint8Array): boolean {
    const peer = this.#sides.get(this.#parts.role === 'sender' ? 'receiver' : 'sender');
    if (peer === undefined || !isData(frame)) return true;
    return this.mux.payloadBytes - peer.consumedBytes < this.#parts.capacity;
  }

  get consumedBytes(): number {
    let consumed = 0;
    for (const { bytes } of this.recorder.received.values()) {
      for (const piece of bytes) consumed += piece.length;
    }
    return consumed;
  }
}

/** After each read it first writes all that there is to write, and only then reads on. */
export class WriteBeforeReadSide extends DuplexSide {
  #hasToWrite = false;

  override write(): number {
    const written = super.write();
    if (written === 0 && !this.writing) this.#hasToWrite = false;
    return written;
  }

  override read(): number {
    if (this.#hasToWrite) return 0;
    const read = super.read();
    this.#hasToWrite = read > 0;
    return read;
  }
}
