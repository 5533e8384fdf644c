import type { Remedy } from '../../errors.ts';

/** What a user can do about an error, with the command and the option that does it. */
const TEXTS = {
  'allow-empty': '"receive --allow-empty" accepts an empty context',
  bootstrap: '"send --bootstrap" copies it there, if there is Node',
  compress: '"send --compress gzip" is read by every receiver',
  'connect-timeout': '"send --connect-timeout" waits longer',
  'ignore-file': '"send --ignore-file" names another file',
  'max-bytes': '"receive --max-bytes" raises the limit',
  'max-delete': '"receive --max-delete" raises the limit',
  'max-entries': '"receive --max-entries" raises the limit',
  'no-node': 'the README, under "Far ends", has ways without Node',
  'send-tar': '"ctxsync send -" sends a tar from stdin',
  'socket-owner': '"send --socket-owner" trusts another user, or "any"',
  strict: 'without "send --strict" it is only a warning',
} as const satisfies Record<Remedy, string>;

/** A message, with what can be done about it. */
export function withRemedy(message: string, remedy: Remedy | undefined): string {
  return remedy === undefined ? message : `${message} (${TEXTS[remedy]})`;
}
