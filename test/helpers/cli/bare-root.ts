import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Why there can be no other root here; undefined when there can. */
export function whyNoChroot(): string | undefined {
  if (process.platform !== 'linux') return 'only on Linux it is known what Node needs';
  if (process.getuid?.() !== 0) return 'only root may use chroot';
  if (spawnSync('ldd', ['--version']).error !== undefined) return 'ldd is not installed';
  return undefined;
}

/**
 * Puts a program and the libraries that it is linked to into a root directory, which may have nothing else,
 * as that of a small container.
 *
 * @param path in that root
 */
export function installIn(root: string, program: string, path: string): void {
  const linked = execFileSync('ldd', [program], { encoding: 'utf8' });
  const libraries = Array.from(linked.matchAll(/(\/\S+) \(0x/g), ([, library = '']) => library);
  for (const library of libraries) copyTo(root, library, library);
  copyTo(root, program, path);
}

function copyTo(root: string, file: string, path: string): void {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  copyFileSync(file, join(root, path));
}
