import type { Entry, EntryKind } from '../entry.ts';
import { MODE_BITS } from '../entry.ts';
import type { TarMember } from './tar-reader.ts';

const KINDS: Record<string, EntryKind> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'folder',
};

const SPECIAL: Record<string, string> = {
  '3': 'a device',
  '4': 'a device',
  '6': 'a FIFO',
  V: 'a volume label',
};

/** A member of an archive as an entry, or why it is none that can travel. */
export function toEntry(member: TarMember): Entry | { skipped: string } {
  const kind = kindOf(member);
  if (kind === undefined) {
    return {
      skipped: SPECIAL[member.type] ?? `of unknown tar type ${JSON.stringify(member.type)}`,
    };
  }
  const entry: Entry = {
    path: withoutDots(member.path),
    kind,
    mode: member.mode & MODE_BITS,
    mtimeUs: member.mtimeUs,
    size: kind === 'file' ? member.size : 0,
  };
  if (kind === 'file' && member.kept !== undefined) entry.kept = member.kept;
  if (kind === 'hardlink') entry.link = withoutDots(member.link);
  if (kind === 'symlink') entry.link = member.link;
  return entry;
}

/** Before POSIX, and in BSD's tar, a file whose name ends with a slash is a folder. */
function kindOf({ type, path }: TarMember): EntryKind | undefined {
  const kind = KINDS[type];
  return kind === 'file' && path.endsWith('/') ? 'folder' : kind;
}

/** Tars write "./a", "a//b" and "a/" for "a", "a/b" and "a". A leading slash and ".." stay. */
function withoutDots(path: string): string {
  if (!/(?:^|\/)\.?(?:\/|$)/.test(path)) return path;
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return (path.startsWith('/') ? '/' : '') + names.join('/');
}
