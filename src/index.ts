/**
 * ctxsync as a library: the functions that the command line runs, including the one that serves many.
 *
 * @example
 * import { receive, send } from 'ctxsync';
 * await send({ contexts: [{ directory: './web' }], to: child.stdin, signal, onEvent });
 */
export { CtxsyncError, type ErrorCode, type ErrorDetails, type Remedy } from './errors.ts';
export type { ExplainEvent, ExplainOptions } from './explain/explain-options.ts';
export {
  explain,
  explainPaths,
  type ExplainedContext,
  type ExplainedPaths,
} from './explain/explain.ts';
export type { GivenRule, IgnoreOptions } from './ignore/load-rules.ts';
export type { RuleHintKind } from './ignore/rule-hints.ts';
export type { Phase, Progress, TransferEvent } from './observe/events.ts';
export type { MainThreadState } from './observe/main-thread-state.ts';
export type {
  DiskThreadSample,
  PeerSample,
  RingFill,
  RingKind,
  Sample,
  WireSample,
} from './observe/sample.ts';
export { TransferTrace } from './observe/transfer-trace.ts';
export type { ReceiveOptions } from './receive/receive-options.ts';
export { receive } from './receive/receive.ts';
export type {
  DirectoryTargetOptions,
  TargetOptions,
  TarTargetOptions,
} from './receive/target-options.ts';
export type {
  ContextReport,
  EntryCounts,
  Finding,
  FindingKind,
  PathNote,
  PathNotes,
  PathSize,
  ReportedError,
  Side,
  StallCause,
  StallReport,
  TimeShares,
  TransferReport,
  Verdict,
} from './report.ts';
export type { Compression } from './send/compression.ts';
export type { Context, DirectoryContext, EntriesContext, TarContext } from './send/context.ts';
export type {
  GivenCommon,
  GivenDirectory,
  GivenEntry,
  GivenFile,
  GivenSymlink,
} from './send/given-entry.ts';
export type { SendOptions } from './send/send-options.ts';
export { send } from './send/send.ts';
export type { ServeEvent, ServeOptions } from './serve/serve-options.ts';
export { serve, type ServeReport } from './serve/serve.ts';
export type { Amount } from './survey/amount.ts';
export type { PathBeneath, PathExplanation, TouchingRule } from './survey/path-report.ts';
export type {
  ContextSurvey,
  DirectorySize,
  Hint,
  HintKind,
  RuleEffect,
  RuleOrigin,
  RuleReport,
} from './survey/survey-report.ts';
export type { TransferOptions } from './transfer/options.ts';
export type { ChangedItem, OnItem } from './transfer/read-items.ts';
export { spawnPeer, type SpawnPeerOptions } from './transport/command.ts';
export {
  fromStream,
  toStream,
  type AnyIncoming,
  type AnyOutgoing,
  type StreamPair,
} from './transport/to-transport.ts';
export type { ClosableConnection, Connection, Incoming, Outgoing } from './transport/transport.ts';
export {
  connectSocket,
  listenOnce,
  type ConnectOptions,
  type ListenOnceOptions,
} from './transport/unix-socket.ts';
export type { WebReadable, WebReader, WebWritable, WebWriter } from './transport/web-stream.ts';
