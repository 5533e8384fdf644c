import { encodeFrame, MAGIC, type HeaderChanges } from './independent-encoder.ts';

/** A frame to be put into a session, with header fields in place of the correct ones. */
export interface SessionFrame extends HeaderChanges {
  type: number;
  stream: number;
  payload: Buffer;
}

const HEADER_BYTES = 16;

/** The frames of a complete session, from its magic on. */
export function takeApart(session: Buffer): SessionFrame[] {
  const frames: SessionFrame[] = [];
  for (let at = MAGIC.length; at < session.length;) {
    const end = at + HEADER_BYTES + session.readUInt32BE(at);
    frames.push({
      type: session[at + 4]!,
      flags: session[at + 5]!,
      stream: session.readUInt16BE(at + 6),
      offset: session.readUInt32BE(at + 8),
      payload: session.subarray(at + HEADER_BYTES, end),
    });
    at = end;
  }
  return frames;
}

export function putTogether(frames: readonly SessionFrame[]): Buffer {
  const encoded = frames.map((frame) =>
    encodeFrame(frame.type, frame.stream, frame.payload, frame),
  );
  return Buffer.concat([MAGIC, ...encoded]);
}

/** The same bytes in pieces of these sizes, in turn. */
export function sliced(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
