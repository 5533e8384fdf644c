import type { ReadExactly } from './first-stage.ts';

/** What the other side needs to know. */
export interface Wanted {
  version: string;
  /** SHA-256 of the file, in hexadecimal digits. */
  digest: string;
  /** Bytes of the file. */
  bytes: number;
  /** The oldest Node that runs it. */
  oldestNode: number;
  /** The beginning of each answer. */
  mark: string;
  /** Versions that are kept in the cache, this one included. */
  maxVersions: number;
  lengthBytes: number;
}

/** What the other side answers, a line each. */
export type Answer =
  /** It has the file already, and runs it: no more answers. */
  | { type: 'cached' }
  /** It waits for the file. */
  | { type: 'missing' }
  | { type: 'old-node'; version: string }
  /** What arrived is not the file. */
  | { type: 'damaged' }
  /**
   * It runs the file: no more answers.
   * @param failure why the cache at `path` could not be written
   */
  | { type: 'received'; host: string; path: string; failure?: string };

/** The text of the program that looks for the file at the other side, asks for it, and runs it. */
export function secondStage(wanted: Wanted): string {
  return `(require, read) => (${runWanted.toString()})(require, read, ${JSON.stringify(wanted)})`;
}

/**
 * Runs the file with the digest that was asked for, from memory: what was verified is what runs, and a cache
 * that nobody can write to, or that is full, is no obstacle.
 *
 * Its text runs at the other side, so it must not use anything from outside.
 */
function runWanted(
  require: (name: string) => unknown,
  read: ReadExactly,
  { version, digest, bytes, oldestNode, mark, maxVersions, lengthBytes }: Wanted,
): void {
  const { createHash, randomUUID } = require('crypto') as typeof import('node:crypto');
  const fs = require('fs') as typeof import('node:fs');
  const { homedir, hostname } = require('os') as typeof import('node:os');
  const path = require('path') as typeof import('node:path');
  const { compileFunction } = require('vm') as typeof import('node:vm');
  const { gunzipSync } = require('zlib') as typeof import('node:zlib');

  const answer = (what: Answer): void => {
    fs.writeSync(1, `${mark}${JSON.stringify(what)}\n`);
  };
  const isWanted = (file: Buffer): boolean =>
    createHash('sha256').update(file).digest('hex') === digest;

  const findCache = (): string => {
    const given = process.env['XDG_CACHE_HOME'] ?? '';
    const caches = path.isAbsolute(given) ? given : path.join(homedir(), '.cache');
    return path.join(caches, 'ctxsync', `${version}-${digest.slice(0, 16)}`, 'ctxsync.cjs');
  };
  const readCached = (name: string): Buffer | undefined => {
    try {
      const file = fs.readFileSync(name);
      return isWanted(file) ? file : undefined;
    } catch {
      return undefined;
    }
  };
  const receive = (): Buffer => {
    answer({ type: 'missing' });
    const packed = read(Number(read(lengthBytes)));
    try {
      const file = gunzipSync(packed, { maxOutputLength: bytes });
      if (isWanted(file)) return file;
    } catch {
      // Damaged so that it is not even gzip.
    }
    answer({ type: 'damaged' });
    return process.exit(6);
  };
  const writeCache = (name: string, file: Buffer): void => {
    fs.mkdirSync(path.dirname(name), { recursive: true, mode: 0o700 });
    const draft = `${name}.${randomUUID()}`;
    try {
      fs.writeFileSync(draft, file, { flag: 'wx', mode: 0o700, flush: true });
      fs.renameSync(draft, name);
    } catch (error) {
      fs.rmSync(draft, { force: true });
      throw error;
    }
  };
  // Each runs from memory, so one that is in use may be removed, too.
  const removeOldVersions = (kept: string): void => {
    const own = path.dirname(kept);
    const versions = path.dirname(own);
    const others = fs
      .readdirSync(versions)
      .filter((name) => /^\d[^/]*-[0-9a-f]{16}$/.test(name))
      .map((name) => path.join(versions, name))
      .filter((directory) => directory !== own)
      .map((directory) => ({ directory, used: fs.statSync(directory).mtimeMs }))
      .toSorted((a, b) => b.used - a.used);
    for (const { directory } of others.slice(maxVersions - 1)) {
      fs.rmSync(directory, { recursive: true, force: true });
    }
  };

  if (parseInt(process.versions.node, 10) < oldestNode) {
    answer({ type: 'old-node', version: process.version });
    process.exit(2);
  }
  let name = 'ctxsync.cjs';
  let failure: string | undefined;
  let file: Buffer | undefined;
  try {
    name = findCache();
    file = readCached(name);
  } catch (error) {
    // This user has no home.
    failure = (error as Error).message;
  }
  if (file !== undefined) answer({ type: 'cached' });
  else {
    file = receive();
    if (failure === undefined) {
      try {
        writeCache(name, file);
        removeOldVersions(name);
      } catch (error) {
        failure = (error as Error).message;
      }
    }
    const how = failure === undefined ? {} : { failure };
    answer({ type: 'received', host: hostname(), path: name, ...how });
  }
  process.argv.splice(1, 0, name);
  // Its threads would inherit the first stage.
  process.execArgv = [];
  // As Node does with a file, but without reading it again.
  const text = file.toString().replace(/^#!/, '//');
  const run = compileFunction(text, ['require', '__filename'], { filename: name });
  run(require, name);
}
