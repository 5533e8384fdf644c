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
  openBase,
  openPartialStages,
  ownUid,
  prepareDestination,
  withDestination,
  type Destination,
} from '../../../src/dest/destination.ts';
import { listNames } from '../../../src/dest/list-names.ts';
import { LocalChangeWriter, type LocalChange } from '../../../src/dest/local-changes.ts';
import type { OmittedCounts } from '../../../src/dest/omitted-files.ts';
import { OwnCopyWriter, type OwnCopy } from '../../../src/dest/own-copies.ts';
import { PartialStages } from '../../../src/dest/partial-stages.ts';
import { Requested } from '../../../src/dest/requested.ts';
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
  ownCopies: OwnCopy[];
  localChanges: LocalChange[];
  counts: ComparisonCounts;
}

export interface CompareOptions {
  /** Trees of the stages of runs that broke off. */
  partialStages?: readonly BytePath[];
  /** Names of other contexts. */
  others?: readonly BytePath[];
  /** Whose files may be changed in place; default: ours. */
  uid?: bigint | undefined;
  /** Notified of each step. */
  status?: WorkerStatus;
}

/** Compares a context with a directory. */
export function compare(
  base: string,
  entries: Iterable<ManifestEntry>,
  { partialStages = [], others = [], ...options }: CompareOptions = {},
): Compared {
  const uid = 'uid' in options ? options.uid : ourUid();
  const { status } = options;
  return compareWith(tryHold(base), entries, partialStages.map(tryHold), others, uid, status);
}

export function ourUid(): bigint {
  return BigInt(process.geteuid!());
}

function compareWith(
  base: HeldDirectory | undefined,
  entries: Iterable<ManifestEntry>,
  partialStages: readonly (HeldDirectory | undefined)[],
  others: readonly BytePath[],
  uid: bigint | undefined,
  status = new WorkerStatus(),
): Compared {
  const wants: Want[] = [];
  const ownCopies: OwnCopy[] = [];
  const localChanges: LocalChange[] = [];
  const comparison = new Comparison({
    base,
    partialStages: new PartialStages(partialStages, status),
    others,
    uid,
    status,
    onWant: (want) => wants.push(want),
    onOwnCopy: (copy) => ownCopies.push(copy),
    onLocalChange: (change) => localChanges.push(change),
  });
  try {
    for (const entry of entries) comparison.add(entry);
    comparison.end();
  } finally {
    comparison.close();
  }
  return { wants, ownCopies, localChanges, counts: comparison.counts };
}

export interface UpdateOptions {
  delete?: boolean;
  checksum?: boolean;
  /** Contexts that are sent whole, and not compared. */
  whole?: readonly string[];
  /** Notified of each step of the commit. */
  status?: WorkerStatus;
  /** Called when a context was compared, before anything of it is sent. */
  afterComparison?: () => void;
  /** Called when everything has arrived, before the commit. */
  beforeCommit?: () => void;
}

export interface Updated extends CommitResult {
  /** Of all contexts, the names of the contexts before their paths. */
  wants: Want[];
  /** Bytes of file content that were sent. */
  bytes: number;
  /** Files that came without content. */
  omitted: OmittedCounts;
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
    options.beforeCommit?.();
    const { wants, omitted, status } = run;
    return { ...run.commit(), wants, omitted, bytes: status.read().bytes };
  } catch (error) {
    discard(destination, new WorkerStatus());
    throw error;
  }
}

class Update {
  readonly wants: Want[] = [];
  readonly omitted: OmittedCounts = { metadataOnly: 0, reused: 0 };
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
    const isWhole = this.#options.whole?.includes(name) === true;
    const index = isWhole ? undefined : this.#compared.length;
    if (isWhole) {
      pack(walk(root, walkOptions()), sink, this.status, new UnreadablePaths());
    } else {
      const wants = new WantReader(new MemorySource(this.#compare(name, directory)));
      this.#options.afterComparison?.();
      pack(walkWanted(root, wants, walkOptions()), sink, this.status, new UnreadablePaths());
    }
    this.#unpack(name, sink.bytes(), index);
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
    const { found, answered, ownCopies } = listNames(this.#compared.length);
    const others = name === '' ? this.#names.filter((each) => each !== '') : [];
    const manifest = readManifest(new MemorySource(manifestBytes(entries)));
    const { wants } = withDestination(destination, ({ out, stage }) => {
      const partialStages = openPartialStages(destination, out, name);
      const uid = ownUid(out);
      const compared = compareWith(openBase(out, name), manifest, partialStages, others, uid);
      const changes = new LocalChangeWriter(stage, found);
      for (const change of compared.localChanges) changes.add(change);
      changes.close();
      const copies = new OwnCopyWriter(stage, ownCopies);
      for (const copy of compared.ownCopies) copies.add(copy);
      copies.close();
      return compared;
    });
    this.#compared.push({ name, localChanges: [answered, found] });
    this.wants.push(...wants.map((want) => ({ ...want, path: joinPath(name, want.path) })));
    return wantBytes(wants);
  }

  #unpack(name: string, tree: Uint8Array, index: number | undefined): void {
    const destination = this.#destination;
    withDestination(destination, (opened) => {
      const status = new WorkerStatus();
      const requested =
        index === undefined ? undefined : new Requested(destination, opened, name, index, status);
      const { omittedFiles } = requested ?? {};
      const stage = new StageWriter(opened.tree, destination.umask, status, { omittedFiles });
      try {
        const budget = Budget.create({ maxEntries: 1e6, maxBytes: 1e12 });
        unpack(new TreeReader(new MemorySource(tree), { unordered: false }), stage, {
          name,
          validator: new EntryValidator(budget, new AscendingEntries()),
          takesOmitted: requested !== undefined,
          onEntry: () => {},
        });
      } finally {
        stage.close();
        requested?.close();
      }
      this.omitted.metadataOnly += omittedFiles?.counts.metadataOnly ?? 0;
      this.omitted.reused += omittedFiles?.counts.reused ?? 0;
      this.#root ??= stage.root;
    });
  }
}
