import { WorkerStatus } from '../../../src/disk/worker-status.ts';

/** Calls back before each step of a commit; an exception from the callback makes that step fail. */
export class SteppingGauge extends WorkerStatus {
  steps = 0;
  readonly #onStep: (count: number, path: string) => void;

  constructor(onStep: (count: number, path: string) => void = () => {}) {
    super();
    this.#onStep = onStep;
  }

  override enter(...[state, path = '']: Parameters<WorkerStatus['enter']>): void {
    super.enter(state, path);
    if (state !== 'committing') return;
    this.steps += 1;
    this.#onStep(this.steps, path);
  }
}
