import type { TransferOptions } from '../transfer/options.ts';
import type { AnyIncoming } from '../transport/to-transport.ts';
import type { TargetOptions } from './target-options.ts';

export interface ReceiveOptions extends TransferOptions {
  /**
   * One-way (a Readable, a ReadableStream, or a Transform or TransformStream), or duplex (a Duplex, or a pair
   * of streams): then a sender that asks for it is sent the outcome.
   */
  from: AnyIncoming;
  to: TargetOptions;
  /** Refuse more bytes of file content than this; default: no limit. */
  maxBytes?: number | undefined;
  /** Refuse more entries than this; default 4,000,000. */
  maxEntries?: number | undefined;
}
