import { Ring } from '../../../src/flow/ring.ts';

/**
 * The fault of FIELD.md, on purpose: when the queue is full, what does not fit is dropped silently and
 * reported as accepted.
 */
export class DroppingRing extends Ring {
  static override create(capacity: number): DroppingRing {
    return new DroppingRing(Ring.create(capacity).shared);
  }

  override write(bytes: Uint8Array): number {
    super.write(bytes);
    return bytes.length;
  }
}

/** The same, but a full queue drops the end marker too, so that the reader waits for ever. */
export class EndDroppingRing extends DroppingRing {
  static override create(capacity: number): EndDroppingRing {
    return new EndDroppingRing(Ring.create(capacity).shared);
  }

  override end(): void {
    if (this.writable().length > 0) super.end();
  }
}
