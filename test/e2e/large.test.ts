import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { decodePax } from '../../src/tar/pax.ts';
import { BIN } from '../helpers/cli/cli.ts';
import { spawn } from 'node:child_process';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

const GiB = 2 ** 30;

describe('a large file', () => {
  it('of 1 GiB arrives completely through the pipe', async () => {
    await withSparse(GiB, async (context) => {
      const pipe = sendToTar(context);
      let count = 0;
      let zeros = true;
      for await (const chunk of pipe.stdout) {
        const bytes = chunk as Buffer;
        // The headers are in the first piece; checking only the end of each piece is quick.
        if (count > 0 && bytes[bytes.length - 1] !== 0) zeros = false;
        count += bytes.length;
      }
      expect(await pipe.status).toBe(0);
      expect(zeros).toBe(true);
      expect(count).toBeGreaterThanOrEqual(GiB + 4 * 512);
      expect(count).toBeLessThan(GiB + 20 * 512);
    });
  });

  it('of 9 GiB has its size in a pax header, because ustar ends at 8 GiB', async () => {
    await withSparse(9 * GiB, async (context) => {
      const pipe = sendToTar(context);
      const head = await readHead(pipe.stdout, 8 * 512);
      pipe.stdout.destroy();
      await pipe.status;
      expect(paxSizes(head)).toEqual([String(9 * GiB)]);
    });
  });
});

async function withSparse(size: number, use: (context: string) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const context = join(directory, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'sparse'), '');
    truncateSync(join(context, 'sparse'), size);
    await use(context);
  });
}

/** `ctxsync send context | ctxsync receive -` in a shell; its status is the receiver's. */
function sendToTar(context: string): { stdout: Readable; status: Promise<number | null> } {
  const script = '"$NODE" "$BIN" send --quiet "$1" | "$NODE" "$BIN" receive --quiet -';
  const child = spawn('sh', ['-c', script, 'sh', context], {
    env: { ...process.env, NODE: process.execPath, BIN },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const status = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { stdout: child.stdout, status };
}

async function readHead(stdout: Readable, count: number): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    head = Buffer.concat([head, chunk as Buffer]);
    if (head.length >= count) return head;
  }
  return head;
}

/** The sizes in the pax headers at the beginning of a tar. */
function paxSizes(head: Buffer): string[] {
  const sizes: string[] = [];
  for (let at = 0; at + 512 < head.length; at += 512) {
    const isPax =
      head[at + 156] === 'x'.charCodeAt(0) &&
      head.toString('latin1', at + 257, at + 262) === 'ustar';
    if (!isPax) continue;
    const length = Number.parseInt(head.toString('latin1', at + 124, at + 135), 8);
    const size = decodePax(head.toString('latin1', at + 512, at + 512 + length))?.get('size');
    if (size !== undefined) sizes.push(size);
  }
  return sizes;
}
