import type { SparseMap } from './sparse-map.ts';

/** Where in a sparse file its content has come: in a hole, or in a region of data. */
export class SparseContent {
  /** Zeros up to the next data, or to the end of the file. */
  hole = 0;
  /** Once the hole is done with: bytes of data up to the next hole. */
  data = 0;
  readonly #map: SparseMap;
  #region = 0;
  #end = 0;

  /** @param map one that was checked */
  constructor(map: SparseMap) {
    this.#map = map;
    this.#advance();
  }

  /** Zeros of the hole: as many as there are at hand. */
  zeros(): Uint8Array {
    return this.hole < ZEROS.length ? ZEROS.subarray(0, this.hole) : ZEROS;
  }

  /** So many bytes are done with, of the hole while there is one, then of the data. */
  consumed(count: number): void {
    if (this.hole > 0) this.hole -= count;
    else this.data -= count;
    if (this.hole === 0 && this.data === 0) this.#advance();
  }

  /** To the next region that holds anything; behind the last one is a hole. */
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
