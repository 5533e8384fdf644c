import { Ring } from '../../../src/flow/ring.ts';
import { DuplexSide, isData, type SideParts } from './duplex.ts';

/**
 * Deliberate faults: each is a way in which other multiplexers let one stream delay all. They exist
 * to show that a test fails on them.
 */

/** Credit is granted on arrival: the ring reports arrived bytes as consumed. */
export class ArrivalRing extends Ring {
  #arrived = 0;
  /** Waiting for room still depends on what was consumed: only the credit is wrong. */
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

/** One window of the size of a ring for the whole connection, on top of the credit of each stream. */
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

/** After each read it writes everything that is queued before it reads on. */
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
