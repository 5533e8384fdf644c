import type { Removals } from '../dest/removals.ts';
import { toText } from '../disk/byte-path.ts';
import { MAX_REPORTED_PATHS } from '../limits.ts';
import type { PathNotes } from '../report.ts';
import type { PathNote, UnnamedPaths } from '../worker/jobs.ts';

/** Paths for the report: the first of them, and how many there were. */
export class PathNoteCollector {
  readonly skipped: PathNotes = { count: 0, paths: [] };
  readonly changed: PathNotes = { count: 0, paths: [] };
  readonly removed: PathNotes = { count: 0, paths: [] };
  readonly failed: PathNotes = { count: 0, paths: [] };

  addRemoved({ count, paths }: Removals): void {
    this.removed.count += count;
    const reason = 'not in the context';
    this.removed.paths.push(...paths.map((path) => ({ path: toText(path), reason })));
  }

  add(note: PathNote | UnnamedPaths): void {
    const notes = this[note.about];
    if ('count' in note) {
      notes.count += note.count;
      return;
    }
    const { path, reason } = note;
    notes.count += 1;
    if (notes.paths.length < MAX_REPORTED_PATHS) notes.paths.push({ path: toText(path), reason });
  }
}
