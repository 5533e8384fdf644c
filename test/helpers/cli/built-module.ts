import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'rolldown';
import { makeDirectory, removeDirectory } from '../trees/temporary-directory.ts';

/** A module of src, built for a thread of a test, because threads of Node 20 cannot load TypeScript. */
export interface BuiltModule {
  href: string;
  remove: () => void;
}

/** @param path relative to src */
export async function buildModule(path: string): Promise<BuiltModule> {
  const directory = makeDirectory();
  const file = join(directory, 'module.mjs');
  const input = fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));
  await build({ input, platform: 'node', output: { file }, logLevel: 'silent' });
  return { href: pathToFileURL(file).href, remove: () => removeDirectory(directory) };
}
