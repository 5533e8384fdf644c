import type { CtxsyncError } from '../errors.ts';
import { BEAT_INTERVAL_MS, LINGER_MS, RING_BYTES } from '../limits.ts';
import type { Outgoing } from '../transport/transport.ts';
import type { EntryCounts } from '../observe/events.ts';
import type { Ring } from '../flow/ring.ts';
import type { Hello } from '../wire/messages.ts';
import { Mux } from '../wire/mux.ts';
import { withTimeout } from '../with-timeout.ts';
import { BeatClock } from '../transfer/beat-clock.ts';
import { graceMs } from '../transfer/grace-period.ts';
import type { Heard, Monitor } from '../transfer/monitor.ts';
import { INCREMENTAL, OUR_VERSIONS } from '../transfer/options.ts';
import { toPeerError } from '../transfer/peer-error.ts';
import { FramePump } from '../transfer/frame-pump.ts';

/** What either side has heard of the other. */
export interface WhatIsHeard {
  /** By us. */
  heard: Heard;
  /** HELLO and BEATs of ours, by the sender; undefined where that is not known. */
  heardOfUs: number | undefined;
  /** Of our payload, not yet by the sender. */
  unheardBytes: number;
}

/** What a receiver says to its sender on a duplex transport: credit, beats, the receipt or ERROR. */
export class Answers {
  /** Rejects when the sender takes no more of our words; never resolves. */
  readonly gone: Promise<never>;
  readonly #to: Outgoing;
  readonly #transferId: string;
  readonly #mux: Mux;
  readonly #pumping: Promise<void>;
  readonly #clock = new BeatClock();

  /** @param hello the sender's */
  constructor(to: Outgoing, { transferId, credit }: Hello) {
    this.#to = to;
    this.#transferId = transferId;
    this.#mux = new Mux({
      ...OUR_VERSIONS,
      role: 'receiver',
      mode: 'duplex',
      transferId,
      credit: RING_BYTES,
      beatIntervalMs: BEAT_INTERVAL_MS,
      showsProgress: false,
      capabilities: [INCREMENTAL],
    });
    this.#mux.setFirstCredit(credit);
    this.#pumping = new FramePump(this.#mux, to).run();
    this.gone = new Promise((_, reject) => this.#pumping.catch(reject));
    // A sender that is gone shows when reading from it ends, which also says how.
    this.gone.catch(() => {});
  }

  grant(id: number, limit: number): void {
    this.#mux.grant(id, limit);
  }

  /** Tells which entries of a context we want, or that it is all of them. Settles at the end of it. */
  openWants(name: string, ring: Ring, all: boolean): Promise<void> {
    return this.#mux.open({ kind: 'want', name, all: all ? true : undefined }, ring).ended;
  }

  /** What the sender lets us send. @returns false where that cannot be */
  raiseLimit(id: number, limit: number): boolean {
    return this.#mux.raiseLimit(id, limit);
  }

  /** Of lists of wants: they are progress. */
  get payloadBytes(): number {
    return this.#mux.payloadBytes;
  }

  get wireBytes(): number {
    return this.#mux.wireBytes;
  }

  get linkIsSlow(): boolean {
    return this.#clock.linkIsSlow;
  }

  /** Bytes of lists of wants, handed over or under way. */
  get handedOver(): number {
    return this.#mux.payloadBytes + this.#mux.payloadUnderWay;
  }

  /** Sends a BEAT when it is time. */
  beat(now: number, monitor: Monitor, { heard, heardOfUs, unheardBytes }: WhatIsHeard): void {
    this.#clock.tick(now, this.#mux.words, heardOfUs);
    if (this.#mux.finished || !this.#clock.due(now, unheardBytes)) return;
    this.#mux.beat(monitor.beat(0, heard));
  }

  /** All is in place. Handed over before we end, or the sender is gone and nobody can be told. */
  async receipt(digest: string, counts: EntryCounts | undefined): Promise<void> {
    this.#mux.sendReceipt({ transferId: this.#transferId, digest, ...counts });
    await withTimeout(LINGER_MS, this.#handOver());
  }

  /**
   * Says ERROR, and goes on reading (`ended` settles at the end of it): who closes while the peer
   * still writes may take the ERROR from it.
   */
  async fail(error: CtxsyncError, ended: Promise<void>): Promise<void> {
    this.#mux.fail(toPeerError(error, 'receiver'));
    await withTimeout(graceMs(error), this.#linger(ended));
  }

  async #linger(ended: Promise<void>): Promise<void> {
    await this.#handOver();
    await ended;
  }

  async #handOver(): Promise<void> {
    await this.#pumping;
    await this.#to.end();
  }
}
