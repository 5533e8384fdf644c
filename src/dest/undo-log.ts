import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { joinPath, toFsPath, type BytePath } from '../disk/byte-path.ts';
import { setFolderMetadata, type FolderMetadata } from './folder-metadata.ts';

type Step =
  | { kind: 'moved'; from: BytePath; to: BytePath }
  | { kind: 'linked'; path: BytePath }
  | { kind: 'metadata'; path: BytePath; metadata: FolderMetadata };

/** The steps of a commit, so that they can be taken back: nothing that was in OUT is destroyed. */
export class UndoLog {
  readonly #trash: BytePath;
  readonly #steps: Step[] = [];
  #kept = 0;

  /** @param trash a folder on OUT's own file system */
  constructor(trash: BytePath) {
    this.#trash = trash;
  }

  /** Puts a staged entry into OUT. */
  place(from: BytePath, to: BytePath): void {
    this.#move(from, to);
  }

  /** Gives a file of OUT another name. */
  link(file: BytePath, path: BytePath): void {
    linkSync(toFsPath(file), toFsPath(path));
    this.#steps.push({ kind: 'linked', path });
  }

  /** Takes an entry out of OUT. */
  takeOut(path: BytePath): void {
    this.#move(path, this.#nextTrash());
  }

  /** Keeps a file that the next `place` replaces. A second name for it, where that is possible. */
  keep(path: BytePath): void {
    const trash = this.#nextTrash();
    try {
      linkSync(toFsPath(path), toFsPath(trash));
      this.#steps.push({ kind: 'moved', from: path, to: trash });
    } catch {
      // No hardlinks here, or not to this file: then there is a moment without it.
      this.#move(path, trash);
    }
  }

  /** What a folder's mode and time were, before they are changed. */
  metadata(path: BytePath, metadata: FolderMetadata): void {
    this.#steps.push({ kind: 'metadata', path, metadata });
  }

  /** Takes all steps back, the last first. Goes on where one fails: as much as possible is restored. */
  undo(): void {
    for (const step of this.#steps.toReversed()) {
      try {
        if (step.kind === 'moved') renameSync(toFsPath(step.to), toFsPath(step.from));
        else if (step.kind === 'linked') unlinkSync(toFsPath(step.path));
        else setFolderMetadata(step.path, step.metadata);
      } catch {
        // The commit's own error is what is reported.
      }
    }
  }

  #move(from: BytePath, to: BytePath): void {
    renameSync(toFsPath(from), toFsPath(to));
    this.#steps.push({ kind: 'moved', from, to });
  }

  #nextTrash(): BytePath {
    this.#kept += 1;
    return joinPath(this.#trash, String(this.#kept));
  }
}
