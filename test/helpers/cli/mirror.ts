import type { Mirror } from '../../../src/dest/removals.ts';

/** --delete without its guards, where it is asked for. */
export function mirrorOf(mirrors: boolean, names: readonly string[]): Mirror | undefined {
  return mirrors ? { names, empty: [], allowEmpty: false, maxDelete: Infinity } : undefined;
}
