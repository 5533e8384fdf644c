import { MAX_PATH_BYTES, MAX_REPORTED_PATHS } from '../limits.ts';
import type { PathWord, UnnamedPaths } from './jobs.ts';

/**
 * Tells the main thread of paths that are to be reported: of each kind the first by name, the others,
 * of which there may be millions, by their number. A message each would pile up before that thread.
 */
export class PathWords {
  readonly #onWord: (word: PathWord | UnnamedPaths) => void;
  readonly #named: Record<PathWord['about'], number> = { skipped: 0, changed: 0, failed: 0 };
  readonly #others: Record<PathWord['about'], number> = { skipped: 0, changed: 0, failed: 0 };

  constructor(onWord: (word: PathWord | UnnamedPaths) => void) {
    this.#onWord = onWord;
  }

  say({ about, path, reason }: PathWord): void {
    if (this.#named[about] === MAX_REPORTED_PATHS) {
      this.#others[about] += 1;
      return;
    }
    this.#named[about] += 1;
    // What does not travel was not checked: its path may be longer than any that does.
    this.#onWord({ about, path: path.slice(0, MAX_PATH_BYTES), reason });
  }

  /** To be called when a job ends. */
  flush(): void {
    for (const about of ['skipped', 'changed', 'failed'] as const) {
      const count = this.#others[about];
      this.#others[about] = 0;
      if (count > 0) this.#onWord({ about, count });
    }
  }
}
