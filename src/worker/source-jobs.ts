import { realpathSync, statSync } from 'node:fs';
import { hashSource, pack } from '../tar/pack.ts';
import { fromText, toFsPath, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/worker-status.ts';
import { statSource } from '../disk/stat-source.ts';
import { describeSystemError } from '../disk/system-error.ts';
import { UnreadablePaths } from '../disk/unreadable-paths.ts';
import type { ManifestEntry, SourceEntry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { Ring } from '../flow/ring.ts';
import { ManifestWriter } from '../entry/manifest.ts';
import { WantReader } from '../entry/wants.ts';
import { contextRules, type IgnoreFile } from '../ignore/load-rules.ts';
import { findIgnoreFile, readGivenIgnoreFile } from '../ignore/ignore-source.ts';
import { LostAttributes } from '../tree/lost-attributes.ts';
import { openSource } from '../tree/source-entries.ts';
import { stampOf } from '../tree/stamp.ts';
import { walkWanted } from '../tree/walk-wanted.ts';
import { walk, type WalkOptions } from '../tree/walk.ts';
import { reporting, type Handlers, type JobContext } from './job-context.ts';
import type { ContextSource, OpenedContext, PathWord } from './jobs.ts';
import { RingSink, RingSource } from './ring-io.ts';

/** What a sender's disk worker does for each job: the layers put together, nothing more. */
export const SOURCE_JOBS: Pick<
  Handlers,
  'readIgnoreFile' | 'openContext' | 'pack' | 'list' | 'packWanted' | 'count'
> = {
  readIgnoreFile: ({ path }, { gauge }) => readGivenIgnoreFile(path, gauge),

  openContext: ({ source, ignoreFile }, { gauge }) => openContext(source, ignoreFile, gauge),

  pack: ({ source, ring: shared }, context) => {
    const ring = new Ring(shared);
    const options = reportingWalk(source, context);
    const { gauge, unreadable } = options;
    pack(walk(source.root, options), new RingSink(ring, gauge), gauge, unreadable);
    ring.end();
  },

  list: ({ source, ring: shared, checksum }, context) => {
    const ring = new Ring(shared);
    const options = reportingWalk(source, context);
    const { gauge, unreadable } = options;
    const manifest = new ManifestWriter(new RingSink(ring, gauge));
    for (const entry of walk(source.root, options)) {
      unreadable.checkTime();
      try {
        const listed = listedEntry(entry, checksum, gauge);
        if (!unreadable.found) manifest.add(listed);
      } catch (error) {
        unreadable.add(error, entry.path);
      }
    }
    manifest.end();
    ring.end();
  },

  packWanted: ({ source, wants: sharedWants, ring: shared }, context) => {
    const ring = new Ring(shared);
    // The list has reported what is worth a word.
    const options = walkOptions(source, failuresOnly(context));
    const { gauge, unreadable } = options;
    const wants = new WantReader(new RingSource(new Ring(sharedWants), gauge));
    pack(walkWanted(source.root, wants, options), new RingSink(ring, gauge), gauge, unreadable);
    ring.end();
  },

  count: ({ source }, context) => {
    const total = { entries: 0, bytes: 0 };
    const options = walkOptions(source, { ...context, say: () => {} });
    for (const entry of walk(source.root, options)) {
      if (entry.path !== '') total.entries += 1;
      total.bytes += entry.size;
    }
    return total;
  },
};

/** The rules are read through the directory that was opened: they belong to what will be walked. */
function openContext(
  { folder, ignore }: ContextSource,
  given: IgnoreFile | undefined,
  gauge: Gauge,
): OpenedContext {
  gauge.enter('scanning', fromText(folder));
  const root = resolveRoot(folder);
  const { dockerfile, noIgnore = false, patterns = [] } = ignore;
  const opened = openSource(root, root);
  try {
    const { dev, ino } = statSource(toFsPath(opened.child('.')), root);
    const finds = given === undefined && !noIgnore;
    const ignoreFile = finds ? findIgnoreFile(opened, root, dockerfile, gauge) : given;
    // What is wrong with them is found before anything is sent.
    contextRules(ignoreFile, patterns);
    return { root, identity: { dev, ino }, ignoreFile, patterns };
  } finally {
    opened.close();
  }
}

function walkOptions(
  { identity, ignoreFile, patterns }: OpenedContext,
  context: JobContext,
): WalkOptions {
  const rules = contextRules(ignoreFile, patterns);
  const unreadable = new UnreadablePaths((path, reason) =>
    context.say({ about: 'failed', path, reason }),
  );
  return { rules, identity, gauge: context.gauge, unreadable, ...reporting(context) };
}

/** The walk that reports what does not travel. */
function reportingWalk(source: OpenedContext, context: JobContext): WalkOptions {
  const options = walkOptions(source, context);
  const attributes = new LostAttributes(source.root, options.onChanged, context.gauge);
  return { ...options, attributes };
}

function failuresOnly(context: JobContext): JobContext {
  const say = (word: PathWord): void => {
    if (word.about === 'failed') context.say(word);
  };
  return { ...context, say };
}

/** The context's root may be a symlink; it is resolved once, here. */
function resolveRoot(folder: string): BytePath {
  let root: BytePath;
  let isDirectory: boolean;
  try {
    root = realpathSync.native(folder, 'latin1');
    isDirectory = statSync(toFsPath(root)).isDirectory();
  } catch (error) {
    throw new CtxsyncError(
      'source-missing',
      `the context ${folder} cannot be opened: ${describeSystemError(error)}`,
      { path: folder, cause: error },
    );
  }
  if (!isDirectory) {
    throw new CtxsyncError(
      'source-missing',
      `the context ${folder} is not a folder; for a tar, use "-" and hand it to stdin`,
      { path: folder },
    );
  }
  return root;
}

function listedEntry(entry: SourceEntry, checksum: boolean, gauge: Gauge): ManifestEntry {
  const stamp = stampOf(entry.kind, entry.identity);
  if (!checksum || entry.kind !== 'file') return { ...entry, stamp };
  return { ...entry, stamp, sha256: hashSource(entry, gauge) };
}
