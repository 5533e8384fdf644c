import { fromText, toText } from '../disk/byte-path.ts';
import { checkPath } from '../entry/entry-validator.ts';
import { MODE_BITS, type Entry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_LINK_BYTES } from '../limits.ts';

/** An entry of a context that a program generates. */
export type GivenEntry = GivenFile | GivenDirectory | GivenSymlink;

/** What every given entry has. */
export interface GivenCommon {
  /** Relative to the context's root, with '/' between names, and no '.', '..' or empty name. */
  path: string;
  /** When it was last changed; a number is milliseconds since 1970. Default: when the transfer began. */
  mtime?: Date | number | undefined;
}

/** A file with its content. */
export interface GivenFile extends GivenCommon {
  kind?: 'file' | undefined;
  /** A string is sent as UTF-8. An iterable, such as a stream, is read when it is the file's turn. */
  content: string | Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Bytes of content. Required for an iterable, which must give exactly as many. */
  size?: number | undefined;
  /** Permission bits, up to 0o1777; default 0o644. */
  mode?: number | undefined;
}

/** A directory, where it needs a mode or time of its own, or is empty. */
export interface GivenDirectory extends GivenCommon {
  kind: 'directory';
  /** Permission bits, up to 0o1777; default 0o755. */
  mode?: number | undefined;
}

/** A symbolic link. */
export interface GivenSymlink extends GivenCommon {
  kind: 'symlink';
  /** The text of the link. */
  target: string;
}

/** The bytes of a file, in pieces. */
export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Checks what was given; whoever has no types may give anything.
 * @param nowMs the default of mtime
 * @throws CtxsyncError usage, unsafe-entry
 */
export function readGiven(given: GivenEntry, nowMs: number): { entry: Entry; pieces: Pieces } {
  if (typeof given !== 'object' || given === null || typeof given.path !== 'string') {
    throw usage('an entry has no path', undefined);
  }
  const path = fromText(given.path);
  checkPath(path);
  const mtimeUs = Math.round(timeOf(given, nowMs) * 1_000);
  switch (given.kind) {
    case 'directory':
      return {
        entry: { path, kind: 'directory', mode: modeOf(given, 0o755), mtimeUs, size: 0 },
        pieces: [],
      };
    case 'symlink':
      return {
        entry: { path, kind: 'symlink', mode: 0o777, mtimeUs, size: 0, link: linkOf(given) },
        pieces: [],
      };
    case 'file':
    case undefined: {
      const { pieces, size } = contentOf(given);
      return { entry: { path, kind: 'file', mode: modeOf(given, 0o644), mtimeUs, size }, pieces };
    }
    default:
      throw usage(`its kind is ${JSON.stringify((given as { kind: unknown }).kind)}`, given);
  }
}

function contentOf(file: GivenFile): { pieces: Pieces; size: number } {
  const { content, size } = file;
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  if (bytes instanceof Uint8Array) {
    if (size === undefined || size === bytes.length) return { pieces: [bytes], size: bytes.length };
    throw usage(`its size is ${size}, and its content has ${bytes.length} bytes`, file);
  }
  if (!isIterable(bytes)) throw usage('its content is neither text, bytes nor iterable', file);
  if (size === undefined) throw usage('the size of its content is missing', file);
  if (!Number.isSafeInteger(size) || size < 0) throw usage(`its size is ${size}`, file);
  return { pieces: bytes, size };
}

function modeOf(given: GivenFile | GivenDirectory, usual: number): number {
  const { mode = usual } = given;
  if (Number.isInteger(mode) && mode >= 0 && mode <= MODE_BITS) return mode;
  const text = Number.isInteger(mode) ? `0o${mode.toString(8)}` : String(mode);
  throw usage(`its mode is ${text}; permission bits are at most 0o1777`, given);
}

function timeOf(given: GivenEntry, nowMs: number): number {
  const { mtime = nowMs } = given;
  const ms = mtime instanceof Date ? mtime.getTime() : mtime;
  if (Number.isSafeInteger(Math.round(ms * 1_000))) return ms;
  throw usage(`its mtime is ${String(mtime)}`, given);
}

function linkOf(given: GivenSymlink): string {
  if (typeof given.target !== 'string') throw usage('its target is missing', given);
  const link = fromText(given.target);
  if (link.length <= MAX_LINK_BYTES) return link;
  throw usage(`its target has ${link.length} bytes; at most ${MAX_LINK_BYTES} are allowed`, given);
}

function isIterable(it: unknown): it is Pieces {
  return (
    typeof it === 'object' && it !== null && (Symbol.asyncIterator in it || Symbol.iterator in it)
  );
}

function usage(what: string, given: { path: string } | undefined): CtxsyncError {
  if (given === undefined) return new CtxsyncError('usage', `entries: ${what}`);
  const path = toText(fromText(given.path));
  return new CtxsyncError('usage', `entries: ${path}: ${what}`, { path });
}
