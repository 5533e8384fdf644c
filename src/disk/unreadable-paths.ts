import { CtxsyncError } from '../errors.ts';
import { MAX_UNREADABLE_PATHS, MAX_NAMED_UNREADABLE, UNREADABLE_SEARCH_MS } from '../limits.ts';
import type { BytePath } from './byte-path.ts';

/**
 * The paths of a context that cannot be read. The first one ends the sending, but not the walk, which
 * continues for a moment so that the user learns of the others too.
 */
export class UnreadablePaths {
  readonly #onFailed: (path: BytePath, reason: string) => void;
  readonly #errors: CtxsyncError[] = [];
  #count = 0;
  #foundAt = Infinity;

  /** @param onFailed called for each */
  constructor(onFailed: (path: BytePath, reason: string) => void = () => {}) {
    this.#onFailed = onFailed;
  }

  /** True: nothing more may be sent. */
  get found(): boolean {
    return this.#count > 0;
  }

  /**
   * Records a path that cannot be read.
   * @throws any other error that was thrown; source-unreadable for all, when the limit is reached
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

  /** Call it for each entry. @throws source-unreadable, when the walk went on for long enough */
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
