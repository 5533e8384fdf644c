import { joinPath, type BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { HeldDirectory } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';
import { restoreMetadata, TRASH } from './destination.ts';
import { removeTree } from './remove-tree.ts';
import { locationName } from './work-name.ts';

/** Where a commit moves entries aside. */
export interface StageLocation {
  readonly index: number;
  readonly trash: HeldDirectory;
  /** On another mount than the stage: what comes from the stage has to be copied. */
  readonly isApart: boolean;
}

/** The place where a location was made. */
interface Made {
  parent: HeldDirectory;
  name: BytePath;
}

/**
 * The locations of a commit: the first is the stage's trash; a mount point gets one of its own, as
 * rename(2) cannot cross it.
 */
export class StageLocations {
  readonly #out: HeldDirectory;
  readonly #status: WorkerStatus;
  readonly #locations: StageLocation[];
  readonly #made: Made[] = [];
  #count = 0;

  constructor(out: HeldDirectory, stage: HeldDirectory, status: WorkerStatus) {
    this.#out = out;
    this.#status = status;
    this.#locations = [{ index: 0, trash: stage.openChild(TRASH), isApart: false }];
  }

  get first(): StageLocation {
    return this.at(0);
  }

  at(index: number): StageLocation {
    return this.#locations[index]!;
  }

  /** A fresh name in any location's trash. */
  nextName(): BytePath {
    this.#count += 1;
    return String(this.#count);
  }

  /** Makes a location in this directory; replaces one left by a dead run. */
  make(directory: HeldDirectory): StageLocation {
    const parent = HeldDirectory.open(directory.child('.'), directory.path);
    const name = locationName(this.#out.identity);
    this.#made.push({ parent, name });
    try {
      removeTree(parent, name, this.#status);
      parent.makeDirectory(name, 0o700);
      const trash = parent.openChild(name);
      const location = { index: this.#locations.length, trash, isApart: true };
      this.#locations.push(location);
      return location;
    } catch (error) {
      throw destinationError(error, 'write into the mount', directory.path);
    }
  }

  /**
   * Removes the created locations. Continues when one cannot be removed.
   * @param onFailed called with the error, and the path that is left
   */
  remove(onFailed: (error: unknown, path: BytePath) => void): void {
    for (const { trash } of this.#locations) trash.close();
    for (const { parent, name } of this.#made.splice(0)) {
      try {
        const before = parent.metadata();
        removeTree(parent, name, this.#status);
        // Restores the time from before the location came and went.
        restoreMetadata(parent, before);
      } catch (error) {
        onFailed(error, joinPath(parent.path, name));
      } finally {
        parent.close();
      }
    }
  }
}
