import { MAX_VERSION, MIN_VERSION } from '../wire/frame.ts';
import type { Codec } from '../wire/codec.ts';
import type { TransferEvent } from '../observe/events.ts';
import type { Sample } from '../observe/sample.ts';
import type { OnItem } from './read-items.ts';

/** The protocol versions that both sides announce in HELLO. */
export const OUR_VERSIONS = { minVersion: MIN_VERSION, maxVersion: MAX_VERSION } as const;

/** The capability of a receiver that answers a manifest with the entries it wants. */
export const INCREMENTAL = 'incremental';

/** The codecs of this Node, the better one first; each is a capability of a receiver. */
export const OUR_CODECS: readonly Codec[] =
  process.versions['zstd'] === undefined ? ['gzip'] : ['zstd', 'gzip'];

/** The capability of a sender that wants the list of what its receiver changes. */
export const ITEMIZE = 'itemize';

/** What send() and receive() share. */
export interface TransferOptions {
  /** Milliseconds without progress until a stall is reported; default 10,000; 0 = never. */
  stallAfterMs?: number | undefined;
  /** Milliseconds without progress until the transfer fails; default 300,000; 0 = never. */
  stallTimeoutMs?: number | undefined;
  /** Aborting it ends the transfer as interrupted; the other side is notified. */
  signal?: AbortSignal | undefined;
  /**
   * After an abort, milliseconds that the promise still waits for the other side: to take the reason, to
   * confirm if everything was sent, and, if it is a command, to end. Default 100; Infinity: until all of that
   * is over, which takes a few seconds at most. What is not over when the promise rejects ends by itself.
   */
  abortGraceMs?: number | undefined;
  /** Called with progress ten times a second, and with whatever happens. The last event is `end`. */
  onEvent?: ((event: TransferEvent) => void) | undefined;
  /**
   * Called after the commit with each change to the destination, which is a directory; a sender needs a
   * receiver that answers. A promise that it returns holds the next one back.
   */
  onItem?: OnItem | undefined;
  /** Called ten times a second with what each thread does and what the wire carries: see TransferTrace. */
  onSample?: ((sample: Sample) => void) | undefined;
}
