import type { BigIntStats } from 'node:fs';
import { isBeneath, joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import { metadataOf, type HeldDirectory, type Metadata } from '../disk/held-directory.ts';
import type { MountPoints } from '../disk/mount-points.ts';
import { errnoOf } from '../disk/errno.ts';
import { CtxsyncError } from '../errors.ts';
import type { StageLocation, StageLocations } from './stage-locations.ts';
import type { Step, UndoLog } from './undo-log.ts';

/** A directory of OUT: the current one or an ancestor. */
interface Level {
  path: BytePath;
  location: StageLocation;
  before: Metadata;
  /** Set when it is left. */
  final: Metadata;
  isChanged: boolean;
}

export interface OutCursorOptions {
  out: HeldDirectory;
  locations: StageLocations;
  mounts: MountPoints;
  log: UndoLog;
  /** Called with what could not be set on a directory, because another user owns it. */
  onNotOurs: (path: BytePath, what: string) => void;
}

/**
 * The position of a commit in OUT. Each directory that it changes is accessible to us meanwhile, and gets
 * its mode and time when it is left: the requested ones, or its own. OUT's own are not changed here.
 */
export class OutCursor {
  readonly descent: Descent;
  readonly #options: OutCursorOptions;
  readonly #levels: Level[] = [];
  #firstRoom: StageLocation;

  constructor(options: OutCursorOptions) {
    this.#options = options;
    this.descent = new Descent(options.out);
    this.#firstRoom = options.locations.first;
  }

  get directory(): HeldDirectory {
    return this.descent.directory;
  }

  /** Relative to OUT. */
  get path(): BytePath {
    return this.#levels.at(-1)?.path ?? '';
  }

  /** Where entries of this directory can be moved aside. */
  get location(): StageLocation {
    return this.#levels.at(-1)?.location ?? this.#firstRoom;
  }

  /** Whether something is mounted on this child. */
  isMountPoint(name: BytePath, stats: BigIntStats): boolean {
    if (this.#options.mounts.has(joinPath(this.path, name))) return true;
    return stats.isDirectory() && stats.dev !== this.directory.identity.dev;
  }

  /** @param final set when it is left */
  enter(name: BytePath, stats: BigIntStats, final = metadataOf(stats)): void {
    const before = metadataOf(stats);
    const isMount = this.isMountPoint(name, stats);
    const path = joinPath(this.path, name);
    const isClosed = this.open(name, stats);
    this.#options.log.step(['enter', name], () => this.descent.enter(name));
    this.#levels.push({ path, location: this.location, before, final, isChanged: false });
    if (isClosed) this.change();
    if (isMount) this.makeLocation();
  }

  /** Gives us access to a child directory whose mode denies it. False: we already had it. */
  open(name: BytePath, stats: BigIntStats): boolean {
    const mode = Number(stats.mode) & 0o7777;
    if ((mode & 0o700) === 0o700) return false;
    this.do(['mode', name, mode], (at) => at.setChildMode(name, 0o700));
    return true;
  }

  leave(): void {
    const level = this.#levels.at(-1)!;
    const { before, final } = level;
    if (level.isChanged || before.mode !== final.mode || before.mtimeUs !== final.mtimeUs) {
      this.change();
      this.#finish(level);
    }
    const name = level.path.slice(level.path.lastIndexOf('/') + 1);
    this.#options.log.step(['leave', name], () => this.descent.leave());
    this.#levels.pop();
  }

  /**
   * Goes to the directory of this path: first up, then down.
   * @throws CtxsyncError not-writable, when it no longer exists
   */
  goTo(path: BytePath): void {
    while (this.path !== path && !isBeneath(path, this.path)) this.leave();
    const rest = this.path === '' ? path : path.slice(this.path.length + 1);
    for (const name of rest.split('/')) {
      if (name === '') continue;
      const stats = this.directory.look(name);
      if (stats?.isDirectory() !== true) throw changed(joinPath(this.path, name));
      this.enter(name, stats);
    }
  }

  leaveAll(): void {
    this.goTo('');
  }

  /** Notes that the directory changes, and so does its time. */
  change(): void {
    const level = this.#levels.at(-1);
    if (level === undefined || level.isChanged) return;
    const { mode, mtimeUs } = level.before;
    this.#options.log.step(['metadata', mode, mtimeUs], () => (level.isChanged = true));
  }

  /** Changes something in the directory, by a step that can be undone. */
  do(step: Step, take: (directory: HeldDirectory) => void): void {
    const { directory } = this;
    this.change();
    this.#options.log.step(step, () => take(directory));
  }

  /** Changes mode or time of an entry, which leaves the directory as it is. */
  alter(step: Step, take: (directory: HeldDirectory) => void): void {
    const { directory } = this;
    this.#options.log.step(step, () => take(directory));
  }

  /** From now on, entries of this directory and below are moved aside within it. */
  makeLocation(): StageLocation {
    this.change();
    const location = this.#options.locations.make(this.directory);
    const level = this.#levels.at(-1);
    if (level === undefined) this.#firstRoom = location;
    else level.location = location;
    return location;
  }

  #finish({ path, final }: Level): void {
    const { directory } = this;
    try {
      directory.setMetadata(final);
    } catch (error) {
      if (errnoOf(error) !== 'EPERM') throw error;
      const { mode, mtimeUs } = directory.metadata();
      const what = [mode === final.mode ? [] : ['mode'], mtimeUs === final.mtimeUs ? [] : ['time']];
      this.#options.onNotOurs(path, what.flat().join(' and '));
    }
  }
}

export function changed(path: BytePath): CtxsyncError {
  const text = toText(path);
  const message = `${text} is no longer a directory: something else is changing OUT; send again`;
  return new CtxsyncError('not-writable', message, { path: text });
}
