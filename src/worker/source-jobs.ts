import { realpathSync, statSync } from 'node:fs';
import { fromText, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { statSource } from '../disk/stat-source.ts';
import { describeSystemError } from '../disk/system-error.ts';
import { UnreadablePaths } from '../disk/unreadable-paths.ts';
import { Budget } from '../entry/budget.ts';
import { EntryCopy } from '../entry/entry-copy.ts';
import { EntryValidator } from '../entry/entry-validator.ts';
import type { ManifestEntry, SourceEntry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { COUNT_NICENESS } from '../limits.ts';
import { Ring } from '../flow/ring.ts';
import { ManifestWriter } from '../entry/manifest.ts';
import { hashSource, pack } from '../entry/pack.ts';
import { TreeReader } from '../entry/tree-reader.ts';
import { TreeWriter } from '../entry/tree-writer.ts';
import { unpack } from '../entry/unpack.ts';
import { WantReader } from '../entry/wants.ts';
import { loadRules, type IgnoreFile } from '../ignore/load-rules.ts';
import { findIgnoreFile, readGivenIgnoreFile } from '../ignore/ignore-source.ts';
import { TarReader } from '../tar/tar-reader.ts';
import { unpackTar } from '../tar/unpack-tar.ts';
import { countContext } from '../tree/count-context.ts';
import { Findings } from '../survey/findings.ts';
import { LostAttributes } from '../tree/lost-attributes.ts';
import { openSource } from '../tree/source-entries.ts';
import { stampOf } from '../tree/stamp.ts';
import { walkWanted } from '../tree/walk-wanted.ts';
import { walk, type WalkOptions } from '../tree/walk.ts';
import { reporting, type Handlers, type JobContext } from './job-context.ts';
import type { ContextSource, OpenedContext, PathNote } from './jobs.ts';
import { RingSink, RingSource } from './ring-io.ts';
import { yieldCpu } from './yield-cpu.ts';

/** What a sender's disk worker does for each job; it only connects the layers. */
export const SOURCE_JOBS: Pick<
  Handlers,
  | 'readIgnoreFile'
  | 'openContext'
  | 'pack'
  | 'list'
  | 'packWanted'
  | 'readTar'
  | 'readEntries'
  | 'count'
> = {
  readIgnoreFile: ({ path }, { status }) => readGivenIgnoreFile(path, status),

  openContext: ({ source, ignoreFile }, { status }) => openContext(source, ignoreFile, status),

  pack: ({ source, ring: shared, checks }, context) => {
    const ring = new Ring(shared);
    const findings = new Findings(checks, context.status);
    const { pool } = context;
    const options = { ...reportingWalk(source, context, findings), opensFiles: true, pool };
    const { status, unreadable } = options;
    pack(walk(source.root, options), new RingSink(ring, status), status, unreadable);
    ring.end();
    return findings.end();
  },

  list: ({ source, ring: shared, checksum, checks }, context) => {
    const ring = new Ring(shared);
    const findings = new Findings(checks, context.status);
    const options = { ...reportingWalk(source, context, findings), pool: context.pool };
    const { status, unreadable } = options;
    const manifest = new ManifestWriter(new RingSink(ring, status));
    const total = { entries: 0, bytes: 0 };
    for (const entry of walk(source.root, options)) {
      addTo(total, entry);
      unreadable.checkTime();
      try {
        const listed = listedEntry(entry, checksum, status);
        if (!unreadable.found) manifest.add(listed);
      } catch (error) {
        unreadable.add(error, entry.path);
      }
    }
    manifest.end();
    ring.end();
    return { amount: total, findings: findings.end() };
  },

  packWanted: ({ source, wants: sharedWants, ring: shared }, context) => {
    const ring = new Ring(shared);
    // The `list` job already reported skipped and changed paths.
    const options = walkOptions(source, failuresOnly(context));
    const { status, unreadable } = options;
    const wants = new WantReader(new RingSource(new Ring(sharedWants), status));
    pack(walkWanted(source.root, wants, options), new RingSink(ring, status), status, unreadable);
    ring.end();
  },

  readTar: ({ from, to }, context) => {
    const { status } = context;
    const ring = new Ring(to);
    const tar = new TarReader(new RingSource(new Ring(from), status));
    const copy = new EntryCopy(new TreeWriter(new RingSink(ring, status)), status);
    // The limits are for the receiver to enforce.
    const validator = new EntryValidator(Budget.unlimited());
    unpackTar(tar, copy, { validator, ...reporting(context), onEntry: () => status.addEntry() });
    ring.end();
  },

  readEntries: ({ from, to }, { status }) => {
    const ring = new Ring(to);
    const given = new TreeReader(new RingSource(new Ring(from), status), { unordered: true });
    unpack(given, new EntryCopy(new TreeWriter(new RingSink(ring, status)), status), {
      name: '',
      validator: new EntryValidator(Budget.unlimited()),
      takesOmitted: false,
      addsDirectories: true,
      onEntry: () => status.addEntry(),
    });
    ring.end();
  },

  count: ({ source: { root, ignoreFile, rules } }, { status }) => {
    yieldCpu(COUNT_NICENESS);
    return countContext(root, loadRules(ignoreFile, rules), status);
  },
};

/** The context's own root does not count. */
function addTo(total: { entries: number; bytes: number }, { path, size }: SourceEntry): void {
  if (path !== '') total.entries += 1;
  total.bytes += size;
}

/** Reads the rules through the opened directory, so that they belong to what will be walked. */
function openContext(
  { directory, ignore }: ContextSource,
  given: IgnoreFile | undefined,
  status: WorkerStatus,
): OpenedContext {
  status.enter('scanning', fromText(directory));
  const root = resolveRoot(directory);
  const { dockerfile, noIgnore = false, rules = [] } = ignore;
  const opened = openSource(root, root);
  try {
    const { dev, ino } = statSource(toFsPath(opened.child('.')), root);
    const finds = given === undefined && !noIgnore;
    const ignoreFile = finds ? findIgnoreFile(opened, root, dockerfile, status) : given;
    // Finds errors in the rules before anything is sent.
    loadRules(ignoreFile, rules);
    return { root, identity: { dev, ino }, ignoreFile, rules };
  } finally {
    opened.close();
  }
}

/** Of a walk that sends: whoever reads its files shares what cannot be read. */
type SendingWalkOptions = WalkOptions & { unreadable: UnreadablePaths };

function walkOptions(
  { identity, ignoreFile, rules: given }: OpenedContext,
  context: JobContext,
): SendingWalkOptions {
  const rules = loadRules(ignoreFile, given);
  const unreadable = new UnreadablePaths((path, reason) =>
    context.note({ about: 'failed', path, reason }),
  );
  return { rules, identity, status: context.status, unreadable, ...reporting(context) };
}

/** Options for the walk that reports what is not sent, and what had better not be. */
function reportingWalk(
  source: OpenedContext,
  context: JobContext,
  findings: Findings,
): SendingWalkOptions {
  const options = walkOptions(source, context);
  const attributes = new LostAttributes(source.root, options.onChanged, context.status);
  const onSkipped = (path: BytePath, reason: string): void => {
    findings.addSkipped(path);
    options.onSkipped(path, reason);
  };
  const onTravels = (entry: SourceEntry): void => findings.add(entry);
  return { ...options, onSkipped, onTravels, attributes };
}

function failuresOnly(context: JobContext): JobContext {
  const note = (pathNote: PathNote): void => {
    if (pathNote.about === 'failed') context.note(pathNote);
  };
  return { ...context, note };
}

/** The context's root may be a symlink; it is resolved once, here. */
function resolveRoot(directory: string): BytePath {
  const path = toText(fromText(directory));
  let root: BytePath;
  let isDirectory: boolean;
  try {
    root = realpathSync.native(directory, 'latin1');
    isDirectory = statSync(toFsPath(root)).isDirectory();
  } catch (error) {
    throw new CtxsyncError(
      'source-missing',
      `the context ${path} cannot be opened: ${describeSystemError(error)}`,
      { path, cause: error },
    );
  }
  if (!isDirectory) {
    throw new CtxsyncError('source-missing', `the context ${path} is not a directory`, {
      remedy: 'send-tar',
      path,
    });
  }
  return root;
}

function listedEntry(entry: SourceEntry, checksum: boolean, status: WorkerStatus): ManifestEntry {
  const { path, kind, mode, mtimeUs, size, link, linked } = entry;
  const stamp = stampOf(kind, entry.identity);
  const sha256 = checksum && kind === 'file' ? hashSource(entry, status) : undefined;
  return { path, kind, mode, mtimeUs, size, link, linked, stamp, sha256 };
}
