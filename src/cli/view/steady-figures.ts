import { FIGURES_MS } from '../../limits.ts';
import type { Progress } from '../../observe/events.ts';

type Unsteady = Pick<Progress, 'bytesPerSecond' | 'etaSeconds' | 'path'>;

/** Lets the figures that go up and down change once in a while only, so that they can be read. */
export class SteadyFigures {
  #shown: Unsteady | undefined;
  #phase: Progress['phase'] | undefined;
  #shownAt = 0;

  of(progress: Progress): Progress {
    const { elapsedMs, phase, bytesPerSecond, etaSeconds, path } = progress;
    const isDue = elapsedMs - this.#shownAt >= FIGURES_MS || phase !== this.#phase;
    if (this.#shown === undefined || isDue) {
      this.#shown = { bytesPerSecond, etaSeconds, path };
      this.#shownAt = elapsedMs;
      this.#phase = phase;
    }
    return { ...progress, ...this.#shown };
  }
}
