import { CtxsyncError } from '../errors.ts';
import { MAX_UNREADABLE_PATHS, MAX_NAMED_UNREADABLE, UNREADABLE_SEARCH_MS } from '../limits.ts';
import type { BytePath } from './byte-path.ts';

/**
 * What of a context cannot be read. The first such path ends the sending, but not the walk: it goes on
 * for a moment without sending anything, because who has to mend one wants to know the others too.
 */
export class UnreadablePaths {
  readonly #onFailed: (path: BytePath, reason: string) => void;
  readonly #errors: CtxsyncError[] = [];
  #count = 0;
  #foundAt = Infinity;

  /** @param onFailed told of each */
  constructor(onFailed: (path: BytePath, reason: string) => void = () => {}) {
    this.#onFailed = onFailed;
  }

  /** Nothing is to be sent any more. */
  get found(): boolean {
    return this.#count > 0;
  }

  /**
   * Takes note of a path that cannot be read.
   * @throws whatever else it is that was thrown; source-unreadable for all, when they are enough
   */
  add(thrown: unknown, path: BytePath): void {
    const error = CtxsyncError.from(thrown);
    if (error.code !== 'source-unreadable') {
      if (error.code === 'source-changed') this.end();
      throw error;
    }
    if (!this.found) this.#foundAt = performance.now();
    this.#count += 1;
    if (this.#errors.length < MAX_NAMED_UNREADABLE) this.#errors.push(error);
    this.#onFailed(path, error.message);
    if (this.#count === MAX_UNREADABLE_PATHS) this.end();
  }

  /** To be asked for each entry. @throws source-unreadable, when the walk went on for long enough */
  checkTime(): void {
    if (this.found && performance.now() - this.#foundAt > UNREADABLE_SEARCH_MS) this.end();
  }

  /** The walk is over. @throws source-unreadable, when anything was found */
  end(): void {
    const [first] = this.#errors;
    if (first === undefined) return;
    if (this.#count === 1) throw first;
    const named = this.#errors.map(({ path }) => path).join(', ');
    const more = this.#count - this.#errors.length;
    const all = more === 0 ? named : `${named} and ${more} more`;
    const message = `cannot read ${this.#count} paths: ${all}; ${first.message}`;
    throw new CtxsyncError('source-unreadable', message, { path: first.path, cause: first });
  }
}
