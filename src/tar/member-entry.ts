import type { Entry, EntryKind } from '../entry/entry.ts';
import { MODE_BITS, SETUID_BITS } from '../entry/entry.ts';
import type { TarMember } from './tar-reader.ts';

const KINDS: Record<string, EntryKind> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
};

/** Members that are no files, whatever POSIX says of types that a reader does not know. */
const SPECIAL: Record<string, string> = {
  '3': 'a device',
  '4': 'a device',
  '6': 'a FIFO',
  A: 'an ACL of Solaris',
  E: 'an extended attribute of Solaris',
  V: 'a volume label',
};

/** A member of an archive as an entry, or why it is none that can travel. */
export function toEntry(member: TarMember): Entry | { skipped: string } {
  const skipped = SPECIAL[member.type];
  if (skipped !== undefined) return { skipped };
  const kind = kindOf(member);
  const entry: Entry = {
    path: withoutDots(member.path),
    kind,
    mode: member.mode & MODE_BITS,
    mtimeUs: member.mtimeUs,
    size: kind === 'file' ? member.size : 0,
  };
  if (kind === 'hardlink') entry.link = withoutDots(member.link);
  if (kind === 'symlink') entry.link = member.link;
  return entry;
}

/** What a member travels without, or is taken for, in words for people. */
export function lossesOf(member: TarMember): string[] {
  const { type, mode, hasAttributes } = member;
  const losses: string[] = [];
  if (!isKnown(type)) losses.push(`tar type ${JSON.stringify(type)} is unknown: taken for a file`);
  const kind = kindOf(member);
  const hasMode = kind === 'file' || kind === 'directory';
  if (hasMode && (mode & SETUID_BITS) !== 0) losses.push('setuid and setgid are dropped');
  if (hasAttributes) losses.push('extended attributes and ACLs are dropped');
  return losses;
}

/**
 * POSIX: what is of another type is a file. And before POSIX, and in BSD's tar, a file whose name ends
 * with a slash is a directory.
 */
function kindOf({ type, path }: TarMember): EntryKind {
  const kind = isKnown(type) ? KINDS[type]! : 'file';
  return kind === 'file' && path.endsWith('/') ? 'directory' : kind;
}

function isKnown(type: string): boolean {
  return KINDS[type] !== undefined;
}

/** Tars write "./a", "a//b" and "a/" for "a", "a/b" and "a". A leading slash and ".." stay. */
function withoutDots(path: string): string {
  if (!/(?:^|\/)\.?(?:\/|$)/.test(path)) return path;
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return (path.startsWith('/') ? '/' : '') + names.join('/');
}
