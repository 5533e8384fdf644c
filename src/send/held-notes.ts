import type { PathWord, UnnamedPaths } from '../worker/jobs.ts';

type Word = PathWord | UnnamedPaths;

/** Words about paths that wait until it is clear whether somebody else says them, too. */
export class HeldWords {
  readonly #say: (word: Word) => void;
  /** As many as a disk thread says: those have a bound. */
  readonly #held: Word[] = [];
  #take = (word: Word): void => void this.#held.push(word);

  /** @param say told what is let go */
  constructor(say: (word: Word) => void) {
    this.#say = say;
  }

  add(word: Word): void {
    this.#take(word);
  }

  /** Says them, and those to come at once. */
  release(): void {
    for (const word of this.#held.splice(0)) this.#say(word);
    this.#take = this.#say;
  }

  /** Says nothing, now and later. */
  drop(): void {
    this.#held.length = 0;
    this.#take = () => {};
  }
}
