import type { ErrorCode } from '../errors.ts';

/** The exit status of each failure, on which scripts may rely. README.md has the same table. */
export const EXIT_CODES = {
  internal: 1,
  usage: 2,
  'bad-ignore-rule': 2,
  'source-missing': 3,
  'source-unreadable': 3,
  'source-changed': 3,
  'no-space': 4,
  'not-writable': 4,
  locked: 4,
  'unsafe-entry': 5,
  'over-limit': 5,
  'delete-refused': 5,
  'context-refused': 5,
  'not-ctxsync': 6,
  corrupt: 6,
  'version-mismatch': 6,
  truncated: 7,
  'peer-gone': 7,
  'no-peer': 7,
  stalled: 8,
  'peer-failed': 9,
  'outcome-unknown': 10,
  interrupted: 130,
} as const satisfies Record<ErrorCode, number>;

/** A shell's exit status for a process that a signal ended: 128 plus the signal's number (POSIX sh). */
export const SIGNAL_EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export type EndingSignal = keyof typeof SIGNAL_EXIT_CODES;
