import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs with a fresh directory, which is removed afterwards, whatever its modes. */
export async function withDirectory<T>(use: (directory: string) => Promise<T> | T): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'ctxsync-test-'));
  try {
    return await use(directory);
  } finally {
    removeDirectory(directory);
  }
}

/** A fresh directory; remove it with `removeDirectory`. */
export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'ctxsync-test-'));
}

export function removeDirectory(directory: string): void {
  openDirectories(Buffer.from(directory));
  rmSync(directory, { recursive: true, force: true });
}

function openDirectories(directory: Buffer): void {
  if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { encoding: 'buffer' })) {
    openDirectories(Buffer.concat([directory, Buffer.from('/'), entry]));
  }
}
