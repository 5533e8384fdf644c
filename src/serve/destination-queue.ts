/** The name of OUT as a whole, which excludes every name in it; no named context has it. */
export const WHOLE = '';

/** A place in the queue, kept until its owner leaves. */
export interface Turn<Owner> {
  readonly owner: Owner;
  /** Settles when the owner may use the destination; never if it leaves before. */
  readonly granted: Promise<void>;
  /** How many owners must leave first: 0 when it is this owner's turn. */
  readonly before: number;
  /** The owners among them that are working. */
  readonly blockers: Owner[];
  /** The owner is working, and another owner waits for it to leave. */
  readonly awaited: boolean;
  /** Passes the destination on, or gives up the place in the queue. */
  leave(): void;
}

/**
 * Decides who may work on which part of OUT: one name in it, or OUT as a whole, which excludes all
 * names. Owners that cannot be combined get their turns in order of arrival, even while the first of
 * them still waits; so no owner is overtaken, and none starves.
 */
export class DestinationQueue<Owner> {
  /** In order of arrival. */
  readonly #here: Asked<Owner>[] = [];

  /** @param name of the directory in OUT, or WHOLE */
  ask(name: string, owner: Owner): Turn<Owner> {
    const asked = new Asked(name, owner, this.#here, () => this.#grant());
    this.#here.push(asked);
    this.#grant();
    return asked;
  }

  #grant(): void {
    for (const asked of this.#here) if (asked.before === 0) asked.grant();
  }
}

class Asked<Owner> implements Turn<Owner> {
  readonly owner: Owner;
  readonly granted: Promise<void>;
  grant = (): void => {};
  readonly #name: string;
  readonly #here: Asked<Owner>[];
  readonly #onLeft: () => void;

  constructor(name: string, owner: Owner, here: Asked<Owner>[], onLeft: () => void) {
    this.#name = name;
    this.owner = owner;
    this.#here = here;
    this.#onLeft = onLeft;
    this.granted = new Promise((resolve) => (this.grant = resolve));
  }

  get before(): number {
    return this.#ahead().length;
  }

  get blockers(): Owner[] {
    return this.#atWorkAhead().map(({ owner }) => owner);
  }

  get awaited(): boolean {
    return this.#here.some((other) => other.#atWorkAhead().includes(this));
  }

  leave(): void {
    const at = this.#here.indexOf(this);
    if (at < 0) return;
    this.#here.splice(at, 1);
    this.#onLeft();
  }

  #atWorkAhead(): Asked<Owner>[] {
    return this.#ahead().filter(({ before }) => before === 0);
  }

  /** Those that arrived earlier and exclude us, or exclude one of those. */
  #ahead(): Asked<Owner>[] {
    const ahead: Asked<Owner>[] = [];
    const earlier = this.#here.slice(0, Math.max(0, this.#here.indexOf(this)));
    for (const other of earlier.toReversed()) {
      if ([this, ...ahead].some((each) => each.#excludes(other))) ahead.push(other);
    }
    return ahead;
  }

  #excludes(other: Asked<Owner>): boolean {
    return this.#name === other.#name || this.#name === WHOLE || other.#name === WHOLE;
  }
}
