/**
 * ctxsync as a library: the same two sides that the command line runs, and the one that serves many.
 *
 * @example
 * import { fromStream, receive, send, toStream } from 'ctxsync';
 * await send({ contexts: [{ directory: './web' }], to: toStream(child.stdin), signal, onEvent });
 */
export { CtxsyncError, type ErrorCode } from './errors.ts';
export type { Progress, TransferEvent, TransferReport, Verdict } from './observe/events.ts';
export { receive, type ReceiveOptions } from './receive/receive.ts';
export type {
  DirectoryTargetOptions,
  TargetOptions,
  TarTargetOptions,
} from './receive/target-options.ts';
export { serve, type ServeReport } from './serve/serve.ts';
export type { ServeEvent, ServeOptions } from './serve/serve-options.ts';
export type { Context } from './send/context-sender.ts';
export { send, type SendOptions } from './send/send.ts';
export { fromStream, toStream } from './transport/node-stream.ts';
export type { Connection, Incoming, Outgoing } from './transport/transport.ts';
export type { IgnoreOptions } from './ignore/load-rules.ts';
