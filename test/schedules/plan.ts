import fc from 'fast-check';
import type { Codec } from '../../src/wire/codec.ts';
import type { PipeOptions } from './chaos-pipe.ts';

export type Mode = 'oneway' | 'duplex';
export type Role = 'sender' | 'receiver';

/** One thing that happens to one side; `stream` and `bytes` apply only where relevant. */
export interface Step {
  what: 'open' | 'write' | 'consume' | 'pause' | 'resume' | 'read' | 'beat' | 'tick' | 'settle';
  side: Role;
  stream: number;
  bytes: number;
}

/** A failure that cannot be recovered from. */
export interface Trouble {
  /**
   * error: the side fails. cancel: a consumer, or a disk, cancels a stream, and then its side fails.
   * freeze: a consumer never consumes again. cut: the transport breaks. stall: it carries nothing
   * more, without notice.
   */
  what: 'error' | 'cancel' | 'freeze' | 'cut' | 'stall';
  side: Role;
  stream: number;
  /** For a cut: how many of the last bytes are lost. */
  bytes: number;
  /** The index of the step before which it happens. */
  at: number;
}

export interface Plan {
  mode: Mode;
  /** Bytes of each stream, from the sender. */
  streams: number[];
  /** Duplex: bytes of each stream of the receiver. */
  answers: number[];
  /** Size of every ring in bytes, as a power of two. */
  ringBits: number;
  /** Maximum payload bytes of a frame. */
  frameBytes: number;
  /** Compresses what shrinks; the streams then repeat themselves. */
  codec: Codec | undefined;
  forth: PipeOptions;
  back: PipeOptions;
  steps: Step[];
  troubles: Trouble[];
}

const MAX_STEPS = 40;
const role = fc.constantFrom<Role>('sender', 'receiver');
/** From one byte at a time to everything at once. Slow pipes carry several bytes, or no plan would end. */
const pipe = fc.oneof(
  fc.record({ capacity: fc.integer({ min: 1, max: 40 }), delayMs: fc.constant(0) }),
  fc.constantFrom<PipeOptions[]>(
    { capacity: 100, delayMs: 30 },
    { capacity: 1_000, delayMs: 400 },
    { capacity: 100_000, delayMs: 0 },
    { capacity: 100_000, delayMs: 3_000 },
  ),
);
const step = fc.record<Step>({
  what: fc.constantFrom<Step['what'][]>(
    ...(['open', 'write', 'write', 'consume', 'consume', 'read', 'read', 'read'] as const),
    ...(['pause', 'resume', 'beat', 'tick', 'settle'] as const),
  ),
  side: role,
  stream: fc.nat(2),
  bytes: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 400 })),
});
const trouble = fc.record<Trouble>({
  what: fc.constantFrom<Trouble['what'][]>('error', 'cancel', 'freeze', 'cut', 'stall'),
  side: role,
  stream: fc.nat(2),
  bytes: fc.nat(60),
  at: fc.nat(MAX_STEPS),
});
const lengths = fc.oneof(fc.nat(8), fc.nat(300));

/** Schedules of a whole transfer. Half of them have no trouble, and must succeed. */
export function plans(mode: Mode): fc.Arbitrary<Plan> {
  return fc.record({
    mode: fc.constant<Mode>(mode),
    streams: fc.array(lengths, { maxLength: 3 }),
    answers: mode === 'duplex' ? fc.array(lengths, { maxLength: 2 }) : fc.constant<number[]>([]),
    ringBits: fc.integer({ min: 2, max: 7 }),
    frameBytes: fc.constantFrom(1, 7, 64, 100_000),
    codec: fc.constantFrom<(Codec | undefined)[]>(undefined, undefined, 'gzip'),
    forth: pipe,
    back: pipe,
    steps: fc.array(step, { maxLength: MAX_STEPS }),
    troubles: fc.oneof(
      fc.constant<Trouble[]>([]),
      fc.array(trouble, { minLength: 1, maxLength: 2 }),
    ),
  });
}
