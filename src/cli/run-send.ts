import type { Context } from '../send/context.ts';
import type { TransferOptions } from '../transfer/options.ts';
import type { Compression } from '../send/compression.ts';
import { send } from '../send/send.ts';
import { inputBroken } from '../transport/node-stream.ts';
import { isStdoutPiped, openStdin, openStdout } from '../transport/stdio.ts';
import type { Connection, Outgoing } from '../transport/transport.ts';
import { connectSocket } from '../transport/unix-socket.ts';
import type { GivenRule } from '../ignore/load-rules.ts';
import { inheritedFd } from '../ignore/inherited-fd.ts';
import { WAITING_SHOWN_MS } from '../limits.ts';
import type { CommonOptions } from './common-options.ts';
import { directoryContext, type IgnoreCommandOptions } from './ignore-options.ts';
import { parseContexts, type ContextArgument } from './context-argument.ts';
import { runTransfer } from './run-transfer.ts';
import { startPeer } from './start-peer.ts';
import type { Closing } from './view/run-lines.ts';
import { unlessSoon } from './unless-soon.ts';
import { usageError } from './usage-error.ts';

export interface SendCommandOptions extends CommonOptions, IgnoreCommandOptions {
  dryRun?: true;
  strict?: true;
  warnAbove: number;
  checksum?: true;
  full?: true;
  bootstrap?: true;
  compress: Compression;
  /** Bytes per second. */
  bwlimit?: number;
  retries: number;
  /** A uid. */
  socketOwner?: number | 'any';
}

/**
 * `send`, from its options to its exit status.
 * @param peer the command after "--" that runs the receiver
 */
export function runSend(
  args: readonly string[],
  options: SendCommandOptions,
  rules: readonly GivenRule[],
  peer: readonly string[] | undefined,
): Promise<number> {
  return runTransfer(
    options,
    { side: 'sender', startsPeer: peer !== undefined, closing: closingOf(options, peer) },
    async (common, view) => {
      checkItemize(options, peer);
      const parsed = parseContexts(args);
      const contexts = parsed.map((argument) => toContext(argument, options, rules));
      if (parsed.every(({ directory }) => directory === '-')) checkNoRules(options, rules);
      if (options.retries > 0) checkRetries(options, parsed, peer);
      return send({
        ...common,
        contexts,
        to: () => openTransport(options, peer, common),
        retries: options.retries === 0 ? undefined : options.retries,
        // What a command's receiver prints reaches only us.
        showsProgress: view.speaks || peer !== undefined,
        checksum: options.checksum,
        full: options.full,
        compress: options.compress,
        bytesPerSecond: options.bwlimit,
        largeBytes: options.warnAbove,
        strict: options.strict,
        // The receiver may show them, unless its words come through us.
        countTotals: peer === undefined || (options.progress !== 'none' && options.quiet !== true),
      });
    },
  );
}

function openTransport(
  options: SendCommandOptions,
  peer: readonly string[] | undefined,
  { signal, onEvent }: TransferOptions,
): Promise<Connection> | Outgoing {
  const { socket, socketOwner: owner, connectTimeout: timeoutMs } = options;
  if (peer !== undefined) {
    if (socket === undefined) return startPeer(peer, options, { signal, onEvent });
    throw usageError('--socket and a command after "--" cannot be combined');
  }
  if (options.bootstrap === true) {
    throw usageError('--bootstrap needs a command after "--": ssh host ctxsync receive /out');
  }
  if (socket === undefined) return openStdout('"ctxsync receive"');
  return unlessSoon(connectSocket(socket, { timeoutMs, owner, signal }), WAITING_SHOWN_MS, () =>
    onEvent?.({ type: 'waiting', side: 'sender', socket, givesUpInMs: timeoutMs }),
  );
}

/** Whatever reads a plain pipe prints the outcome; a file does not. */
function closingOf({ socket }: SendCommandOptions, peer: readonly string[] | undefined): Closing {
  return peer === undefined && socket === undefined && isStdoutPiped() ? 'never' : 'always';
}

/** @throws CtxsyncError usage, if what is to be sent again can be read or connected to only once */
function checkRetries(
  { socket, ignoreFile }: SendCommandOptions,
  contexts: readonly ContextArgument[],
  peer: readonly string[] | undefined,
): void {
  if (socket === undefined && peer === undefined) {
    throw usageError('--retries needs --socket or a command after "--": a pipe cannot be reopened');
  }
  const fromPipe = [
    contexts.some(({ directory }) => directory === '-') ? 'a tar on stdin ("-")' : undefined,
    ignoreFile !== undefined && inheritedFd(ignoreFile) !== undefined
      ? `--ignore-file ${ignoreFile}`
      : undefined,
  ].find((what) => what !== undefined);
  if (fromPipe !== undefined) {
    throw usageError(`${fromPipe} can be read only once, so --retries cannot send it again`);
  }
}

/** @throws CtxsyncError usage */
function checkItemize(
  { itemize, socket }: SendCommandOptions,
  peer: readonly string[] | undefined,
): void {
  if (itemize !== true || socket !== undefined || peer !== undefined) return;
  throw usageError(
    '--itemize needs a receiver that answers, over a socket or a command; on a pipe, give it to "ctxsync receive"',
  );
}

/** A tar is sent as it is. @throws CtxsyncError usage */
function checkNoRules({ file, ignoreFile }: SendCommandOptions, rules: readonly GivenRule[]): void {
  const given = [
    file === undefined ? undefined : '--file',
    ignoreFile === undefined ? undefined : '--ignore-file',
    rules[0]?.source,
  ].find((option) => option !== undefined);
  if (given === undefined) return;
  throw usageError(
    `${given} is for directories: a tar ("-") is sent as it is; leave files out of the tar instead`,
  );
}

function toContext(
  argument: ContextArgument,
  options: SendCommandOptions,
  rules: readonly GivenRule[],
): Context {
  if (argument.directory !== '-') return directoryContext(argument, options, rules);
  const { ignoreFile } = options;
  if (ignoreFile !== undefined && inheritedFd(ignoreFile) === 0) {
    throw usageError('stdin cannot be both the tar ("-") and the ignore file');
  }
  return { tar: openStdin('a tar', inputBroken) };
}
