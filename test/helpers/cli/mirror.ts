import type { Mirror } from '../../../src/dest/removals.ts';

/** --delete without its guards, if `mirrors` is set. */
export function mirrorOf(mirrors: boolean, names: readonly string[]): Mirror | undefined {
  return mirrors ? { names, empty: [], allowEmpty: false, maxDelete: Infinity } : undefined;
}
