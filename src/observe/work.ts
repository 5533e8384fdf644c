import { COMMIT_WORK_BYTES, COMPARE_WORK_BYTES, ENTRY_WORK_BYTES } from '../limits.ts';

/** Entries, and bytes of file content. */
export interface Amount {
  entries: number;
  bytes: number;
}

export const NOTHING: Readonly<Amount> = { entries: 0, bytes: 0 };

/** How far the comparison of contexts with the destination has come. */
export interface Comparing {
  /** Entries that were compared, and bytes that were hashed for it. */
  compared: Readonly<Amount>;
  /** What of them has to be sent. */
  wanted: Readonly<Amount>;
  /** Nothing is left to compare. */
  isOver: boolean;
}

/** What is known so far about the work of a transfer. */
export interface Plan {
  /** All contexts, once counted. */
  contexts?: Readonly<Amount> | undefined;
  /** Where others are compared: the contexts that are sent whole, once counted. */
  whole?: Readonly<Amount> | undefined;
  /** Absent when everything is sent. */
  comparing?: Comparing | undefined;
}

/**
 * How much of a transfer is done, in one measure: bytes, where an entry counts as some bytes too, because a
 * small file takes time that does not depend on its size.
 */
export interface Work {
  done: number;
  /** Until the comparison is over an estimate: that the rest has changed as much as what was compared. */
  total?: number | undefined;
  /** What is to be sent, once that is certain. */
  toSend?: Readonly<Amount> | undefined;
  /** Nothing is left to compare, or sending has taken more work than all comparing will. */
  isSending: boolean;
}

/** @param sent so far */
export function workOf(sent: Readonly<Amount>, { contexts, whole, comparing }: Plan): Work {
  const sending = sendingWork(sent);
  if (comparing === undefined) {
    const total = contexts && sendingWork(contexts);
    return { done: sending, total, toSend: contexts, isSending: true };
  }
  const { compared, wanted, isOver } = comparing;
  const comparison = comparingWork(compared);
  const done = sending + comparison;
  if (!isOver) {
    if (contexts === undefined || whole === undefined || compared.entries === 0) {
      return { done, isSending: false };
    }
    const toCompare = Math.max(compared.entries, contexts.entries - whole.entries);
    const scale = toCompare / compared.entries;
    const isSending = sending > scale * comparison;
    const total = scale * (comparison + changingWork(wanted)) + sendingWork(whole);
    return { done, total, isSending };
  }
  const toSend = whole && {
    entries: wanted.entries + whole.entries,
    bytes: wanted.bytes + whole.bytes,
  };
  return {
    done,
    total: whole && comparison + changingWork(wanted) + sendingWork(whole),
    toSend,
    isSending: wanted.entries > 0 || sent.entries > 0 || (whole?.entries ?? 0) > 0,
  };
}

function sendingWork({ entries, bytes }: Readonly<Amount>): number {
  return entries * ENTRY_WORK_BYTES + bytes;
}

/** The commit is not counted as done before all is over: what it does is not known. */
function changingWork(wanted: Readonly<Amount>): number {
  return sendingWork(wanted) + wanted.entries * COMMIT_WORK_BYTES;
}

function comparingWork({ entries, bytes }: Readonly<Amount>): number {
  return entries * COMPARE_WORK_BYTES + bytes;
}
