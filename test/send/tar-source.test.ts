import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { TarSource } from '../../src/send/tar-source.ts';
import type { Incoming } from '../../src/transport/transport.ts';

/** Returns the bytes in pieces of this size, in one buffer that is reused. */
function inPieces(bytes: Uint8Array, size: number): Incoming {
  return {
    async read(take) {
      const buffer = new Uint8Array(size);
      for (let at = 0; at < bytes.length; at += size) {
        const piece = bytes.subarray(at, at + size);
        buffer.set(piece);
        await take(buffer.subarray(0, piece.length));
        buffer.fill(0);
      }
    },
    destroy() {},
  };
}

/** What comes out of the ring while `bytes` are read. */
async function read(bytes: Uint8Array, pieceBytes: number): Promise<Buffer> {
  const ring = Ring.create(1024);
  const run = new TarSource(inPieces(bytes, pieceBytes), ring).run();
  const out: Buffer[] = [];
  const emptied = (async () => {
    for (;;) {
      await ring.data();
      if (ring.drained) return;
      const piece = ring.readable();
      out.push(Buffer.from(piece));
      ring.consumed(piece.length);
    }
  })();
  await Promise.all([run, emptied]);
  return Buffer.concat(out);
}

const TAR = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) % 251));

describe.each([1, 2, 3, 4, 5, 64, 100_000])('a stdin that comes %i bytes at a time', (size) => {
  test('is passed on unchanged', async () => {
    expect(await read(TAR, size)).toEqual(TAR);
  });

  test('is unzipped when it is gzip, and zeros after the gzip are dropped', async () => {
    expect(await read(gzipSync(TAR), size)).toEqual(TAR);
    const zeros = Buffer.alloc(20_000);
    expect(await read(Buffer.concat([gzipSync(TAR), zeros]), size)).toEqual(TAR);
  });

  test.each([
    ['bzip2', [0x42, 0x5a, 0x68]],
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ])('is refused when it is %s', async (name, magic) => {
    const compressed = Buffer.concat([Buffer.from(magic), TAR]);
    await expect(read(compressed, size)).rejects.toMatchObject({
      code: 'source-unreadable',
      message: expect.stringContaining(`compressed with ${name}`),
    });
  });

  test('is refused when it is a truncated or damaged gzip', async () => {
    const zipped = gzipSync(TAR);
    const damaged = Buffer.from(zipped);
    damaged[100] = damaged[100]! ^ 0xff;
    for (const bad of [zipped.subarray(0, zipped.length - 20), damaged]) {
      await expect(read(bad, size)).rejects.toMatchObject({
        code: 'source-unreadable',
        message: expect.stringMatching(/^the gzip is damaged: /),
      });
    }
  });
});

test.each(['', 'abcd', '\x1f'])('an input shorter than any magic passes: %j', async (text) => {
  expect(await read(Buffer.from(text, 'latin1'), 1)).toEqual(Buffer.from(text, 'latin1'));
});
