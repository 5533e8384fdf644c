import { CtxsyncError } from '../errors.ts';
import type { TransferReport } from '../report.ts';
import { apart } from '../transfer/listener.ts';
import { withReport } from '../transfer/report.ts';
import { closeTransport } from '../transfer/peer-link.ts';
import { checkContexts } from './check-contexts.ts';
import { checkRetries } from './check-retries.ts';
import { checkCompression } from './compression.ts';
import type { Connection } from '../transport/transport.ts';
import type { SendOptions } from './send-options.ts';
import { sendWithRetries } from './send-with-retries.ts';

/**
 * Sends contexts. Resolves on a one-way transport when everything is handed over, on a duplex one when
 * the receiver has committed.
 *
 * @throws CtxsyncError with the report; the receiver then commits nothing
 */
export async function send(options: SendOptions): Promise<TransferReport> {
  try {
    checkContexts(options.contexts);
    checkCompression(options.compress);
    checkRetries(options);
  } catch (error) {
    await closeUnused(options.to);
    throw withReport('sender', CtxsyncError.from(error));
  }
  const onEvent = apart(options.onEvent);
  const onSample = apart(options.onSample);
  return sendWithRetries({ ...options, onEvent, onSample });
}

/** A connection that was opened for us, with a process behind it, would otherwise stay. */
async function closeUnused(to: unknown): Promise<void> {
  if (typeof to !== 'object' || to === null || !('incoming' in to)) return;
  await closeTransport(to as Connection, Promise.resolve());
}
