import { MAX_PATH_BYTES, MAX_REPORTED_PATHS } from '../limits.ts';
import type { PathNote, UnnamedPaths } from './jobs.ts';

/**
 * Sends the main thread the paths to report: of each kind the first ones by name, and only the number
 * of the others. There may be millions, and a message for each would pile up at that thread.
 */
export class PathNoteLimiter {
  readonly #onNote: (note: PathNote | UnnamedPaths) => void;
  readonly #named: Record<PathNote['about'], number> = { skipped: 0, changed: 0, failed: 0 };
  readonly #others: Record<PathNote['about'], number> = { skipped: 0, changed: 0, failed: 0 };

  constructor(onNote: (note: PathNote | UnnamedPaths) => void) {
    this.#onNote = onNote;
  }

  add({ about, path, reason }: PathNote): void {
    if (this.#named[about] === MAX_REPORTED_PATHS) {
      this.#others[about] += 1;
      return;
    }
    this.#named[about] += 1;
    // A path that is not sent was not checked: it may be longer than MAX_PATH_BYTES.
    this.#onNote({ about, path: path.slice(0, MAX_PATH_BYTES), reason });
  }

  /** Call this when a job ends. */
  flush(): void {
    for (const about of ['skipped', 'changed', 'failed'] as const) {
      const count = this.#others[about];
      this.#others[about] = 0;
      if (count > 0) this.#onNote({ about, count });
    }
  }
}
