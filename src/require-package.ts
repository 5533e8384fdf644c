import { createRequire } from 'node:module';

/**
 * Loads a package on demand. In the single file (cli/single-file.ts) and in workers, which are CommonJS, it
 * is their own `require`: there is no node_modules beside the single file, and it has packages of its own.
 */
export const requirePackage: (name: string) => unknown =
  typeof require === 'function' ? require : createRequire(import.meta.url);
