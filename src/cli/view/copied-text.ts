import type { Copied } from '../../bootstrap/bootstrap.ts';
import { formatBytes } from './format.ts';

/** The line about a program that was copied to the other side. */
export function copiedText({ version, host, path, bytes, sentBytes, failure }: Copied): string {
  const size = `${formatBytes(bytes)}, sent as ${formatBytes(sentBytes)}`;
  const copied = `copied ctxsync ${version} (${size}) to ${host}`;
  if (failure === undefined) return `${copied}: ${path}`;
  return `${copied} for this run only, as it cannot be kept there: ${failure}`;
}
