import type { TransferOptions } from '../transfer/options.ts';
import { receive } from '../receive/receive.ts';
import type { Side } from '../report.ts';
import type { TargetOptions } from '../receive/target-options.ts';
import { openStdin, openStdout } from '../transport/stdio.ts';
import type { Connection, Incoming } from '../transport/transport.ts';
import { listenOnce } from '../transport/unix-socket.ts';
import type { CommonOptions } from './common-options.ts';
import { checkOut, directoryTarget, type OutOptions } from './out-argument.ts';
import { runTransfer } from './run-transfer.ts';
import { usageError } from './usage-error.ts';

export interface ReceiveCommandOptions extends CommonOptions, OutOptions {
  maxBytes?: number;
  maxEntries?: number;
}

/** `receive`, from its options to its exit status. */
export function runReceive(out: string, options: ReceiveCommandOptions): Promise<number> {
  const outLabel = out === '-' ? undefined : out;
  const closing = options.socket === undefined ? 'unless-started' : 'always';
  return runTransfer(options, { side: 'receiver', outLabel, closing }, async (common) => {
    const { maxBytes, maxEntries } = options;
    const to = target(out, options);
    const from = await openTransport(out, options, common);
    return receive({ ...common, from, to, maxBytes, maxEntries });
  });
}

async function openTransport(
  out: string,
  { socket, connectTimeout: timeoutMs }: ReceiveCommandOptions,
  { signal, onEvent }: TransferOptions,
): Promise<Incoming | Connection> {
  if (socket !== undefined) {
    const side: Side = 'receiver';
    return listenOnce(socket, {
      timeoutMs,
      signal,
      onListening: () => onEvent?.({ type: 'waiting', side, socket, givesUpInMs: timeoutMs }),
      onWarning: (message) => onEvent?.({ type: 'warning', side, message }),
    });
  }
  const incoming = openStdin('the output of "ctxsync send"');
  if (out === '-') return incoming;
  // stdout is only opened when a sender that started us expects answers.
  return {
    incoming,
    get outgoing() {
      return openStdout('the sender');
    },
  };
}

function target(out: string, options: ReceiveCommandOptions): TargetOptions {
  checkOut(out);
  if (out !== '-') return directoryTarget(out, options);
  if (options.delete === true) {
    throw usageError('--delete is for a directory; "receive -" writes a tar');
  }
  const given = options.wait !== undefined ? '--wait' : options.itemize && '--itemize';
  if (given !== undefined) {
    throw usageError(`${given} is for a directory; "receive -" writes a tar`);
  }
  return { tar: openStdout('whatever reads a tar, "docker build -" or "tar x"', 'not-writable') };
}
