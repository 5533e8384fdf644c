import type { Entry } from '../../../src/entry/entry.ts';
import { Mux } from '../../../src/wire/mux.ts';
import type { Hello } from '../../../src/wire/messages.ts';
import { writeTree } from '../trees/archive-io.ts';
import { allFrames, fullRing, HELLO } from './harness.ts';

const ROOT: Entry = { path: '', kind: 'directory', mode: 0o755, mtimeUs: 1e15, size: 0 };

/** The stream of a sender that packs these entries, valid or not, in any order. */
export function streamOf(entries: readonly (Partial<Entry> & { path: string })[]): Uint8Array {
  const mux = new Mux(HELLO);
  mux.open({ kind: 'tree', name: '', unordered: true }, fullRing(treeOf(entries)));
  mux.finish();
  return Buffer.concat(allFrames(mux));
}

/** The stream of a sender with a different HELLO. */
export function streamWithHello(changes: Partial<Hello>): Uint8Array {
  const mux = new Mux({ ...HELLO, ...changes });
  mux.open({ kind: 'tree', name: '' }, fullRing(treeOf([])));
  mux.finish();
  return Buffer.concat(allFrames(mux));
}

/** The tree that a sender makes of a root and these entries, in this order. */
export function treeOf(entries: readonly (Partial<Entry> & { path: string })[]): Uint8Array {
  const whole = entries.map((changes) => {
    const entry: Entry = { ...ROOT, kind: 'file', mode: 0o644, size: 4, ...changes };
    if (entry.kind !== 'file') entry.size = 0;
    return { entry, content: Buffer.alloc(entry.size, 'x') };
  });
  return writeTree([{ entry: ROOT, content: new Uint8Array(0) }, ...whole]);
}
