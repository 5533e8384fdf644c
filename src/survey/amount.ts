export interface Amount {
  entries: number;
  /** Of file content. */
  bytes: number;
}

export function noAmount(): Amount {
  return { entries: 0, bytes: 0 };
}

/** Counts one more entry. */
export function addEntry(amount: Amount, bytes: number): void {
  amount.entries += 1;
  amount.bytes += bytes;
}
