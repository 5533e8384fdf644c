import type { BytePath } from './disk/byte-path.ts';

/** What a context is made of. Anything else on a disk is skipped and reported. */
export type EntryKind = 'file' | 'folder' | 'symlink' | 'hardlink';

/** One entry of a context, as it travels. */
export interface Entry {
  /** Relative to the context's root, '/' between components; '' is the root itself. */
  path: BytePath;
  kind: EntryKind;
  /** Permission bits and sticky (0o1777). */
  mode: number;
  /** Microseconds since 1970, negative before. Exact up to the year 2255. */
  mtimeUs: number;
  /** Bytes of content; 0 for all but files. */
  size: number;
  /** A symlink's text, or the path of the file that a hardlink is another name of. */
  link?: BytePath;
}

/** An entry on the sender's disk. */
export interface SourceEntry extends Entry {
  /** Where to open it; valid until the walk goes on. */
  fsPath: string | Buffer;
  identity: FileIdentity;
}

/** What tells that a file is still the one that was looked at. */
export interface FileIdentity {
  dev: bigint;
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
}

/** Content of the entry at hand, in pieces, in place: none means that it is at its end. */
export interface Content {
  content(): Uint8Array;
  /** The first `count` bytes of what `content` returned are done with. */
  consumed(count: number): void;
}

/** Where checked entries go: a stage on a disk, or another archive. */
export interface EntrySink {
  /** @param again the path came before, with the same kind; this entry takes its place */
  add(entry: Entry, content: Content, again: boolean): void;
  /** Every entry came. */
  end(): void;
}

export const MODE_BITS = 0o1777;
export const SETUID_BITS = 0o6000;

/** The names that a receiver uses inside OUT while it works: never sent, never accepted. */
export function isWorkName(name: string): boolean {
  return /^\.ctxsync-(?:lock|(?:lock-)?[0-9a-f]{16})$/.test(name);
}
