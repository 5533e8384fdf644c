import { END_OF_ARCHIVE, encodeHeader, paddingBytes } from '../../../src/tar/tar-header.ts';
import type { Entry } from '../../../src/entry/entry.ts';
import { Mux } from '../../../src/wire/mux.ts';
import type { Hello } from '../../../src/wire/messages.ts';
import { allFrames, fullRing, HELLO, recordTransfer } from './harness.ts';

const ROOT: Entry = { path: '', kind: 'directory', mode: 0o755, mtimeUs: 1e15, size: 0 };

/** The stream of a sender that packs these entries, whatever they are. */
export function streamOf(entries: readonly (Partial<Entry> & { path: string })[]): Uint8Array {
  return recordTransfer({ '': tarOf(entries) });
}

/** The stream of a sender that says another HELLO. */
export function streamWithHello(changes: Partial<Hello>): Uint8Array {
  const mux = new Mux({ ...HELLO, ...changes });
  mux.open('tree', '', fullRing(tarOf([])));
  mux.finish();
  return Buffer.concat(allFrames(mux));
}

/** The tar that a sender makes of these entries, and of a root. */
export function tarOf(entries: readonly (Partial<Entry> & { path: string })[]): Uint8Array {
  const blocks = [ROOT, ...entries].flatMap((changes) => {
    const entry: Entry = { ...ROOT, kind: 'file', mode: 0o644, size: 4, ...changes };
    if (entry.kind !== 'file') entry.size = 0;
    const header = Uint8Array.from(encodeHeader(entry));
    return [header, Buffer.alloc(entry.size, 'x'), new Uint8Array(paddingBytes(entry.size))];
  });
  return Buffer.concat([...blocks, END_OF_ARCHIVE]);
}
