import { MAX_CONTROL_BYTES } from '../limits.ts';
import { protocolError } from './protocol-error.ts';
import {
  checkHeader,
  decodeHeader,
  FIRST_SKIPPABLE,
  frameChecksum,
  frameName,
  FrameType,
  HEADER_BYTES,
  type FrameHeader,
} from './frame.ts';

/** Receives what a FrameDecoder finds, in order. What it throws, decode() throws. */
export interface FrameSink {
  /**
   * A whole frame of any known type except DATA.
   *
   * @param payload valid during the call
   * @param at bytes of the connection before the frame
   */
  handleControl(header: FrameHeader, payload: Uint8Array, at: number): void;
  /** A DATA frame begins; header.length bytes of payload follow. */
  handleData(header: FrameHeader, at: number): void;
  /**
   * Payload of the current DATA frame, never empty.
   *
   * @returns how many bytes were taken from the front; 0 stops the decoder
   */
  handlePayload(piece: Uint8Array): number;
  /** A whole frame of an unknown type, which is skipped. */
  handleUnknown(header: FrameHeader, at: number): void;
}

/**
 * Splits a connection into frames, however its bytes are sliced. A control frame is buffered (at most
 * MAX_CONTROL_BYTES); DATA payload is passed on in the slices in which it arrives.
 */
export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #headerBytes = new Uint8Array(HEADER_BYTES);
  /** One buffer for every control payload: no length that a peer declares allocates anything. */
  readonly #control = new Uint8Array(MAX_CONTROL_BYTES);
  /** Header of the current frame; undefined until it is complete. */
  #header: FrameHeader | undefined;
  /** Bytes received of the header, or after it of the payload. */
  #filled = 0;
  /** Bytes of the connection before the current frame. */
  #frameAt: number;
  /** While true, decode() takes nothing: the bytes stay with the caller. */
  held = false;
  #position: number;

  /** @param position bytes of the connection that come before the first frame */
  constructor(sink: FrameSink, position = 0) {
    this.#sink = sink;
    this.#position = position;
    this.#frameAt = position;
  }

  /** Bytes of the connection taken so far. */
  get position(): number {
    return this.#position;
  }

  /**
   * Takes bytes from the front.
   *
   * @returns how many: fewer than all when the sink has no room for more payload, or while `held`. Pass
   *   the rest again.
   * @throws CtxsyncError 'corrupt', and what the sink throws; the decoder is unusable afterwards
   */
  decode(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.held) {
      const taken = this.#take(bytes.subarray(at));
      if (taken === 0) break;
      at += taken;
      this.#position += taken;
    }
    return at;
  }

  #take(bytes: Uint8Array): number {
    if (this.#header === undefined) return this.#takeHeader(bytes);
    if (this.#header.type === FrameType.data) return this.#takeData(this.#header, bytes);
    return this.#takeControl(this.#header, bytes);
  }

  #takeHeader(bytes: Uint8Array): number {
    if (this.#filled === 0) this.#frameAt = this.#position;
    const taken = Math.min(HEADER_BYTES - this.#filled, bytes.length);
    this.#headerBytes.set(bytes.subarray(0, taken), this.#filled);
    this.#filled += taken;
    if (this.#filled === HEADER_BYTES) this.#beginPayload();
    return taken;
  }

  #beginPayload(): void {
    const header = decodeHeader(this.#headerBytes);
    checkHeader(header, this.#frameAt);
    this.#header = header;
    this.#filled = 0;
    if (header.type === FrameType.data) {
      this.#checkSum(header, 0);
      this.#sink.handleData(header, this.#frameAt);
    } else if (header.length === 0) {
      this.#endControl(header);
    }
  }

  #takeData(header: FrameHeader, bytes: Uint8Array): number {
    const left = header.length - this.#filled;
    const taken = this.#sink.handlePayload(bytes.length > left ? bytes.subarray(0, left) : bytes);
    this.#filled += taken;
    if (this.#filled === header.length) this.#endFrame();
    return taken;
  }

  #takeControl(header: FrameHeader, bytes: Uint8Array): number {
    const taken = Math.min(header.length - this.#filled, bytes.length);
    this.#control.set(bytes.subarray(0, taken), this.#filled);
    this.#filled += taken;
    if (this.#filled === header.length) this.#endControl(header);
    return taken;
  }

  #endControl(header: FrameHeader): void {
    this.#checkSum(header, header.length);
    this.#endFrame();
    if (header.type >= FIRST_SKIPPABLE) return this.#sink.handleUnknown(header, this.#frameAt);
    this.#sink.handleControl(header, this.#control.subarray(0, header.length), this.#frameAt);
  }

  #endFrame(): void {
    this.#header = undefined;
    this.#filled = 0;
  }

  /** @param covered bytes of payload that are part of the checksum */
  #checkSum(header: FrameHeader, covered: number): void {
    const expected = frameChecksum(this.#headerBytes, this.#control.subarray(0, covered));
    if (expected === header.checksum) return;
    throw protocolError(`the checksum of ${frameName(header.type)} does not match`, this.#frameAt);
  }
}
