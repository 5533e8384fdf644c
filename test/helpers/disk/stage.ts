import { commit, type CommitResult } from '../../../src/dest/commit.ts';
import { discard, prepareDestination, withDestination } from '../../../src/dest/destination.ts';
import { StageWriter } from '../../../src/dest/stage-writer.ts';
import { fromText } from '../../../src/disk/byte-path.ts';
import { WorkerStatus } from '../../../src/disk/worker-status.ts';
import type { Content, Entry } from '../../../src/entry/entry.ts';
import { mirrorOf } from '../cli/mirror.ts';

/** The fields of an entry that a test sets; the rest is the minimum that its kind needs. */
export type EntryLike = Partial<Entry> & { path: string; content?: string };

const MTIME_US = 1_500_000_000_123_456;

/** A complete entry: a directory when its path ends with a slash, otherwise a symlink or a file. */
export function toEntry({ content = '', ...given }: EntryLike): Entry {
  const directory = given.path.endsWith('/');
  const kind = directory ? 'directory' : given.link === undefined ? 'file' : 'symlink';
  return {
    kind,
    mode: directory ? 0o755 : 0o644,
    mtimeUs: MTIME_US,
    size: content.length,
    ...given,
    path: directory ? given.path.slice(0, -1) : given.path,
  };
}

/** Content that comes in pieces of one byte, as from a ring that is nearly empty. */
export function contentOf(text: string): Content {
  const bytes = Buffer.from(text);
  let at = 0;
  return {
    content: () => bytes.subarray(at, at + 1),
    consumed: (count) => {
      at += count;
    },
  };
}

/** The context's own root. */
export const ROOT: EntryLike = { path: '/', mode: 0o755 };

export interface CommitAttempt {
  delete?: boolean;
  /** Notified of each step of the commit. */
  status?: WorkerStatus;
}

/** Stages the entries for OUT and commits them; on failure discards them and throws. */
export function lay(
  out: string,
  entries: readonly EntryLike[],
  { delete: mirror = false, status = new WorkerStatus() }: CommitAttempt = {},
): CommitResult {
  const destination = prepareDestination(fromText(out), new WorkerStatus(), { follow: true });
  try {
    const root = withDestination(destination, ({ tree }) => {
      const writer = new StageWriter(tree, destination.umask, new WorkerStatus());
      try {
        for (const given of entries) {
          writer.add(toEntry(given), contentOf(given.content ?? ''), false);
        }
        writer.end();
      } finally {
        writer.close();
      }
      return writer.root;
    });
    return commit(
      destination,
      { mirror: mirrorOf(mirror, ['']), root, compared: [], itemizes: false },
      status,
    );
  } catch (error) {
    discard(destination, new WorkerStatus());
    throw error;
  }
}
