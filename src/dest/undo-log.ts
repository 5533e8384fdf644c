import { closeSync, constants, readSync } from 'node:fs';
import type { BytePath } from '../disk/byte-path.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';
import { writeAll } from '../disk/write-all.ts';
import { UNDO_BYTES_IN_MEMORY } from '../limits.ts';

/**
 * A step of a commit in OUT: `name` is an entry in the directory that the commit was in at that time,
 * `aside` a name in the trash of the location with this number.
 */
export type Step =
  | readonly ['enter', name: BytePath]
  | readonly ['leave', name: BytePath]
  /** An entry was put where there was none. */
  | readonly ['placed', name: BytePath, location: number]
  /** An entry replaced a file, which has another name aside. */
  | readonly ['replaced', name: BytePath, location: number, aside: BytePath]
  | readonly ['took', name: BytePath, location: number, aside: BytePath]
  /** A file's content was overwritten; the old content is in the file aside. */
  | readonly ['overwrote', name: BytePath, location: number, aside: BytePath]
  /** An emptied directory was removed. */
  | readonly ['emptied', name: BytePath, mode: number, mtimeUs: number, uid: number, gid: number]
  /** An entry's mode or time, before it changed. */
  | readonly ['mode', name: BytePath, mode: number]
  | readonly ['time', name: BytePath, mtimeUs: number]
  /** The directory's own mode and time, before anything in it changed. */
  | readonly ['metadata', mode: number, mtimeUs: number];

const FILE = 'undo';

/**
 * The steps of a commit, kept as a line of JSON each so that they can be undone. The latest are in memory;
 * the others are in a file of the stage, as there may be more than OUT has entries.
 */
export class UndoLog {
  readonly #stage: HeldDirectory;
  readonly #blocks: { at: number; bytes: number }[] = [];
  #fd: number | undefined;
  readonly #latest = Buffer.alloc(UNDO_BYTES_IN_MEMORY);
  #used = 0;

  constructor(stage: HeldDirectory) {
    this.#stage = stage;
  }

  /**
   * Takes a step, recorded before it is taken.
   * @throws CtxsyncError no-space, not-writable; and what `take` throws: then the step was not taken
   */
  step<T>(step: Step, take: () => T): T {
    const line = `${JSON.stringify(step)}\n`;
    if (this.#used + line.length > this.#latest.length) this.#flush();
    const before = this.#used;
    this.#used += this.#latest.write(line, before, 'latin1');
    try {
      return take();
    } catch (error) {
      this.#used = before;
      throw error;
    }
  }

  /** All steps, the last first. */
  *backwards(): Generator<Step> {
    yield* stepsBackwards(this.#latest.subarray(0, this.#used));
    for (const { at, bytes } of this.#blocks.toReversed()) {
      const block = Buffer.alloc(bytes);
      for (let done = 0; done < bytes;) {
        const count = readSync(this.#fd!, block, done, bytes - done, at + done);
        if (count === 0) throw new Error('the list of steps is truncated');
        done += count;
      }
      yield* stepsBackwards(block);
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #flush(): void {
    const block = this.#latest.subarray(0, this.#used);
    const last = this.#blocks.at(-1);
    const at = last === undefined ? 0 : last.at + last.bytes;
    try {
      const { O_CREAT, O_EXCL, O_RDWR } = constants;
      this.#fd ??= this.#stage.openFile(FILE, O_CREAT | O_EXCL | O_RDWR, 0o600);
      writeAll(this.#fd, block, at);
    } catch (error) {
      throw destinationError(error, 'write the list of steps in', this.#stage.path);
    }
    this.#blocks.push({ at, bytes: block.length });
    this.#used = 0;
  }
}

function* stepsBackwards(block: Buffer): Generator<Step> {
  const lines = block.toString('latin1').trimEnd().split('\n');
  for (const line of lines.toReversed()) if (line !== '') yield JSON.parse(line) as Step;
}
