import type { BytePath } from '../disk/byte-path.ts';

/** What a context is made of. Anything else on a disk is skipped and reported. */
export type EntryKind = 'file' | 'directory' | 'symlink' | 'hardlink';

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
  /** A symlink's text, or the path of the file or symlink that a hardlink is another name of. */
  link?: BytePath;
  /** A file or symlink with several names: the later ones may come as its hardlinks. */
  linked?: boolean;
  /** A file whose content does not travel, because the receiver has it. */
  contentOmitted?: boolean;
}

/** One entry of a context, as a manifest tells of it. */
export interface ManifestEntry extends Entry {
  /** Of a file's content, in hexadecimal digits; absent unless contents are compared. */
  sha256?: string;
  /** 32 bits by which the sender recognizes what it listed. */
  stamp: number;
}

/** An entry that is to travel, as the manifest listed it. */
export interface Want {
  path: BytePath;
  kind: EntryKind;
  /** The manifest's, unchanged: opaque to the receiver. */
  stamp: number;
  /** A file: if its content has this digest, the receiver has it already. In hexadecimal digits. */
  sha256?: string;
}

/** Entries that are to travel, in the order of a walk. */
export interface WantSource {
  /** The next one, waited for; undefined when there is none. */
  peek(): Want | undefined;
  /** It was taken care of. */
  take(): void;
}

/** An entry on the sender's disk. */
export interface SourceEntry extends Entry {
  /** Where to open it; valid until the walk goes on. */
  fsPath: string | Buffer;
  identity: FileIdentity;
  /** A file: its content need not travel if it has this SHA-256. */
  omitIf?: string | undefined;
}

/** What tells that an entry is still the one that was looked at. */
export interface FileIdentity {
  dev: bigint;
  ino: bigint;
  /** Tells apart two that had the same inode one after the other; 0 where the disk does not know. */
  birthtimeNs: bigint;
  size: bigint;
  mtimeNs: bigint;
}

/** Content of the entry at hand, in pieces, in place: none means that it is at its end. */
export interface Content {
  content(): Uint8Array;
  /** The first `count` bytes of what `content` returned are done with. */
  consumed(count: number): void;
}

/** Where checked entries go: a stage on a disk, or another stream. */
export interface EntrySink {
  /** @param again the path came before, with the same kind; this entry takes its place */
  add(entry: Entry, content: Content, again: boolean): void;
  /** Every entry came. */
  end(): void;
}

/**
 * Writes entries as bytes. For each: `begin`, then exactly its content's bytes by `reserve` and
 * `produced`, then `finish`.
 */
export interface EntryWriter {
  begin(entry: Entry): void;
  /** Waits for room for content: at least a byte, never more than is left of the entry. */
  reserve(): Uint8Array;
  produced(count: number): void;
  /** Bytes of content that the entry lacks. */
  readonly left: number;
  /** @throws Error when it lacks any */
  finish(): void;
  /** Every entry was written. */
  end(): void;
}

export const MODE_BITS = 0o1777;
export const SETUID_BITS = 0o6000;

/**
 * Whether ctxsync keeps this name for itself, which a receiver uses for what it works with: such an
 * entry is never sent, and never accepted at any depth, as each directory of OUT may be another
 * receiver's OUT. Names that some disk takes for the same are meant too: without upper and lower case
 * (APFS, NTFS), or with characters that do not count (HFS+; CVE-2014-9390 is git's case of it).
 *
 * @param name one component of a path, as text or byte for byte
 */
export function isWorkName(name: string): boolean {
  if (WORK_NAME.test(name)) return true;
  // Of most names nothing more has to be known.
  if (!NOT_ASCII.test(name)) return false;
  return [name, Buffer.from(name, 'latin1').toString()].some((text) =>
    WORK_NAME.test(text.normalize('NFKC').replace(IGNORABLE, '')),
  );
}

const WORK_NAME = /^\.ctxsync-/i;
const NOT_ASCII = /[^\0-\x7f]/;
const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;
