import type { Readable } from 'node:stream';
import type { TransferOptions } from '../transfer/options.ts';
import type { Connection, Incoming } from '../transport/transport.ts';
import type { TargetOptions } from './target-options.ts';

export interface ReceiveOptions extends TransferOptions {
  /**
   * One-way (a Readable or a Transform), or duplex (a Duplex): then a sender that asks for it is sent the
   * outcome.
   */
  from: Incoming | Connection | Readable;
  to: TargetOptions;
  /** Refuse more bytes of file content than this; default: no limit. */
  maxBytes?: number | undefined;
  /** Refuse more entries than this; default 4,000,000. */
  maxEntries?: number | undefined;
}
