import { constants, fchmodSync, ftruncateSync } from 'node:fs';
import { joinPath, type BytePath } from '../disk/byte-path.ts';
import type { Descent } from '../disk/descent.ts';
import { errnoOf } from '../disk/errno.ts';
import { copyContent, withFiles } from './copy-entry.ts';
import type { StageLocations } from './stage-locations.ts';
import type { Step, UndoLog } from './undo-log.ts';

/** Called with what could not be undone. */
export type OnFailed = (error: unknown, path: BytePath) => void;

/**
 * Undoes all steps of a commit, the last first, starting in the directory where the commit failed.
 * Continues after an error: as much as possible is restored.
 */
export function undo(
  log: UndoLog,
  descent: Descent,
  locations: StageLocations,
  onFailed: OnFailed,
): void {
  const run = new Undo(descent, locations);
  for (const step of log.backwards()) {
    if (run.isLost(step)) continue;
    try {
      run.takeBack(step);
    } catch (error) {
      onFailed(error, run.pathOf(step));
    }
  }
}

class Undo {
  readonly #descent: Descent;
  readonly #locations: StageLocations;
  /** How many levels below `descent` a step was taken, in directories that we can no longer enter. */
  #lost = 0;

  constructor(descent: Descent, locations: StageLocations) {
    this.#descent = descent;
    this.#locations = locations;
  }

  /** Whether its directory cannot be entered: that was reported on the attempt. */
  isLost([kind]: Step): boolean {
    if (this.#lost === 0) return false;
    if (kind === 'leave') this.#lost += 1;
    if (kind === 'enter') this.#lost -= 1;
    return true;
  }

  /** @throws the system call's error, and CtxsyncError */
  takeBack(step: Step): void {
    const { directory } = this.#descent;
    switch (step[0]) {
      case 'enter':
        this.#descent.leave();
        return;
      case 'leave':
        return this.#enter(step[1]);
      case 'placed': {
        const [, name, location] = step;
        this.#open(name, 0o200n);
        return directory.rename(
          name,
          this.#locations.at(location).trash,
          this.#locations.nextName(),
        );
      }
      case 'replaced':
      case 'took': {
        const [, name, location, aside] = step;
        return this.#locations.at(location).trash.rename(aside, directory, name);
      }
      case 'overwrote':
        return this.#writeBack(step);
      case 'emptied': {
        const [, name, mode, mtimeUs, uid, gid] = step;
        directory.makeDirectory(name, 0o700);
        this.#ifOurs(() => directory.setChildOwner(name, uid, gid));
        return directory.setChildMetadata(name, { mode, mtimeUs });
      }
      case 'mode':
        return directory.setChildMode(step[1], step[2]);
      case 'time':
        return directory.setChildTime(step[1], step[2]);
      case 'metadata': {
        const [, mode, mtimeUs] = step;
        // If we may not set it, we did not change it.
        return this.#ifOurs(() => directory.setMetadata({ mode, mtimeUs }));
      }
    }
  }

  pathOf(step: Step): BytePath {
    const name = typeof step[1] === 'string' ? step[1] : '';
    try {
      return joinPath(this.#descent.directory.path, name);
    } catch {
      return name;
    }
  }

  #enter(name: BytePath): void {
    try {
      this.#open(name, 0o700n);
      this.#descent.enter(name);
    } catch (error) {
      this.#lost = 1;
      throw error;
    }
  }

  /** A finished directory may deny us access, which moving it or its entries needs. */
  #open(name: BytePath, bits: bigint): void {
    const { directory } = this.#descent;
    const stats = directory.look(name);
    if (stats?.isDirectory() !== true || (stats.mode & bits) === bits) return;
    directory.setChildMode(name, 0o700);
  }

  #writeBack([, name, location, aside]: Step & { 0: 'overwrote' }): void {
    const { trash } = this.#locations.at(location);
    const before = trash.look(aside);
    if (before === undefined) throw new Error('the file that was moved aside is gone');
    withFiles(
      () => trash.openFile(aside, constants.O_RDONLY),
      () => this.#descent.directory.openFile(name, constants.O_WRONLY),
      (from, to) => {
        ftruncateSync(to, copyContent(from, to));
        fchmodSync(to, Number(before.mode) & 0o7777);
      },
    );
    this.#descent.directory.setChildTime(name, Number(before.mtimeNs / 1000n));
  }

  #ifOurs(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (errnoOf(error) !== 'EPERM') throw error;
    }
  }
}
