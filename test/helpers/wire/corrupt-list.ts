import { expect } from 'vitest';

type Slices = readonly number[];

/** An `expectCorrupt` for a list that `read` reads: takes bytes or latin1, and the expected complaint. */
export function corruptListBy(
  origin: string,
  read: (bytes: Uint8Array, slices?: Slices) => unknown,
): (bytes: string | Uint8Array, words: string, slices?: Slices) => void {
  return (bytes, words, slices) => {
    const given = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    expect(() => read(given, slices)).toThrow(
      expect.objectContaining({ code: 'corrupt', message: `${origin} ${words}` }),
    );
  };
}
