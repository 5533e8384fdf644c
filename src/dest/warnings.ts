import { toText, type BytePath } from '../disk/byte-path.ts';
import { MAX_NAMED_ENTRIES } from '../limits.ts';

/** Warnings about entries, one per kind: it names the first entries and counts the others. */
export class Warnings {
  readonly #kinds = new Map<string, { named: string[]; more: number }>();
  readonly #others: string[] = [];

  /** @param about what happened to the entry: "left, as something is mounted on it" */
  add(about: string, path: BytePath): void {
    const kind = this.#kinds.get(about) ?? { named: [], more: 0 };
    this.#kinds.set(about, kind);
    if (kind.named.length < MAX_NAMED_ENTRIES) kind.named.push(toText(path));
    else kind.more += 1;
  }

  addMessage(message: string): void {
    this.#others.push(message);
  }

  list(): string[] {
    const kinds = [...this.#kinds].map(([about, { named, more }]) => {
      const names = more === 0 ? named : [...named, `${more} more`];
      return `${names.join(', ')}: ${about}`;
    });
    return [...kinds, ...this.#others];
  }
}
