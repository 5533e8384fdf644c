import { describe, expect, it } from 'vitest';
import {
  takeInSteps,
  type FoundLock,
  type HeldBy,
  type LockFiles,
} from '../../src/dest/lock-protocol.ts';
import { LOCK_NAME } from '../../src/dest/work-name.ts';

// Receivers that want the lock take their steps, in every possible order.

type Disk = Map<string, string>;
/** Which actor takes the next step, by its index; or the actor that `dies`. */
type Schedule = readonly (number | `${number} dies`)[];

interface Outcome {
  disk: Disk;
  /** For each actor: undefined until it has finished. */
  ended: ({ heldBy: HeldBy } | undefined)[];
  /** All that determines what may happen next. */
  state: string;
}

const DEAD = 'dead';
/** Per actor, so that the search ends. */
const ATTEMPTS = 2;

describe('receivers that want the lock of one OUT', () => {
  it('never hold it at the same time, whatever the order of their steps', () => {
    const seen = explore({ actors: 3, stale: true, mayDie: [] });
    expect(seen.states).toBeGreaterThan(100);
    expect(seen.mostHolders).toBe(1);
    expect(seen.endsWithoutHolder).toBe(0);
  });

  it('never hold it at the same time, even if any of them is killed at any step', () => {
    const seen = explore({ actors: 3, stale: true, mayDie: [0, 1] });
    expect(seen.mostHolders).toBe(1);
    expect(seen.endsWithoutHolder).toBe(0);
  });

  it('leave it to exactly one of them if there was no lock before', () => {
    const seen = explore({ actors: 3, stale: false, mayDie: [0] });
    expect(seen.mostHolders).toBe(1);
    expect(seen.endsWithoutHolder).toBe(0);
  });

  it('could hold it together if a stale lock were removed without a claim: the search finds that', () => {
    const seen = explore({ actors: 3, stale: true, mayDie: [], claims: false });
    expect(seen.mostHolders).toBeGreaterThan(1);
  });
});

interface Options {
  actors: number;
  /** Whether there is a lock of a dead run. */
  stale: boolean;
  /** Actors that may be killed. */
  mayDie: readonly number[];
  /** If false, every claim is granted, and none is seen. */
  claims?: boolean;
}

interface Seen {
  states: number;
  mostHolders: number;
  /** Schedules in which all live actors have finished, and nobody holds the lock. */
  endsWithoutHolder: number;
}

/** Plays all schedules, except those that lead to a state already seen. */
function explore(options: Options): Seen {
  const seen: Seen = { states: 0, mostHolders: 0, endsWithoutHolder: 0 };
  const known = new Set<string>();
  const left: Schedule[] = [[]];
  for (let schedule = left.pop(); schedule !== undefined; schedule = left.pop()) {
    const { state, ended, disk } = play(schedule, options);
    if (known.has(state)) continue;
    known.add(state);
    const dead = deadIn(schedule);
    const holders = ended.filter((end) => end !== undefined && end.heldBy === undefined);
    seen.mostHolders = Math.max(seen.mostHolders, holders.length);
    const going = ended.flatMap((end, actor) => (end || dead.has(actor) ? [] : [actor]));
    const isHeld = holders.length > 0 || dead.size > 0 || disk.get(LOCK_NAME) !== undefined;
    if (going.length === 0 && !isHeld) seen.endsWithoutHolder += 1;
    for (const actor of going) {
      left.push([...schedule, actor]);
      if (options.mayDie.includes(actor)) left.push([...schedule, `${actor} dies`]);
    }
  }
  seen.states = known.size;
  return seen;
}

function deadIn(schedule: Schedule): Set<number> {
  return new Set(
    schedule.flatMap((each) => (typeof each === 'string' ? [Number.parseInt(each, 10)] : [])),
  );
}

/** Plays from the beginning, as a generator cannot be copied. */
function play(schedule: Schedule, { actors, stale, claims = true }: Options): Outcome {
  const disk: Disk = new Map(stale ? [[LOCK_NAME, DEAD]] : []);
  const dead = new Set([DEAD]);
  const all = Array.from({ length: actors }, (_, actor) => actor);
  const ended: Outcome['ended'] = all.map(() => undefined);
  const runs = all.map((actor) =>
    takeInSteps(new MemoryFiles(disk, dead, claims), `actor ${actor}`, ATTEMPTS),
  );
  // Each has yet to take its first step; its next step is all the state that it has.
  const before = runs.map((run) => run.next().value);
  for (const each of schedule) {
    if (typeof each === 'string') dead.add(`actor ${Number.parseInt(each, 10)}`);
    else {
      const { done, value } = runs[each]!.next();
      if (done === true) ended[each] = { heldBy: value };
      else before[each] = value;
    }
  }
  const state = JSON.stringify([Object.fromEntries(disk), [...dead], before, ended]);
  return { disk, ended, state };
}

class MemoryFiles implements LockFiles {
  readonly #disk: Disk;
  readonly #dead: ReadonlySet<string>;
  readonly #claims: boolean;

  constructor(disk: Disk, dead: ReadonlySet<string>, claims: boolean) {
    this.#disk = disk;
    this.#dead = dead;
    this.#claims = claims;
  }

  read(name: string): FoundLock | undefined {
    const text = this.#disk.get(name);
    if (text === undefined) return undefined;
    return { text, identity: text, isAlive: !this.#dead.has(text) };
  }

  create(name: string, text: string): boolean {
    // As if nobody looked for claims, or rechecked the lock.
    if (!this.#claims && name !== LOCK_NAME) return true;
    if (this.#disk.has(name)) return false;
    this.#disk.set(name, text);
    return true;
  }

  remove(name: string): void {
    this.#disk.delete(name);
  }
}
