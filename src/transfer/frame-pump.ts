import { EventLoopTurns } from '../transport/event-loop-turns.ts';
import type { Outgoing } from '../transport/transport.ts';
import { FrameSize } from '../wire/frame-size.ts';
import type { Mux } from '../wire/mux.ts';
import { PendingTimer } from './pending-timer.ts';

/** Moves frames from the mux to the transport, one at a time, so that a slow reader holds everything back. */
export class FramePump {
  readonly #mux: Mux;
  readonly #to: Outgoing;
  readonly #frameSize = new FrameSize();
  readonly #writing = new PendingTimer();

  constructor(mux: Mux, to: Outgoing) {
    this.#mux = mux;
    this.#to = to;
  }

  /** Settles when the last frame was handed over. @throws CtxsyncError peer-gone */
  async run(): Promise<void> {
    const turns = new EventLoopTurns();
    while (!this.#mux.finished) {
      const pieces = this.#mux.next(this.#frameSize.bytes);
      if (pieces === undefined) {
        await this.#mux.ready();
        continue;
      }
      const now = performance.now();
      this.#writing.begin();
      await this.#to.write(pieces);
      this.#writing.end();
      this.#mux.written();
      this.#frameSize.wrote(performance.now() - now);
      // Writes that never block would never yield to the event loop.
      await turns.next();
    }
  }

  /** Bytes of payload that the transport has taken, including those of the frame in progress. */
  get payloadBytes(): number {
    const { payloadBytes, payloadUnderWay } = this.#mux;
    const { untakenBytes = payloadUnderWay } = this.#to;
    // The header is written first, so what is left of a frame is payload.
    return payloadBytes + Math.max(0, payloadUnderWay - untakenBytes);
  }

  /** Milliseconds for which a write has been pending; undefined when none is. */
  pendingMs(now: number): number | undefined {
    return this.#writing.ms(now);
  }
}
