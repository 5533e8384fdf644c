import type { Entry, EntryKind } from '../entry/entry.ts';
import { MODE_BITS, SETUID_BITS } from '../entry/entry.ts';
import type { TarMember } from './tar-reader.ts';

const KINDS: Record<string, EntryKind> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
};

/** Members that are not files, although POSIX treats unknown types as files. */
const SPECIAL: Record<string, string> = {
  '3': 'a device',
  '4': 'a device',
  '6': 'a FIFO',
  A: 'an ACL of Solaris',
  E: 'an extended attribute of Solaris',
  V: 'a volume label',
};

/** Converts an archive member to an entry, or returns why it cannot be sent. */
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

/** What a member loses when it is sent, or what it is treated as; human-readable. */
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
 * POSIX: a member of unknown type is a file. Before POSIX, and in BSD tar, a file whose name ends with
 * a slash is a directory.
 */
function kindOf({ type, path }: TarMember): EntryKind {
  const kind = isKnown(type) ? KINDS[type]! : 'file';
  return kind === 'file' && path.endsWith('/') ? 'directory' : kind;
}

function isKnown(type: string): boolean {
  return KINDS[type] !== undefined;
}

/** Tar programs write "./a", "a//b" and "a/" for "a", "a/b" and "a". Keeps a leading slash and "..". */
function withoutDots(path: string): string {
  if (!/(?:^|\/)\.?(?:\/|$)/.test(path)) return path;
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return (path.startsWith('/') ? '/' : '') + names.join('/');
}
