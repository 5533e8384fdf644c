import type { ErrorCode } from '../errors.ts';

/** The exit status of each failure, on which scripts may rely. EXIT_MEANINGS says the same to people. */
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

/** What each exit status means. README.md has the same table. */
export const EXIT_MEANINGS: readonly (readonly [status: string, meaning: string])[] = [
  ['0', 'done; for a receiver: verified and in place'],
  ['1', 'a bug in ctxsync'],
  ['2', 'usage, bad option or ignore file; this Node is too old'],
  ['3', 'source: missing, unreadable, changed while it was read'],
  ['4', 'destination: no space, no permission, locked by another receiver'],
  ['5', 'refused: an unsafe entry, over a limit, or --strict'],
  ['6', "corrupt: not ctxsync's protocol, a bad digest, or no common version"],
  [
    '7',
    'peer lost: the stream was cut, the receiver is gone, or nobody listens; the other side of a command has no Node, or an old one',
  ],
  ['8', 'stalled for longer than --stall-timeout'],
  ['9', 'the peer failed, and said why'],
  [
    '10',
    'everything was sent, but the receiver had not confirmed the commit when the transfer ended: outcome unknown',
  ],
  [
    '129, 130, 143',
    'SIGHUP, SIGINT, SIGTERM: nothing is committed; receive --serve finishes on SIGTERM: 0',
  ],
  [
    '137',
    'failed, and a thread is stuck in a disk call: only SIGKILL ends the process, and the kernel may keep it until the disk answers; the other side is released at once',
  ],
];
