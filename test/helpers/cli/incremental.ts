import { Budget } from '../../../src/entry/budget.ts';
import { EntryValidator } from '../../../src/entry/entry-validator.ts';
import { hashSource, pack } from '../../../src/entry/pack.ts';
import { UnreadablePaths } from '../../../src/disk/unreadable-paths.ts';
import { AscendingEntries } from '../../../src/entry/earlier-entries.ts';
import { TreeReader } from '../../../src/entry/tree-reader.ts';
import { unpack } from '../../../src/entry/unpack.ts';
import { commit, type ComparedContext, type CommitResult } from '../../../src/dest/commit.ts';
import { Comparison, type ComparisonCounts } from '../../../src/dest/comparison.ts';
import {
  discard,
  localChangesName,
  openBase,
  openPartialStages,
  prepareDestination,
  withDestination,
  type Destination,
} from '../../../src/dest/destination.ts';
import { LocalChangeWriter, type LocalChange } from '../../../src/dest/local-changes.ts';
import { PartialStages } from '../../../src/dest/partial-stages.ts';
import { StageWriter } from '../../../src/dest/stage-writer.ts';
import { fromText, joinPath, type BytePath } from '../../../src/disk/byte-path.ts';
import type { HeldDirectory } from '../../../src/disk/held-directory.ts';
import { WorkerStatus } from '../../../src/disk/worker-status.ts';
import type { ManifestEntry, SourceEntry, Want } from '../../../src/entry/entry.ts';
import { ManifestWriter, readManifest } from '../../../src/entry/manifest.ts';
import { WantReader, WantWriter } from '../../../src/entry/wants.ts';
import { parseIgnoreFile } from '../../../src/ignore/ignore-file.ts';
import { IgnoreRules } from '../../../src/ignore/ignore-rules.ts';
import { stampOf } from '../../../src/tree/stamp.ts';
import { walkWanted } from '../../../src/tree/walk-wanted.ts';
import { walk, type WalkOptions } from '../../../src/tree/walk.ts';
import { mirrorOf } from './mirror.ts';
import { tryHold } from '../disk/held.ts';
import { MemorySink, MemorySource } from '../trees/archive-io.ts';

/** How a test walks a context: with the rules of this ignore file, and no reports. */
export function walkOptions(ignoreFile = '', status = new WorkerStatus()): WalkOptions {
  const rules = new IgnoreRules(parseIgnoreFile(Buffer.from(ignoreFile), '.dockerignore'));
  const unreadable = new UnreadablePaths();
  return { rules, status, unreadable, onSkipped: () => {}, onChanged: () => {} };
}

/** What a walk yields, without the fields that are valid only during the walk. */
export function entriesOf(root: string, ignoreFile = ''): ManifestEntry[] {
  return Array.from(walk(fromText(root), walkOptions(ignoreFile)), bare);
}

/** The same, with digests. */
export function checksummed(root: string): ManifestEntry[] {
  const status = new WorkerStatus();
  return Array.from(walk(fromText(root), walkOptions('', status)), (entry) =>
    entry.kind === 'file' ? { ...bare(entry), sha256: hashSource(entry, status) } : bare(entry),
  );
}

export function bare({
  path,
  kind,
  mode,
  mtimeUs,
  size,
  link,
  linked,
  identity,
}: SourceEntry): ManifestEntry {
  const stamp = stampOf(kind, identity);
  const entry: ManifestEntry = { path, kind, mode, mtimeUs, size, stamp };
  if (link !== undefined) entry.link = link;
  if (linked !== undefined) entry.linked = linked;
  return entry;
}

/** The stream of a manifest. */
export function manifestBytes(entries: Iterable<ManifestEntry>): Buffer {
  const sink = new MemorySink();
  const writer = new ManifestWriter(sink);
  for (const entry of entries) writer.add(entry);
  writer.end();
  return sink.bytes();
}

/** The stream of a list of wants. */
export function wantBytes(wants: Iterable<Want>): Buffer {
  const sink = new MemorySink();
  const writer = new WantWriter(sink);
  for (const want of wants) writer.add(want);
  writer.end();
  return sink.bytes();
}

export interface Compared {
  wants: Want[];
  localChanges: LocalChange[];
  counts: ComparisonCounts;
}

export interface CompareOptions {
  /** Trees of the stages of runs that broke off. */
  partialStages?: readonly BytePath[];
  /** Names of other contexts. */
  others?: readonly BytePath[];
}

/** Compares a context with a directory. */
export function compare(
  base: string,
  entries: Iterable<ManifestEntry>,
  { partialStages = [], others = [] }: CompareOptions = {},
): Compared {
  return compareWith(tryHold(base), entries, partialStages.map(tryHold), others);
}

