/** Where the bytes of an archive or a list go: a ring, a file of the stage, or memory in a test. */
export interface ByteSink {
  /** Waits for room and returns it: at least one byte, to be filled from the front. */
  reserve(): Uint8Array;
  /** The first `count` bytes of what `reserve` returned are filled. */
  produced(count: number): void;
}

/** Where the bytes of an archive or a list come from. */
export interface ByteSource {
  /** Waits for bytes and returns them in place; none means the end. */
  peek(): Uint8Array;
  /** Releases the first `count` bytes of what `peek` returned. */
  consumed(count: number): void;
}

/** Writes all of `bytes`, waiting for room as often as needed. */
export function writeAll(sink: ByteSink, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    const room = sink.reserve();
    const count = Math.min(room.length, bytes.length - done);
    room.set(bytes.subarray(done, done + count));
    sink.produced(count);
    done += count;
  }
}

/** Fills `target`; returns the number of bytes read, fewer than its length only at the end. */
export function readAll(source: ByteSource, target: Uint8Array): number {
  let done = 0;
  while (done < target.length) {
    const bytes = source.peek();
    if (bytes.length === 0) break;
    const count = Math.min(bytes.length, target.length - done);
    target.set(bytes.subarray(0, count), done);
    source.consumed(count);
    done += count;
  }
  return done;
}
