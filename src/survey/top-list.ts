/** The first few of many items, by an order, in memory for those few only. */
export class TopList<Item> {
  readonly #items: Item[] = [];
  readonly #max: number;
  readonly #compare: (a: Item, b: Item) => number;

  /** @param compare negative: `a` comes first */
  constructor(max: number, compare: (a: Item, b: Item) => number) {
    this.#max = max;
    this.#compare = compare;
  }

  add(item: Item): void {
    const last = this.#items.at(-1);
    if (this.isFull) {
      if (last === undefined || this.#compare(item, last) >= 0) return;
      this.#items.pop();
    }
    let at = this.#items.length;
    while (at > 0 && this.#compare(item, this.#items[at - 1]!) < 0) at--;
    this.#items.splice(at, 0, item);
  }

  get isFull(): boolean {
    return this.#items.length === this.#max;
  }

  /** In order. */
  get items(): readonly Item[] {
    return this.#items;
  }
}
