import type { BytePath } from '../disk/byte-path.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import type { RecordBuffer, RecordCursor } from '../entry/record-io.ts';
import { StageListReader, StageListWriter } from './stage-list.ts';

/** A change to OUT for which the stage holds no entry. Paths are relative to the context. */
export type LocalChange =
  | { kind: 'remove'; path: BytePath }
  /** An existing directory that could not be listed: the stage has all its new content. */
  | { kind: 'whole'; path: BytePath }
  /** A new name of an existing file that stays. */
  | { kind: 'link'; path: BytePath; link: BytePath }
  | MetadataChange;

/** A new mode and time of an existing file or symlink that stays. */
export interface MetadataChange {
  kind: 'metadata';
  path: BytePath;
  /** Of a symlink, it stays what it is. */
  mode: number;
  mtimeUs: number;
  /** The version that was compared: another one is somebody else's. */
  version: string;
}

/** A kind is stored as its index here. */
const KINDS = ['remove', 'whole', 'link', 'metadata'] as const satisfies LocalChange['kind'][];

/** Keeps local changes in a file of the stage until the commit: there may be as many as OUT has entries. */
export class LocalChangeWriter extends StageListWriter<LocalChange> {
  /** @throws CtxsyncError no-space, not-writable; as do all methods */
  constructor(stage: HeldDirectory, name: BytePath) {
    super(stage, name, encode);
  }
}

/**
 * Reads several lists, one after the other.
 * @throws CtxsyncError not-writable
 */
export function* readLocalChanges(
  stage: HeldDirectory,
  names: readonly BytePath[],
): Generator<LocalChange> {
  for (const name of names) {
    const list = new StageListReader(stage, name, decode);
    try {
      for (let change = list.next(); change !== undefined; change = list.next()) yield change;
    } finally {
      list.close();
    }
  }
}

function encode(to: RecordBuffer, change: LocalChange): void {
  to.byte(KINDS.indexOf(change.kind));
  to.text(change.path);
  if (change.kind === 'link') to.text(change.link);
  if (change.kind !== 'metadata') return;
  to.varint(change.mode);
  to.text(String(change.mtimeUs));
  to.text(change.version);
}

function decode(from: RecordCursor): LocalChange {
  const kind = KINDS[from.byte()];
  if (kind === undefined) throw from.broken('has a bad change');
  const path = from.text();
  if (kind === 'link') return { kind, path, link: from.text() };
  if (kind !== 'metadata') return { kind, path };
  const mode = from.varint();
  return { kind, path, mode, mtimeUs: Number(from.text()), version: from.text() };
}