function compareWith(
  base: HeldDirectory | undefined,
  entries: Iterable<ManifestEntry>,
  partialStages: readonly (HeldDirectory | undefined)[],
  others: readonly BytePath[],
): Compared {
  const status = new WorkerStatus();
  const wants: Want[] = [];
  const localChanges: LocalChange[] = [];
  const comparison = new Comparison({
    base,
    partialStages: new PartialStages(partialStages, status),
    others,
    status,
    onWant: (want) => wants.push(want),
    onLocalChange: (change) => localChanges.push(change),
  });
  try {
    for (const entry of entries) comparison.add(entry);
    comparison.end();
  } finally {
    comparison.close();
  }
  return { wants, localChanges, counts: comparison.counts };
}

export interface UpdateOptions {
  delete?: boolean;
  checksum?: boolean;
  /** Contexts that are sent whole, and not compared. */
  whole?: readonly string[];
  /** Notified of each step of the commit. */
  status?: WorkerStatus;
}

export interface Updated extends CommitResult {
  /** Of all contexts, the names of the contexts before their paths. */
  wants: Want[];
  /** Bytes of file content that were sent. */
  bytes: number;
}

/** Transfers contexts (directories by name) to OUT as two sides do, but without the wire. */
export function update(
  out: string,
  contexts: Record<string, string>,
  options: UpdateOptions = {},
): Updated {
  const destination = prepareDestination(fromText(out), new WorkerStatus(), { follow: true });
  try {
    const run = new Update(destination, Object.keys(contexts), options);
    for (const [name, directory] of Object.entries(contexts)) run.context(name, directory);
    return { ...run.commit(), wants: run.wants, bytes: run.status.read().bytes };
  } catch (error) {
    discard(destination, new WorkerStatus());
    throw error;
  }
}

class Update {
  readonly wants: Want[] = [];
  readonly status = new WorkerStatus();
  readonly #destination: Destination;
  readonly #names: readonly string[];
  readonly #options: UpdateOptions;
  readonly #compared: ComparedContext[] = [];
  #root: StageWriter['root'];

  constructor(destination: Destination, names: readonly string[], options: UpdateOptions) {
    this.#destination = destination;
    this.#names = names;
    this.#options = options;
  }

  context(name: string, directory: string): void {
    const root = fromText(directory);
    const sink = new MemorySink();
    if (this.#options.whole?.includes(name) === true) {
      pack(walk(root, walkOptions()), sink, this.status, new UnreadablePaths());
    } else {
      const wants = new WantReader(new MemorySource(this.#compare(name, directory)));
      pack(walkWanted(root, wants, walkOptions()), sink, this.status, new UnreadablePaths());
    }
    this.#unpack(name, sink.bytes());
  }

  commit(): CommitResult {
    const { delete: mirror = false, status = new WorkerStatus() } = this.#options;
    const options = {
      mirror: mirrorOf(mirror, this.#names),
      root: this.#root,
      compared: this.#compared,
      itemizes: false,
    };
    return commit(this.#destination, options, status);
  }

  #compare(name: string, directory: string): Buffer {
    const destination = this.#destination;
    const entries = this.#options.checksum === true ? checksummed(directory) : entriesOf(directory);
    const file = localChangesName(this.#compared.length);
    const others = name === '' ? this.#names.filter((each) => each !== '') : [];
    const manifest = readManifest(new MemorySource(manifestBytes(entries)));
    const { wants } = withDestination(destination, ({ out, stage }) => {
      const partialStages = openPartialStages(destination, out, name);
      const compared = compareWith(openBase(out, name), manifest, partialStages, others);
      const writer = new LocalChangeWriter(stage, file);
      for (const change of compared.localChanges) writer.add(change);
      writer.close();
      return compared;
    });
    this.#compared.push({ name, localChanges: file });
    this.wants.push(...wants.map((want) => ({ ...want, path: joinPath(name, want.path) })));
    return wantBytes(wants);
  }

  #unpack(name: string, tree: Uint8Array): void {
    const destination = this.#destination;
    withDestination(destination, ({ out, tree: stageTree }) => {
      const status = new WorkerStatus();
      const partialStages = new PartialStages(openPartialStages(destination, out), status);
      const stage = new StageWriter(stageTree, destination.umask, status, { partialStages });
      try {
        const budget = Budget.create({ maxEntries: 1e6, maxBytes: 1e12 });
        unpack(new TreeReader(new MemorySource(tree), { unordered: false }), stage, {
          name,
          validator: new EntryValidator(budget, new AscendingEntries()),
          takesOmitted: !partialStages.empty,
          onEntry: () => {},
        });
      } finally {
        stage.close();
        partialStages.close();
      }
      this.#root ??= stage.root;
    });
  }
}
