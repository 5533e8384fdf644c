import type { PathNote, UnnamedPaths } from '../worker/jobs.ts';

type Note = PathNote | UnnamedPaths;

/** Notes about paths, held until it is clear whether another walk of the context will report the same ones. */
export class HeldNotes {
  readonly #onNote: (note: Note) => void;
  /** At most as many as a disk thread sends: PathNoteLimiter bounds those. */
  readonly #held: Note[] = [];
  #take = (note: Note): void => void this.#held.push(note);

  /** @param onNote gets what is released */
  constructor(onNote: (note: Note) => void) {
    this.#onNote = onNote;
  }

  add(note: Note): void {
    this.#take(note);
  }

  /** Passes on the held notes, and later ones at once. */
  release(): void {
    for (const note of this.#held.splice(0)) this.#onNote(note);
    this.#take = this.#onNote;
  }

  /** Drops the held notes, and all later ones. */
  drop(): void {
    this.#held.length = 0;
    this.#take = () => {};
  }
}
