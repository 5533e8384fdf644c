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
  | 'payloadUnderWay'
  | 'wireBytes'
>;

export type ScheduledDemux = Pick<
  Demux,
  'push' | 'eof' | 'waiting' | 'waitingFor' | 'finished' | 'payloadBytes' | 'wireBytes'
>;

/**
 * The core under test. A deliberately faulty one, in which one part is replaced, must fail the schedules:
 * `{ ...REAL_CORE, createRing: (bytes) => DroppingRing.create(bytes) }`.
 */
export interface Core {
  createMux: (hello: Hello) => ScheduledMux;
  createDemux: (handler: DemuxHandler) => ScheduledDemux;
  /** For incoming data. What is sent comes from a Ring that is never replaced. */
  createRing: (capacity: number) => Ring;
  createDetector: (options: ConstructorParameters<typeof StallDetector>[0]) => StallDetector;
  /** Which of a side's figures count as movement: repeated beats do not. */
  movement: (figures: Figures) => Movement;
  /** Whether a receiver may commit. */
  mayCommit: (state: ReceivedState) => boolean;
  /**
   * When a side that has failed closes its transport: once its ERROR was written and the peer has ended,
   * or some time has passed; or as soon as it was written; or without waiting for the write.
   */
  closes: 'after-the-peer' | 'once-written' | 'at-once';
}

/** What a side counts. */
export interface Figures {
  /** Received and sent. */
  payloadBytes: number;
  /** Written to the rings by our disk, and read from them. */
  diskBytes: number;
  /** BEATs that were received. */
  beats: number;
}

export interface ReceivedState {
  /** FIN was received and verified. */
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
