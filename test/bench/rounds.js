/** Rounds of a way that takes long. */
const FEW_ROUNDS = 3;

/**
 * Whether a way to do a work takes its turn in this round: until `rounds`, but after `seconds` of it only until
 * it has had a few, and no more once a single turn took that long.
 *
 * @param walls seconds of its turns that count, so far
 * @param round from 0
 */
export function goesOn(walls, round, { rounds, seconds }) {
  if (round >= rounds || walls.length > round) return false;
  if (walls.reduce((sum, wall) => sum + wall, 0) < seconds) return true;
  return walls.length < FEW_ROUNDS && Math.max(...walls) < seconds;
}
