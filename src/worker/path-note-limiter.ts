import { MAX_PATH_BYTES, MAX_REPORTED_PATHS } from '../limits.ts';
import type { PathNote, UnnamedPaths } from './jobs.ts';

/**
 * Tells the main thread of paths that are to be reported: of each kind the first by name, the others,
 * of which there may be millions, by their number. A message each would pile up before that thread.
 */
export class PathNoteLimiter {
  readonly #onNote: (note: PathNote | UnnamedPaths) => void;
  readonly #named: Record<PathNote['about'], number> = { skipped: 0, altered: 0, failed: 0 };
  readonly #others: Record<PathNote['about'], number> = { skipped: 0, altered: 0, failed: 0 };

  constructor(onNote: (note: PathNote | UnnamedPaths) => void) {
    this.#onNote = onNote;
  }

  add({ about, path, reason }: PathNote): void {
    if (this.#named[about] === MAX_REPORTED_PATHS) {
      this.#others[about] += 1;
      return;
    }
    this.#named[about] += 1;
    // What does not travel was not checked: its path may be longer than any that does.
    this.#onNote({ about, path: path.slice(0, MAX_PATH_BYTES), reason });
  }

  /** To be called when a job ends. */
  flush(): void {
    for (const about of ['skipped', 'altered', 'failed'] as const) {
      const count = this.#others[about];
      this.#others[about] = 0;
      if (count > 0) this.#onNote({ about, count });
    }
  }
}
