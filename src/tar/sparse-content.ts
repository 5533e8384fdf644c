import type { SparseMap } from './sparse-map.ts';

/** The read position in a sparse file: in a hole or in a region of data. */
export class SparseContent {
  /** Bytes of zeros up to the next data or the end of the file. */
  hole = 0;
  /** Bytes of data between that hole and the next one. */
  data = 0;
  readonly #map: SparseMap;
  #region = 0;
  #end = 0;

  /** @param map already checked */
  constructor(map: SparseMap) {
    this.#map = map;
    this.#advance();
  }

  /** Zeros of the hole, as many as fit in one piece. */
  zeros(): Uint8Array {
    return this.hole < ZEROS.length ? ZEROS.subarray(0, this.hole) : ZEROS;
  }

  /** `count` bytes were consumed, first of the hole, then of the data. */
  consumed(count: number): void {
    if (this.hole > 0) this.hole -= count;
    else this.data -= count;
    if (this.hole === 0 && this.data === 0) this.#advance();
  }

  /** Moves to the next region that is not empty; a hole follows the last one. */
  #advance(): void {
    const { regions, realSize } = this.#map;
    while (this.hole === 0 && this.data === 0 && this.#end < realSize) {
      const offset = regions[this.#region] ?? realSize;
      this.hole = offset - this.#end;
      this.data = regions[this.#region + 1] ?? 0;
      this.#end = offset + this.data;
      this.#region += 2;
    }
  }
}

const ZEROS = new Uint8Array(64 * 1024);
