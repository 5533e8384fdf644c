import { SEED, SEEDED } from '../helpers/proofs.ts';
import { seeded } from '../helpers/seeded.ts';

/** The processes of a round wait for each other more than they work. */
const LANES = 3;

/** A sequence of random numbers for this file, from the seed. */
export function randomFor(name: string): (below: number) => number {
  return seeded(Buffer.from(name).reduce((sum, byte) => (sum * 31 + byte) | 0, SEED));
}

/** A random sample of a list, each item at most once; all of them if there are no more than `count`. */
export function sample<T>(
  all: readonly T[],
  count: number,
  random: (below: number) => number,
): T[] {
  const left = [...all];
  const taken: T[] = [];
  while (taken.length < count && left.length > 0)
    taken.push(...left.splice(random(left.length), 1));
  return taken;
}

/**
 * Runs a function for each item, a few at a time, and fails at the end with everything that was wrong.
 * @param tryOne returns what is wrong, one line each; undefined if the round did not reach its call
 */
export async function tryEach<T>(
  each: readonly T[],
  tryOne: (what: T) => Promise<string[] | undefined>,
): Promise<void> {
  const left = [...each];
  const wrong: string[] = [];
  let tried = 0;
  const lane = async (): Promise<void> => {
    for (let what = left.shift(); what !== undefined; what = left.shift()) {
      const found = await tryOne(what);
      if (found !== undefined) tried += 1;
      wrong.push(...(found ?? []).map((line) => `${JSON.stringify(what)}: ${line}`));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (tried < each.length / 2) wrong.push(`only ${tried} rounds reached their call`);
  if (wrong.length === 0) return;
  throw new Error(`of ${each.length} ${SEEDED}:\n${wrong.join('\n')}`);
}
