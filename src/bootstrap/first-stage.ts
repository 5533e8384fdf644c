import type { readSync } from 'node:fs';

/** Reads exactly this many bytes from stdin, and never more: what follows belongs to somebody else. */
export type ReadExactly = (bytes: number) => Buffer;

/** Bytes of the decimal number in front of everything that is sent to the other side. */
export const LENGTH_BYTES = 8;

/**
 * The words that start Node at the other side with a program that comes on its stdin. No shell changes any
 * of them: the program is a URL with every other character encoded, and Node runs it before an empty one.
 */
export function firstStageWords(): string[] {
  const run = `(${runFromStdin.toString()})(readSync,createRequire("file:///"),${LENGTH_BYTES})`;
  const program = `import{readSync}from"fs";import{createRequire}from"module";${run}`;
  const encoded = encodeURIComponent(program.replaceAll(/\s+/g, ' ')).replaceAll(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  return ['node', '--import', `data:text/javascript,${encoded}`, '-e', '0'];
}

/** Its text runs at the other side, so it must not use anything from outside. */
function runFromStdin(
  read: typeof readSync,
  require: (name: string) => unknown,
  lengthBytes: number,
): void {
  const readExactly: ReadExactly = (bytes) => {
    const buffer = Buffer.alloc(bytes);
    let at = 0;
    while (at < bytes) {
      try {
        const count = read(0, buffer, at, bytes - at, null);
        if (count === 0) process.exit(7);
        at += count;
      } catch (error) {
        if ((error as { code?: string }).code !== 'EAGAIN') throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    }
    return buffer;
  };
  const text = readExactly(Number(readExactly(lengthBytes))).toString();
  const { runInThisContext } = require('vm') as typeof import('node:vm');
  (runInThisContext(text) as (...args: unknown[]) => void)(require, readExactly);
}
