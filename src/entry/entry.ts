import type { BytePath } from '../disk/byte-path.ts';

/** The kinds of entries in a context. Anything else on a disk is skipped and reported. */
export type EntryKind = 'file' | 'directory' | 'symlink' | 'hardlink';

/** One entry of a context, as it is sent. */
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
  /** The text of a symlink, or the path of the file or symlink that a hardlink refers to. */
  link?: BytePath | undefined;
  /** A file or symlink with several names: its other names may follow as hardlinks. */
  linked?: boolean | undefined;
  /** A file whose content is not sent, because the receiver has it. */
  contentOmitted?: boolean;
}

/** One entry of a context, as listed in a manifest. */
export interface ManifestEntry extends Entry {
  /** Of a file's content, in hexadecimal digits; present only if contents are compared. */
  sha256?: string | undefined;
  /** 32 bits by which the sender recognizes the entry that it listed. */
  stamp: number;
}

/** An entry to be sent, as the manifest listed it. */
export interface Want {
  path: BytePath;
  kind: EntryKind;
  /** The manifest's stamp, unchanged: opaque to the receiver. */
  stamp: number;
  /** For a file: the digest, in hexadecimal digits, of content that the receiver already has. */
  sha256?: string | undefined;
}

/** Entries to be sent, in the order of a walk. */
export interface WantSource {
  /** Waits for the next entry and returns it; undefined at the end. */
  peek(): Want | undefined;
  /** Moves on to the next entry. */
  take(): void;
}

/** An entry on the sender's disk. */
export interface SourceEntry extends Entry {
  /** Where to open it; valid until the walk continues. */
  fsPath: string | Buffer;
  identity: FileIdentity;
  /** For a file that the walk has opened: its descriptor, which the walk closes when it continues. */
  fd?: number | undefined;
  /** For a small file that was read ahead: its content, valid until the walk continues. */
  content?: Uint8Array | undefined;
  /** For a file: the content is not sent if it has this SHA-256. */
  omitIf?: string | undefined;
}

/** Identifies an entry, to detect that it was replaced or changed. */
export interface FileIdentity {
  dev: bigint;
  ino: bigint;
  /** Distinguishes files that reused the same inode number; 0 if the file system lacks it. */
  birthtimeNs: bigint;
  size: bigint;
  mtimeNs: bigint;
}

/** Content of the current entry, in pieces, in place; an empty piece means the end. */
export interface Content {
  content(): Uint8Array;
  /** Releases the first `count` bytes of what `content` returned. */
  consumed(count: number): void;
}

/** Where checked entries go: a stage on a disk, or another stream. */
export interface EntrySink {
  /** @param again the path came before with the same kind; this entry replaces it */
  add(entry: Entry, content: Content, again: boolean): void;
  /** All entries were added. */
  end(): void;
}

/**
 * Writes entries as bytes. For each: `begin`, then exactly its content's bytes with `reserve` and
 * `produced`, then `finish`.
 */
export interface EntryWriter {
  begin(entry: Entry): void;
  /** Waits for room for content: at least one byte, at most what the entry still lacks. */
  reserve(): Uint8Array;
  produced(count: number): void;
  /** Bytes of content that the entry still lacks. */
  readonly left: number;
  /** @throws Error if content is missing */
  finish(): void;
  /** All entries were written. */
  end(): void;
}

export const MODE_BITS = 0o1777;
export const SETUID_BITS = 0o6000;

/**
 * Whether this name is reserved for a receiver's work files. Such an entry is never sent, and never
 * accepted at any depth, as each directory of OUT may be another receiver's OUT. This includes names
 * that some file systems treat as equal: they ignore case (APFS, NTFS) or certain characters (HFS+;
 * CVE-2014-9390 was this problem in git).
 *
 * @param name one component of a path, as text or as bytes (latin1)
 */
export function isWorkName(name: string): boolean {
  if (WORK_NAME.test(name)) return true;
  // Most names need no further check.
  if (!NOT_ASCII.test(name)) return false;
  return [name, Buffer.from(name, 'latin1').toString()].some((text) =>
    WORK_NAME.test(text.normalize('NFKC').replace(IGNORABLE, '')),
  );
}

const WORK_NAME = /^\.ctxsync-/i;
const NOT_ASCII = /[^\0-\x7f]/;
const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;
