import { constants, fchmodSync, fstatSync, ftruncateSync, type BigIntStats } from 'node:fs';
import { joinPath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import { hasName, type Names } from '../disk/names.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { metadataOf, type HeldDirectory } from '../disk/held-directory.ts';
import type { MountPoints } from '../disk/mount-points.ts';
import { errnoOf } from '../disk/errno.ts';
import { destinationError } from '../disk/system-error.ts';
import { isWorkName } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import type { CommitOptions, ComparedContext } from './commit.ts';
import { copyContent, EntryCopier, withFiles } from './copy-entry.ts';
import type { OpenDestination } from './destination.ts';
import { changedMeanwhile, versionOf } from './file-version.ts';
import { readLocalChanges, type LocalChange, type MetadataChange } from './local-changes.ts';
import { inodeKey, isSameInode, type Inode } from '../disk/inode.ts';
import { changed, OutCursor } from './out-cursor.ts';
import { baseKeys } from './removals.ts';
import { StageLocations, type StageLocation } from './stage-locations.ts';
import { undo, type OnFailed } from './undo.ts';
import { UndoLog } from './undo-log.ts';
import type { Warnings } from './warnings.ts';

export interface GraftOptions extends CommitOptions {
  /** Below OUT. */
  mounts: MountPoints;
}

/**
 * Grafts the stage onto OUT: walks over pairs of directories that are held open, one of the stage and the
 * one of OUT that it becomes. Memory use grows with the depth only.
 */
export class Graft {
  readonly #opened: OpenDestination;
  readonly #options: GraftOptions;
  readonly #status: WorkerStatus;
  readonly #warnings: Warnings;
  readonly #locations: StageLocations;
  readonly #log: UndoLog;
  readonly #mounts: MountPoints;
  /** In the stage, parallel to `#out`. */
  readonly #staged: Descent;
  readonly #out: OutCursor;
  /** Leads to the targets of hardlinks. */
  readonly #targets: Descent;
  readonly #copiers = new Map<StageLocation, EntryCopier>();
  /** Directories that contexts were compared with: what the stage lacks is kept there. */
  readonly #bases: ReadonlySet<string>;
  /** Directories in them that the stage holds whole. */
  readonly #wholes = new Set<BytePath>();

  constructor(
    opened: OpenDestination,
    options: GraftOptions,
    status: WorkerStatus,
    warnings: Warnings,
  ) {
    const { out, stage, tree } = opened;
    this.#opened = opened;
    this.#options = options;
    this.#status = status;
    this.#warnings = warnings;
    this.#log = new UndoLog(stage);
    this.#locations = new StageLocations(out, stage, status);
    this.#mounts = options.mounts;
    this.#bases = baseKeys(out, options.compared);
    this.#staged = new Descent(tree);
    this.#targets = new Descent(out);
    this.#out = new OutCursor({
      out,
      locations: this.#locations,
      mounts: this.#mounts,
      log: this.#log,
      onNotOurs: (path, what) =>
        warnings.add(`${what} are left unchanged, as another user owns it`, path),
    });
  }

  /**
   * Removes entries before it places any: a case-insensitive or Unicode-normalizing file system would
   * find the new `README` when we remove the old `readme`.
   */
  run(): void {
    const { mirror, compared } = this.#options;
    if (mirror !== undefined) {
      for (const context of compared) this.#remove(context);
      this.#out.leaveAll();
    }
    this.#directory('', this.#isWhole('', this.#opened.out.identity, false));
    for (const context of compared) this.#changeInPlace(context);
    this.#out.leaveAll();
  }

  undo(onFailed: OnFailed): void {
    undo(this.#log, this.#out.descent, this.#locations, onFailed);
  }

  /** Closes everything, and removes the locations that were created. */
  close(onFailed: OnFailed): void {
    for (const way of [this.#staged, this.#targets, this.#out.descent]) way.close();
    this.#log.close();
    this.#locations.remove(onFailed);
  }

  /**
   * @param path within OUT
   * @param mirrors the stage holds it whole: other entries are removed
   */
  #directory(path: BytePath, mirrors: boolean): void {
    const names = this.#staged.directory.names();
    if (mirrors) this.#removeOthers(path, names);
    for (const name of names) {
      const child = joinPath(path, name);
      this.#step(child, () => this.#child(name, child, mirrors));
    }
  }

  #removeOthers(path: BytePath, staged: Names): void {
    for (const name of this.#out.directory.names()) {
      // Another receiver may work in this very directory.
      if (hasName(staged, name) || isWorkName(name)) continue;
      const child = joinPath(path, name);
      this.#step(child, () => this.#removeEntry(name, child), 'remove');
    }
  }

  /** Removes what the context lacks by the comparison; notes which directories the stage has whole. */
  #remove(context: ComparedContext): void {
    for (const { kind, path } of this.#localChanges(context)) {
      if (kind === 'whole') this.#wholes.add(path);
      if (kind !== 'remove') continue;
      const [parent, name] = splitPath(path);
      const remove = (): void => {
        this.#out.goTo(parent);
        this.#removeEntry(name, path);
      };
      this.#step(path, remove, 'remove');
    }
  }

  #removeEntry(name: BytePath, path: BytePath): void {
    const stats = this.#out.directory.look(name);
    if (stats === undefined || this.#bases.has(inodeKey(stats))) return;
    this.#takeOut(name, stats, path);
  }

  /**
   * Sets modes and times of existing files, and gives them new names, in directories that may be newly placed. A
   * file's other names come after it: a new name makes it another version.
   */
  #changeInPlace(context: ComparedContext): void {
    for (const change of this.#localChanges(context)) {
      const { kind, path } = change;
      if (kind === 'metadata') this.#step(path, () => this.#setMetadata(change));
      if (kind === 'link')
        this.#step(path, () => this.#link(path, joinPath(context.name, change.link)));
    }
  }

  #setMetadata({ path, mode, mtimeUs, version }: MetadataChange): void {
    const [parent, name] = splitPath(path);
    this.#out.goTo(parent);
    const stats = this.#out.directory.look(name);
    if (stats === undefined || versionOf(stats) !== version) throw changedMeanwhile(path);
    const before = metadataOf(stats);
    if (before.mode !== mode && !stats.isSymbolicLink()) {
      this.#out.alter(['mode', name, before.mode], (at) => at.setChildMode(name, mode));
    }
    if (before.mtimeUs === mtimeUs) return;
    this.#out.alter(['time', name, before.mtimeUs], (at) => at.setChildTime(name, mtimeUs));
  }

  /** With paths relative to OUT. */
  *#localChanges({ name, localChanges }: ComparedContext): Generator<LocalChange> {
    const { stage, out } = this.#opened;
    this.#status.enter('committing', out.path);
    for (const change of readLocalChanges(stage, localChanges))
      yield { ...change, path: joinPath(name, change.path) };
  }

  /** Whether the stage holds this directory of OUT whole. @param mirrors its parent, too */
  #isWhole(path: BytePath, identity: Inode, mirrors: boolean): boolean {
    if (this.#wholes.has(path)) return true;
    const isMirrored = mirrors || this.#options.mirror?.names.includes(path) === true;
    return isMirrored && !this.#bases.has(inodeKey(identity));
  }

  #link(path: BytePath, target: BytePath): void {
    const [parent, name] = splitPath(path);
    this.#out.goTo(parent);
    const { directory } = this.#out;
    const there = directory.look(name);
    if (there !== undefined) this.#clear(name, there, path);
    const [targetParent, targetName] = splitPath(target);
    this.#targets.goTo(targetParent);
    const from = this.#targets.directory;
    const stats = from.look(targetName);
    if (stats?.isFile() !== true && stats?.isSymbolicLink() !== true) throw changed(target);
    const { location } = this.#out;
    try {
      this.#out.do(['placed', name, location.index], (at) => from.link(targetName, at, name));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== 'EXDEV' && errno !== 'ENOTSUP') throw error;
      // Across a mount point, or a symlink that cannot be hardlinked: a copy.
      const aside = this.#copyInto(location, from, targetName);
      this.#out.do(['placed', name, location.index], (at) =>
        location.trash.rename(aside, at, name),
      );
    }
  }

  #child(name: BytePath, path: BytePath, mirrors: boolean): void {
    const ours = this.#staged.directory.look(name);
    const theirs = this.#out.directory.look(name);
    if (ours === undefined) throw new Error(`${toText(path)} is missing from the stage`);
    if (theirs === undefined) return this.#place(name, ours);
    if (ours.isDirectory() && theirs.isDirectory()) {
      const isWhole = this.#isWhole(path, theirs, mirrors);
      return this.#merge(name, ours, theirs, () => this.#directory(path, isWhole));
    }
    const isMount = this.#out.isMountPoint(name, theirs);
    if (isMount && ours.isFile() && theirs.isFile()) return this.#overwrite(name, ours, theirs);
    // rename(2) replaces non-directories atomically.
    if (!isMount && !theirs.isDirectory() && !ours.isDirectory()) {
      return this.#replace(name, ours, theirs);
    }
    this.#clear(name, theirs, path);
    this.#place(name, ours);
  }

  #merge(name: BytePath, ours: BigIntStats, theirs: BigIntStats, graft: () => void): void {
    // The stage is ours, and needs no undo.
    if ((ours.mode & 0o700n) !== 0o700n) this.#staged.directory.setChildMode(name, 0o700);
    this.#staged.enter(name);
    this.#out.enter(name, theirs, metadataOf(ours));
    graft();
    this.#staged.leave();
    this.#out.leave();
  }

  /** Moves away an entry that is in the way. */
  #clear(name: BytePath, theirs: BigIntStats, path: BytePath): void {
    const mount = this.#out.isMountPoint(name, theirs) ? path : this.#mounts.beneath(path);
    if (mount !== undefined) throw mountInTheWay(path, mount);
    if (!this.#takeOut(name, theirs, path)) throw mountInTheWay(path, path);
  }

  /** False: it is or contains a mount point, which stays with its parent directories. */
  #takeOut(name: BytePath, stats: BigIntStats, path: BytePath): boolean {
    if (this.#out.isMountPoint(name, stats)) {
      this.#warnings.add('left, as something is mounted on it', path);
      return false;
    }
    if (this.#mounts.beneath(path) === undefined && this.#move(name, stats)) return true;
    return this.#dismantle(name, stats, path);
  }

  /**
   * Moves an entry away in one step. False: it is a directory that cannot be renamed, as on overlayfs one
   * from a lower layer.
   */
  #move(name: BytePath, stats: BigIntStats): boolean {
    // Only root may move a directory without write permission on it.
    if (stats.isDirectory() && (stats.mode & 0o200n) === 0n) this.#out.open(name, stats);
    const { location } = this.#out;
    try {
      this.#moveTo(location, name);
    } catch (error) {
      if (errnoOf(error) !== 'EXDEV') throw error;
      if (stats.isDirectory()) return false;
      this.#moveTo(this.#out.makeLocation(), name);
    }
    return true;
  }

  #moveTo({ index, trash }: StageLocation, name: BytePath): void {
    const aside = this.#locations.nextName();
    this.#out.do(['took', name, index, aside], (at) => at.rename(name, trash, aside));
  }

  /** Moves a directory away entry by entry. False: something in it stays. */
  #dismantle(name: BytePath, stats: BigIntStats, path: BytePath): boolean {
    this.#out.enter(name, stats);
    let isEmpty = true;
    for (const child of this.#out.directory.names()) {
      const childPath = joinPath(path, child);
      this.#step(childPath, () => {
        const found = this.#out.directory.look(child);
        if (found !== undefined && !this.#takeOut(child, found, childPath)) isEmpty = false;
      });
    }
    this.#out.leave();
    if (!isEmpty) return false;
    const { mode, mtimeUs } = metadataOf(stats);
    const owner = [Number(stats.uid), Number(stats.gid)] as const;
    this.#out.do(['emptied', name, mode, mtimeUs, ...owner], (at) => at.removeDirectory(name));
    return true;
  }

  /** Replaces a non-directory with a non-directory. */
  #replace(name: BytePath, ours: BigIntStats, theirs: BigIntStats): void {
    const { location } = this.#out;
    const aside = this.#locations.nextName();
    try {
      this.#out.change();
      this.#out.directory.link(name, location.trash, aside);
      // On macOS, link(2) follows a symlink.
      const kept = location.trash.look(aside);
      if (kept === undefined || !isSameInode(kept, theirs)) throw changed(name);
    } catch {
      // No hardlinks here, or not to this file: for a moment it is missing.
      this.#moveTo(location, name);
      return this.#place(name, ours);
    }
    const [from, staged] = this.#source(name, location);
    const step = ['replaced', name, location.index, aside] as const;
    this.#out.do(step, (at) => from.rename(staged, at, name));
  }

  #place(name: BytePath, ours: BigIntStats): void {
    const isClosed = ours.isDirectory() && (ours.mode & 0o200n) === 0n;
    if (isClosed) this.#staged.directory.setChildMode(name, 0o700);
    try {
      this.#placeFrom(this.#out.location, name);
    } catch (error) {
      if (errnoOf(error) !== 'EXDEV' || this.#out.location.isApart) throw error;
      this.#placeFrom(this.#out.makeLocation(), name);
    }
    if (isClosed) this.#out.directory.setChildMetadata(name, metadataOf(ours));
  }

  #placeFrom(location: StageLocation, name: BytePath): void {
    const [from, staged] = this.#source(name, location);
    this.#out.do(['placed', name, location.index], (at) => from.rename(staged, at, name));
  }

  /** From where an entry of the stage can be renamed into OUT. */
  #source(name: BytePath, location: StageLocation): [HeldDirectory, BytePath] {
    const { directory } = this.#staged;
    return location.isApart
      ? [location.trash, this.#copyInto(location, directory, name)]
      : [directory, name];
  }

  #copyInto(location: StageLocation, from: HeldDirectory, name: BytePath): BytePath {
    let copier = this.#copiers.get(location);
    if (copier === undefined) {
      const nextName = (): BytePath => this.#locations.nextName();
      const onEntry = (path: BytePath): void => this.#status.enter('committing', path);
      copier = new EntryCopier({ trash: location.trash, nextName }, onEntry);
      this.#copiers.set(location, copier);
    }
    const aside = this.#locations.nextName();
    copier.copy(from, name, location.trash, aside);
    return aside;
  }

  /** Something is mounted on this file: it cannot be replaced, but its content can be overwritten. */
  #overwrite(name: BytePath, ours: BigIntStats, theirs: BigIntStats): void {
    const { first } = this.#locations;
    const { directory } = this.#out;
    const aside = this.#locations.nextName();
    new EntryCopier(
      { trash: first.trash, nextName: () => this.#locations.nextName() },
      () => {},
    ).copy(directory, name, first.trash, aside);
    withFiles(
      () => this.#staged.directory.openFile(name, constants.O_RDONLY),
      () => directory.openFile(name, constants.O_WRONLY),
      (from, to) => {
        if (!isSameInode(fstatSync(to, { bigint: true }), theirs)) throw changed(directory.path);
        this.#out.do(['overwrote', name, first.index, aside], () => {});
        ftruncateSync(to, copyContent(from, to));
        this.#finishFile(to, name, ours);
      },
    );
  }

  #finishFile(fd: number, name: BytePath, ours: BigIntStats): void {
    const { mode, mtimeUs } = metadataOf(ours);
    try {
      fchmodSync(fd, mode);
      this.#out.directory.setChildTime(name, mtimeUs);
    } catch (error) {
      if (errnoOf(error) !== 'EPERM') throw error;
      const path = joinPath(this.#out.path, name);
      this.#warnings.add('mode and time are left unchanged, as another user owns it', path);
    }
  }

  #step(path: BytePath, run: () => void, doing = 'put in place'): void {
    this.#status.enter('committing', path);
    try {
      run();
    } catch (error) {
      throw destinationError(error, doing, path);
    }
  }
}

function mountInTheWay(path: BytePath, mount: BytePath): CtxsyncError {
  const [text, at] = [toText(path), toText(mount)];
  const where = at === text ? 'something is mounted on it' : `something is mounted on ${at}`;
  const message = `cannot put ${text} in place: ${where}, and the context has another kind of entry there; unmount it, or exclude ${text}`;
  return new CtxsyncError('not-writable', message, { path: text });
}
