import type { BytePath } from '../disk/byte-path.ts';

/** Where the stage keeps what is known of a context besides its entries. */
export interface ListNames {
  /** Local changes that the comparison found. */
  found: BytePath;
  /** Local changes that the sender's answers made sure of. */
  answered: BytePath;
  /** Own copies that the sender was asked about. */
  ownCopies: BytePath;
}

/** @param index of the context, in any order */
export function listNames(index: number): ListNames {
  return {
    found: `changes-${index}`,
    answered: `answered-${index}`,
    ownCopies: `copies-${index}`,
  };
}
