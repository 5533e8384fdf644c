import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs with a fresh folder, which is gone afterwards, whatever its modes. */
export async function withFolder<T>(use: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ctxsync-test-'));
  try {
    return await use(folder);
  } finally {
    removeFolder(folder);
  }
}

/** A fresh folder; remove it with `removeFolder`. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'ctxsync-test-'));
}

export function removeFolder(folder: string): void {
  openFolders(Buffer.from(folder));
  rmSync(folder, { recursive: true, force: true });
}

function openFolders(folder: Buffer): void {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { encoding: 'buffer' })) {
    openFolders(Buffer.concat([folder, Buffer.from('/'), entry]));
  }
}
