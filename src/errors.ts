import type { ErrorCode } from './error-code.ts';
import type { Remedy } from './remedy.ts';
import type { TransferReport } from './report.ts';
import { shortenPath } from './short-path.ts';

export type { ErrorCode, Remedy };

export interface ErrorDetails {
  /** The full path the error is about, as disk/byte-path.ts formats it; the message may show its end. */
  path?: string | undefined;
  /** The line of the file at `path` that is wrong, from 1. */
  line?: number | undefined;
  /** The peer's own error, if code is 'peer-failed'. */
  peer?: { code: string; message: string } | undefined;
  /** The end of what the command that runs the receiver wrote to stderr; may have several lines. */
  commandOutput?: string | undefined;
  /** What the user may set to avoid the error. */
  remedy?: Remedy | undefined;
  /** Of 'locked': the process that holds it, as text: "pid 4711 on host, since ...". */
  holder?: string | undefined;
  cause?: unknown;
  /** Sent to the peer instead of message and path: never the content of a file. */
  forPeer?: string | undefined;
}

/**
 * The only error that ctxsync throws on purpose. The message states what happened, where, and what to
 * do about it, if anything can be done.
 */
export class CtxsyncError extends Error {
  override readonly name = 'CtxsyncError';
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly line: number | undefined;
  readonly peer: { code: string; message: string } | undefined;
  readonly commandOutput: string | undefined;
  readonly remedy: Remedy | undefined;
  readonly holder: string | undefined;
  readonly forPeer: string | undefined;
  /** The report of the failed transfer, which send() or receive() would have resolved to. */
  report: TransferReport | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(
      shortenPath(message, details.path),
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.path = details.path;
    this.line = details.line;
    this.peer = details.peer;
    this.commandOutput = details.commandOutput;
    this.remedy = details.remedy;
    this.holder = details.holder;
    this.forPeer = details.forPeer;
  }

  /** Converts what was thrown: anything that is not a CtxsyncError already is a bug of ours. */
  static from(thrown: unknown): CtxsyncError {
    if (thrown instanceof CtxsyncError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new CtxsyncError('internal', message, { cause: thrown });
  }
}
