import type { ErrorCode } from './error-code.ts';
import type { Remedy } from './remedy.ts';
import type { TransferReport } from './report.ts';
import { shortenPath } from './short-path.ts';

export type { ErrorCode, Remedy };

export interface ErrorDetails {
  /** The path the error is about, whole, as disk/byte-path.ts writes it; the message may show its end. */
  path?: string | undefined;
  /** What the peer's own error was, when code is 'peer-failed'. */
  peer?: { code: string; message: string } | undefined;
  /** What may be set so that it does not come again. */
  remedy?: Remedy | undefined;
  cause?: unknown;
  /** What the peer is told in place of message and path: never the content of a file. */
  forPeer?: string | undefined;
}

/**
 * The one error that ctxsync throws on purpose. The message says what happened, where, and what to
 * do about it where something can be done.
 */
export class CtxsyncError extends Error {
  override readonly name = 'CtxsyncError';
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly peer: { code: string; message: string } | undefined;
  readonly remedy: Remedy | undefined;
  readonly forPeer: string | undefined;
  /** Of the transfer that failed with it: what send() and receive() would have resolved to. */
  report: TransferReport | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(
      shortenPath(message, details.path),
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.path = details.path;
    this.peer = details.peer;
    this.remedy = details.remedy;
    this.forPeer = details.forPeer;
  }

  /** What was thrown, as a CtxsyncError: anything that is not one already is a fault of ours. */
  static from(thrown: unknown): CtxsyncError {
    if (thrown instanceof CtxsyncError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new CtxsyncError('internal', message, { cause: thrown });
  }
}
