import { startBootstrapped, type Copied } from '../bootstrap/bootstrap.ts';
import { MAX_TIMER_MS } from '../limits.ts';
import type { TransferOptions } from '../transfer/options.ts';
import { startCommand } from '../transport/command.ts';
import type { Connection } from '../transport/transport.ts';
import { readOwnFile } from './own-file.ts';
import { checkRemoteCommand } from './remote-command.ts';
import { unlessSoon } from './unless-soon.ts';
import { usageError } from './usage-error.ts';
import { version } from './version.ts';
import { copiedText } from './view/copied-text.ts';

export interface PeerOptions {
  /** Copy this program to the other side first, if it is not there. */
  bootstrap?: true;
  /** Milliseconds for each answer to that. */
  connectTimeout: number;
  /** Milliseconds after which waiting for it is reported. */
  stallAfter: number;
}

/**
 * Starts the command after "--", which runs the receiver.
 * @throws CtxsyncError usage; no-peer, corrupt, interrupted
 */
export function startPeer(
  peer: readonly string[],
  { bootstrap, connectTimeout: timeoutMs, stallAfter }: PeerOptions,
  { signal, onEvent = () => {} }: Pick<TransferOptions, 'signal' | 'onEvent'>,
): Promise<Connection> {
  const [command = ''] = peer;
  if (command === '') throw usageError('give the command that runs the receiver after "--"');
  const warn = (message: string): void => onEvent({ type: 'warning', side: 'sender', message });
  const warning = checkRemoteCommand(peer);
  if (warning !== undefined) warn(warning);
  const onWords = (line: string): void => onEvent({ type: 'command-output', side: 'sender', line });
  if (bootstrap !== true) return startCommand(peer, onWords);
  const onCopied = (copied: Copied): void =>
    onEvent({ type: 'notice', side: 'sender', message: copiedText(copied) });
  const program = { version: version(), file: readOwnFile() };
  return unlessSoon(
    startBootstrapped(peer, program, { timeoutMs, signal, onWords, onCopied }),
    stallAfter === 0 ? MAX_TIMER_MS : stallAfter,
    () => warn(`"${peer.join(' ')}" has not answered yet; waiting for it`),
  );
}
