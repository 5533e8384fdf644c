import { toText } from '../disk/byte-path.ts';
import { ItemDecoder } from '../entry/item.ts';
import type { Ring } from '../flow/ring.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';
import { throwApart } from './listener.ts';

/** One change to a destination: `code` and `path` as `rsync --itemize-changes` writes them. */
export interface ChangedItem {
  /** 11 characters: see the README. */
  code: string;
  /** Relative to OUT, human-readable; of a directory with a slash at its end, `./` for OUT itself. */
  path: string;
}

export type OnItem = (item: ChangedItem) => Promise<void> | void;

/**
 * Passes on a list of changes from its ring, one by one, to its end.
 * @param onItem holds back the next one by a promise; its errors do not affect the transfer
 * @throws CtxsyncError corrupt
 */
export async function readItems(ring: Ring, onItem: OnItem): Promise<void> {
  const decoder = new ItemDecoder();
  while (!ring.drained && !ring.cancelled) {
    const bytes = ring.readable().subarray(0, IO_BUFFER_BYTES);
    if (bytes.length === 0) {
      await ring.data();
      continue;
    }
    for (const { code, path } of decoder.push(bytes)) {
      try {
        await onItem({ code, path: toText(path) });
      } catch (error) {
        throwApart(error);
      }
    }
    ring.consumed(bytes.length);
  }
  if (!ring.cancelled) decoder.end();
}
