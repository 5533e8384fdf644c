import type { TransferOptions } from '../transfer/options.ts';
import type { AnyOutgoing } from '../transport/to-transport.ts';
import type { Compression } from './compression.ts';
import type { Context } from './context.ts';

export interface SendOptions extends TransferOptions {
  /** Each is sent in a stream of its own, several at the same time. */
  contexts: readonly Context[];
  /**
   * One-way (a Writable, a WritableStream, or a Transform or TransformStream): success only means that
   * everything was handed over. Or duplex (a Duplex, or a pair of streams): success means that the receiver
   * has confirmed its commit. A function is called to connect; what it throws ends the try.
   */
  to: AnyOutgoing | (() => AnyOutgoing | Promise<AnyOutgoing>);
  /**
   * Connect and send again, up to so many times, if the connection is lost or cannot be made, or its command
   * ends before the receipt; `to` must be a function, which connects each time. Not after a refusal, an error
   * of the source, a stall or damaged data. What had arrived whole is not sent again. The wait before each is
   * 1 s, 2 s, 4 s and so on, up to 30 s. Default 0.
   */
  retries?: number | undefined;
  /** This side shows progress on a terminal, so the receiver need not. */
  showsProgress?: boolean | undefined;
  /** Duplex: send everything, even what the receiver already has. */
  full?: boolean | undefined;
  /** Duplex: compare file contents instead of size and mtime. Reads every file. */
  checksum?: boolean | undefined;
  /**
   * Whether what is sent is compressed. `auto`, the default: where the transport is slow, with the best codec
   * that both sides have; one-way, where the receiver's are unknown, with gzip. A frame that does not
   * shrink is sent as it is.
   */
  compress?: Compression | undefined;
  /** Send at most so many bytes per second, framing included, once compressed; default: no limit. */
  bytesPerSecond?: number | undefined;
  /** Bytes of content above which a context counts as large; default 500,000,000; 0: it never does. */
  largeBytes?: number | undefined;
  /**
   * Fail as context-refused where there would be a `findings` event: a context is large, or holds what is
   * rarely meant to be sent.
   */
  strict?: boolean | undefined;
  /** Count entries and bytes ahead of the transfer, for an ETA. Costs a second walk. */
  countTotals?: boolean | undefined;
}

/** The options of one try. */
export type TryOptions = Omit<SendOptions, 'to' | 'retries'> & { to: AnyOutgoing };
