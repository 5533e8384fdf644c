import type { BytePath } from '../disk/byte-path.ts';
import type { CommitOptions, CommitResult } from '../dest/commit.ts';
import type { ComparisonCounts } from '../dest/comparison.ts';
import type { Destination, Keep } from '../dest/destination.ts';
import type { OmittedCounts } from '../dest/omitted-files.ts';
import type { Metadata } from '../disk/held-directory.ts';
import type { Inode } from '../disk/inode.ts';
import type { ErrorCode, Remedy } from '../errors.ts';
import type { IgnoreFile, IgnoreOptions, GivenRule } from '../ignore/load-rules.ts';
import type { Finding } from '../report.ts';
import type { FindingOptions } from '../survey/findings.ts';
import type { PathExplanation } from '../survey/path-report.ts';
import type { ContextSurvey } from '../survey/survey-report.ts';

/** A note about a path, sent while a job runs. */
export interface PathNote {
  about: 'skipped' | 'changed' | 'failed';
  path: BytePath;
  reason: string;
}

/** The number of further paths, not sent by name. */
export interface UnnamedPaths {
  about: PathNote['about'];
  count: number;
}

/** A context directory on the sender's disk, as the user named it. */
export interface ContextSource {
  directory: string;
  ignore: IgnoreOptions;
}

/** An opened context: all of its walks start at the same directory and use the same rules. */
export interface OpenedContext {
  root: BytePath;
  identity: Inode;
  ignoreFile: IgnoreFile | undefined;
  rules: readonly (string | GivenRule)[];
}

/** Every operation on a disk, as a message to a disk worker. Rings and budgets are shared. */
export interface Jobs {
  /** Reads the file that --ignore-file names; "-" is stdin. */
  readIgnoreFile: { input: { path: string }; result: IgnoreFile };
  /** Finds the root of a context and its rules. `ignoreFile`: that of --ignore-file, if given. */
  openContext: {
    input: { source: ContextSource; ignoreFile: IgnoreFile | undefined };
    result: OpenedContext;
  };
  /** Walks a directory and packs it into the ring. */
  pack: {
    input: { source: OpenedContext; ring: SharedArrayBuffer; checks: FindingOptions };
    result: Finding[];
  };
  /** Walks a directory, writes a manifest of it into the ring, and counts what it lists. */
  list: {
    input: {
      source: OpenedContext;
      ring: SharedArrayBuffer;
      checksum: boolean;
      checks: FindingOptions;
    };
    result: { amount: { entries: number; bytes: number }; findings: Finding[] };
  };
  /** Walks to the entries wanted, which come through one ring, and packs them into the other. */
  packWanted: {
    input: { source: OpenedContext; wants: SharedArrayBuffer; ring: SharedArrayBuffer };
    result: void;
  };
  /** Counts what would be sent of a context. */
  count: { input: { source: OpenedContext }; result: { entries: number; bytes: number } };
  /** Walks a directory, ignored ones in it too, and finds out what would be sent and why. */
  survey: {
    input: { source: OpenedContext; measureIgnored: boolean; largest: number; largeBytes: number };
    result: ContextSurvey;
  };
  /** Explains what becomes of one path, given as text. */
  explainPath: {
    input: { source: OpenedContext; path: string; measureIgnored: boolean };
    result: PathExplanation;
  };
  /** Walks a directory as `survey` does and writes a line for each path into the ring. */
  listVerdicts: {
    input: {
      source: OpenedContext;
      measureIgnored: boolean;
      /** The name under which the context is sent. */
      name: BytePath;
      nullTerminated: boolean;
      ring: SharedArrayBuffer;
    };
    result: void;
  };
  /** Checks the tar that comes through one ring and packs its entries into the other. */
  readTar: { input: { from: SharedArrayBuffer; to: SharedArrayBuffer }; result: void };
  /** Checks the entries that come in any order through one ring and packs them into the other. */
  readEntries: { input: { from: SharedArrayBuffer; to: SharedArrayBuffer }; result: void };
  /** Checks the tree that comes through one ring and writes a tar of it into the other. */
  writeTar: {
    input: {
      from: SharedArrayBuffer;
      to: SharedArrayBuffer;
      /** The directory in the tar that the context becomes. */
      name: BytePath;
      unordered: boolean;
      budget: SharedArrayBuffer;
    };
    result: void;
  };
  /** Locks OUT and creates a stage in it. `follow`: OUT may be a symlink. */
  prepare: { input: { out: BytePath; follow: boolean; mirrors: boolean }; result: Destination };
  /** Whether there is anything to compare a context with. */
  hasBase: {
    input: { destination: Destination; name: BytePath; others: readonly BytePath[] };
    result: boolean;
  };
  /** Compares OUT with the manifest that comes through one ring, and writes what is wanted. */
  compare: {
    input: {
      manifest: SharedArrayBuffer;
      wants: SharedArrayBuffer;
      destination: Destination;
      name: BytePath;
      /** Names in OUT that other contexts become. */
      others: readonly BytePath[];
      /** The context's index: distinguishes its lists in the stage from those of others. */
      index: number;
      budget: SharedArrayBuffer;
    };
    /** `wanted`: the EntryDigest of the wants. */
    result: { counts: ComparisonCounts; wanted: string };
  };
  /** Checks the tree that comes through the ring and builds it in the stage. */
  unpack: {
    input: {
      ring: SharedArrayBuffer;
      destination: Destination;
      name: BytePath;
      /** Names in OUT that other contexts become. */
      others: readonly BytePath[];
      budget: SharedArrayBuffer;
      unordered: boolean;
      /** The context's index, if the entries were requested one by one. */
      index: number | undefined;
    };
    /** The others are of entries that were requested. `arrived`: their EntryDigest. */
    result: {
      root: Metadata | undefined;
      arrived: string | undefined;
      omitted: OmittedCounts | undefined;
    };
  };
  /** Makes the calls of another disk thread's pool, until that thread needs none any more. */
  serveCalls: { input: { queue: SharedArrayBuffer }; result: void };
  commit: { input: { destination: Destination; options: CommitOptions }; result: CommitResult };
  /** Writes the list of what a commit of this thread has changed into the ring. `items`: its descriptor. */
  itemize: { input: { items: number; ring: SharedArrayBuffer }; result: void };
  /** Undoes what a run that does not commit has done to OUT. */
  discard: { input: { destination: Destination; keep: Keep }; result: void };
}

export type JobName = keyof Jobs;

export type JobMessage<Names extends JobName = JobName> = {
  [Name in Names]: { name: Name; input: Jobs[Name]['input'] };
}[Names];

/**
 * What a worker replies: while it works, notes about paths and the queue of its pool, once that opens; then one
 * result or error.
 */
export type JobReply =
  | { type: 'note'; note: PathNote | UnnamedPaths }
  | { type: 'pool'; queue: SharedArrayBuffer }
  | { type: 'result'; result: unknown }
  | {
      type: 'error';
      code: ErrorCode;
      message: string;
      path: string | undefined;
      line: number | undefined;
      remedy: Remedy | undefined;
      holder: string | undefined;
      forPeer: string | undefined;
      stack: string;
    };
