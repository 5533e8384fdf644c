import { decompress } from './codec.ts';

/**
 * The payload of one compressed DATA frame. It can be decompressed only when all of it has arrived, so it is
 * gathered; its last piece counts as taken when all that came of it has been, so that waiting for room in a
 * stream still is waiting inside the frame.
 */
export class CompressedPayload {
  readonly #flags: number;
  readonly #at: number;
  /** At most MAX_PAYLOAD_BYTES. */
  readonly #compressed: Uint8Array;
  #filled = 0;
  /** What is left of the payload. */
  #rest: Uint8Array | undefined;

  /**
   * @param flags of the frame
   * @param length bytes of its payload as it travels
   * @param at bytes of the connection before the frame
   */
  constructor(flags: number, length: number, at: number) {
    this.#flags = flags;
    this.#at = at;
    this.#compressed = new Uint8Array(length);
  }

  /**
   * Takes a piece of what travelled.
   *
   * @param begin called once, with the number of bytes that the payload has, and the frame's `at`
   * @param take takes bytes of the payload from the front, and returns how many
   * @returns how many bytes of the piece were taken; 0: pass the same piece again
   * @throws CtxsyncError as decompress()
   */
  push(
    piece: Uint8Array,
    begin: (length: number, at: number) => void,
    take: (payload: Uint8Array) => number,
  ): number {
    if (this.#rest === undefined) {
      this.#compressed.set(piece, this.#filled);
      if (this.#filled + piece.length < this.#compressed.length) {
        this.#filled += piece.length;
        return piece.length;
      }
      this.#rest = decompress(this.#flags, this.#compressed, this.#at);
      begin(this.#rest.length, this.#at);
    }
    while (this.#rest.length > 0) {
      const taken = take(this.#rest);
      if (taken === 0) return 0;
      this.#rest = this.#rest.subarray(taken);
    }
    return piece.length;
  }
}
