import type { PathWord, UnnamedPaths } from '../worker/jobs.ts';

type Word = PathWord | UnnamedPaths;

/** Words about paths that wait until it is clear whether somebody else says them, too. */
export class HeldWords {
  readonly #say: (word: Word) => void;
  #held: Word[] | undefined = [];
  #dropped = false;

  /** @param say told what is let go */
  constructor(say: (word: Word) => void) {
    this.#say = say;
  }

  /** As many as a disk thread says: those have a bound. */
  add(word: Word): void {
    if (this.#dropped) return;
    if (this.#held === undefined) this.#say(word);
    else this.#held.push(word);
  }

  /** Says them, and those to come at once. */
  release(): void {
    for (const word of this.#held ?? []) this.#say(word);
    this.#held = undefined;
  }

  /** Says nothing, now and later. */
  drop(): void {
    this.#dropped = true;
    this.#held = undefined;
  }
}
