import { Ring } from '../../src/flow/ring.ts';
import type { Movement } from '../../src/observe/movement.ts';
import { StallDetector } from '../../src/observe/stall-detector.ts';
import { Demux, type DemuxHandler } from '../../src/wire/demux.ts';
import type { Hello } from '../../src/wire/messages.ts';
import { Mux } from '../../src/wire/mux.ts';

/** What the schedules use of a multiplexer: a subclass, or something that wraps one. */
export type ScheduledMux = Pick<
  Mux,
  | 'open'
  | 'setFirstCredit'
  | 'raiseLimit'
  | 'grant'
  | 'sendReceipt'
  | 'beat'
  | 'fail'
  | 'finish'
  | 'next'
  | 'written'
  | 'ready'
  | 'finished'
  | 'digest'
  | 'openStreams'
  | 'payloadBytes'
  | 'wireBytes'
>;

export type ScheduledDemux = Pick<
  Demux,
  'push' | 'eof' | 'waiting' | 'waitingFor' | 'finished' | 'payloadBytes' | 'wireBytes'
>;

/**
 * The core under test. A known-bad one, in which one part is replaced, has to fail the schedules:
 * `{ ...REAL_CORE, createRing: (bytes) => DroppingRing.create(bytes) }`.
 */
export interface Core {
  createMux: (hello: Hello) => ScheduledMux;
  createDemux: (handler: DemuxHandler) => ScheduledDemux;
  /** For what arrives. What is sent comes from a Ring that nobody replaces. */
  createRing: (capacity: number) => Ring;
  createDetector: (options: ConstructorParameters<typeof StallDetector>[0]) => StallDetector;
  /** What of a side's figures is seen to move: beats that repeat themselves are not. */
  movement: (figures: Figures) => Movement;
  /** Whether a receiver may commit. */
  mayCommit: (state: ReceivedState) => boolean;
  /**
   * When a side that has failed closes its transport: when its ERROR was written and the peer has
   * ended, or some time has passed; or at once when it was written; or without waiting for that.
   */
  closes: 'after-the-peer' | 'once-written' | 'at-once';
}

/** What a side counts. */
export interface Figures {
  /** Arrived and handed over. */
  payloadBytes: number;
  /** Put into the rings by our disk, and taken out of them. */
  diskBytes: number;
  /** BEATs that came. */
  beats: number;
}

export interface ReceivedState {
  /** FIN came, and was verified. */
  finished: boolean;
  /** Every ring was emptied by its consumer. */
  drained: boolean;
}

export const REAL_CORE: Core = {
  createMux: (hello) => new Mux(hello),
  createDemux: (handler) => new Demux(handler),
  createRing: (capacity) => Ring.create(capacity),
  createDetector: (options) => new StallDetector(options),
  movement: ({ payloadBytes, diskBytes }) => ({
    payloadBytes,
    diskWork: diskBytes,
    claims: 0,
    busy: false,
    queued: false,
  }),
  mayCommit: ({ finished, drained }) => finished && drained,
  closes: 'after-the-peer',
};
