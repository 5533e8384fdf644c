import type { DiskState } from '../disk/worker-status.ts';

const STATE_WORDS = {
  idle: 'idle',
  scanning: 'scanning',
  reading: 'reading',
  comparing: 'comparing',
  'waiting-for-room': 'waiting for room to send',
  'waiting-for-data': 'waiting for data',
  'waiting-for-threads': 'waiting for its disk threads',
  writing: 'writing',
  locking: 'locking',
  committing: 'committing',
  cleaning: 'cleaning up',
} satisfies Record<DiskState, string>;

/** @returns undefined for a state of a newer peer that we do not know */
export function stateWords(state: string): string | undefined {
  return Object.hasOwn(STATE_WORDS, state) ? STATE_WORDS[state as DiskState] : undefined;
}

/** A waiting state waits for the other thread, not for a disk. */
export function isCall(state: string): boolean {
  return state !== 'idle' && !state.startsWith('waiting');
}
