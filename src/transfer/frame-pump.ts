import { setTimeout } from 'node:timers/promises';
import { LIMITED_FRAME_MS } from '../limits.ts';
import { EventLoopTurns } from '../transport/event-loop-turns.ts';
import type { Outgoing } from '../transport/transport.ts';
import type { BandwidthLimit } from '../wire/bandwidth-limit.ts';
import type { CompressionChoice } from '../wire/compression-choice.ts';
import { HEADER_BYTES } from '../wire/frame.ts';
import { FrameSize } from '../wire/frame-size.ts';
import type { Mux } from '../wire/mux.ts';
import { PendingTimer } from './pending-timer.ts';

/** Moves frames from the mux to the transport, one at a time, so that a slow reader holds everything back. */
export class FramePump {
  /** Absent: nothing is compressed. */
  compression: CompressionChoice | undefined;
  readonly #mux: Mux;
  readonly #to: Outgoing;
  readonly #limit: BandwidthLimit | undefined;
  readonly #frameSize = new FrameSize();
  readonly #writing = new PendingTimer();

  constructor(mux: Mux, to: Outgoing, limit: BandwidthLimit | undefined) {
    this.#mux = mux;
    this.#to = to;
    this.#limit = limit;
  }

  /** Settles when the last frame was handed over. @throws CtxsyncError peer-gone */
  async run(): Promise<void> {
    await this.#moveUntil(() => this.#mux.finished);
  }

  /** After the last frame: hands over CREDIT for what still arrives. @throws CtxsyncError peer-gone */
  async grantUntil(over: Promise<unknown>): Promise<void> {
    let isOver = false;
    const end = (): void => void (isOver = true);
    await this.#moveUntil(() => isOver, over.then(end, end));
  }

  /** @param woken settles when `isOver` may have changed although there is no frame */
  async #moveUntil(isOver: () => boolean, woken?: Promise<void>): Promise<void> {
    const turns = new EventLoopTurns();
    while (!isOver()) {
      const pauseMs = this.#limit?.waitMs(performance.now()) ?? 0;
      const pieces = this.#mux.next(pauseMs > 0 ? 0 : this.#frameBytes, this.compression?.codec);
      if (pieces === undefined) {
        // Control frames wait for the end of a pause at most as long as for a frame.
        const waits =
          pauseMs > 0 ? setTimeout(Math.min(pauseMs, LIMITED_FRAME_MS)) : this.#mux.ready();
        await (woken === undefined ? waits : Promise.race([waits, woken]));
        continue;
      }
      const now = performance.now();
      this.#writing.begin();
      await this.#to.write(pieces);
      this.#writing.end();
      this.#wrote(this.#mux.wireUnderWay, now);
      this.#mux.written();
      // Writes that never block would never yield to the event loop.
      await turns.next();
    }
  }

  /** Bytes of payload that the transport has taken, including those of the frame in progress. */
  get payloadBytes(): number {
    const { payloadBytes, payloadUnderWay, wireUnderWay } = this.#mux;
    const { untakenBytes = wireUnderWay } = this.#to;
    // The header is written first, so what is left of a frame is payload, which may be compressed.
    const travelling = wireUnderWay - HEADER_BYTES;
    const taken = Math.max(0, travelling - untakenBytes);
    return payloadBytes + (taken === 0 ? 0 : Math.floor((payloadUnderWay * taken) / travelling));
  }

  /** Milliseconds for which a write has been pending; undefined when none is. */
  pendingMs(now: number): number | undefined {
    return this.#writing.ms(now);
  }

  get #frameBytes(): number {
    return Math.min(this.#frameSize.bytes, this.#limit?.frameBytes ?? Infinity);
  }

  #wrote(bytes: number, since: number): void {
    const now = performance.now();
    this.#frameSize.wrote(now - since);
    this.compression?.wrote(bytes, now - since);
    this.#limit?.wrote(bytes, now);
  }
}
