import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/**
 * Carries bytes in steps of `stepBytes`: the next one begins when the previous one was written to the
 * reader's pipe. As with a pipe, when one end goes, so does the other.
 *
 * @param onStep called before each step, counted from 0
 */
export async function carryStepwise(
  from: Readable,
  to: Writable,
  stepBytes: number,
  onStep: (step: number) => void | Promise<void>,
): Promise<void> {
  const gone = once(to, 'close').then(() => 'gone');
  to.on('error', () => {}); // the reader reports why
  let step = 0;
  try {
    for await (const piece of inPieces(from, stepBytes)) {
      await onStep(step++);
      const handedOver = new Promise((resolve) => to.write(piece, resolve));
      if ((await Promise.race([handedOver, gone])) != null) break; // an error, or gone
    }
  } catch {
    // The writer was killed: what it wrote has been carried.
  }
  from.destroy();
  to.end();
}

async function* inPieces(from: Readable, pieceBytes: number): AsyncGenerator<Buffer> {
  for await (const chunk of from) {
    const bytes = chunk as Buffer;
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
}
