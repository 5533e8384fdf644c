import { Budget } from '../entry/budget.ts';
import type { ByteSink } from '../entry/byte-io.ts';
import { AscendingEntries, EntryTable } from '../entry/earlier-entries.ts';
import { EntryValidator } from '../entry/entry-validator.ts';
import { EntryCopy } from '../entry/entry-copy.ts';
import { TreeReader } from '../entry/tree-reader.ts';
import { unpack } from '../entry/unpack.ts';
import { TarWriter } from '../tar/tar-writer.ts';
import { commit } from '../dest/commit.ts';
import { Comparison } from '../dest/comparison.ts';
import {
  discard,
  hasBase,
  openBase,
  openPartialStages,
  ownUid,
  prepareDestination,
  withDestination,
} from '../dest/destination.ts';
import { readItemFile } from '../dest/item-file.ts';
import { listNames } from '../dest/list-names.ts';
import { LocalChangeWriter } from '../dest/local-changes.ts';
import { refreshLock } from '../dest/lock.ts';
import { OwnCopyWriter } from '../dest/own-copies.ts';
import { Requested } from '../dest/requested.ts';
import { PartialStages } from '../dest/partial-stages.ts';
import { StageWriter } from '../dest/stage-writer.ts';
import type { BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { Ring } from '../flow/ring.ts';
import { LOCK_REFRESH_MS } from '../limits.ts';
import { readManifest } from '../entry/manifest.ts';
import { WantWriter } from '../entry/wants.ts';
import type { Handlers } from './job-context.ts';
import { RingSink, RingSource } from './ring-io.ts';

/** What a receiver's disk worker does for each job; it only connects the layers. */
export const DESTINATION_JOBS: Pick<
  Handlers,
  'prepare' | 'hasBase' | 'compare' | 'unpack' | 'writeTar' | 'commit' | 'itemize' | 'discard'
> = {
  prepare: ({ out, ...options }, { status }) => prepareDestination(out, status, options),

  hasBase: ({ destination, name, others }, { status }) =>
    hasBase(destination, name, others, status),

  compare: (
    { manifest, wants: sharedWants, destination, name, others, index, budget },
    { status, pool },
  ) =>
    withDestination(destination, ({ out, stage }) => {
      const ring = new Ring(sharedWants);
      const source = lockedSource(manifest, out, destination.lock.path, status);
      const names = listNames(index);
      const ownCopies = new OwnCopyWriter(stage, names.ownCopies);
      const wants = new WantWriter(flushedFirst(ownCopies, new RingSink(ring, status)));
      const localChanges = new LocalChangeWriter(stage, names.found);
      const comparison = new Comparison({
        base: openBase(out, name),
        partialStages: new PartialStages(openPartialStages(destination, out, name), status),
        others,
        uid: ownUid(out),
        status,
        pool,
        onWant: (want) => wants.add(want),
        onOwnCopy: (copy) => ownCopies.add(copy),
        onLocalChange: (change) => localChanges.add(change),
      });
      try {
        const validator = validatorOf(budget, false);
        for (const entry of readManifest(source)) {
          validator.check(entry);
          comparison.add(entry);
        }
        comparison.end();
        wants.end();
      } finally {
        comparison.close();
        for (const list of [localChanges, ownCopies]) list.close();
      }
      ring.end();
      return { counts: comparison.counts, wanted: comparison.wanted() };
    }),

  unpack: ({ ring, destination, name, others, budget, unordered, index }, { status, pool }) =>
    withDestination(destination, (opened) => {
      const { out, tree } = opened;
      const source = lockedSource(ring, out, destination.lock.path, status);
      const requested =
        index === undefined ? undefined : new Requested(destination, opened, name, index, status);
      const { omittedFiles } = requested ?? {};
      const options = { omittedFiles, others, pool };
      const stage = new StageWriter(tree, destination.umask, status, options);
      const validator = validatorOf(budget, unordered);
      try {
        unpack(new TreeReader(source, { unordered }), stage, {
          name,
          validator,
          takesOmitted: requested !== undefined,
          onEntry: (kind, path) => {
            status.addEntry();
            requested?.arrived.add(kind, path);
          },
        });
      } finally {
        stage.close();
        requested?.close();
      }
      return {
        root: stage.root,
        arrived: requested?.arrived.digest(),
        omitted: omittedFiles?.counts,
      };
    }),

  writeTar: ({ from, to, name, unordered, budget }, { status }) => {
    const ring = new Ring(to);
    const tree = new TreeReader(new RingSource(new Ring(from), status), { unordered });
    unpack(tree, new EntryCopy(new TarWriter(new RingSink(ring, status)), status), {
      name,
      validator: validatorOf(budget, unordered),
      takesOmitted: false,
      onEntry: () => status.addEntry(),
    });
    ring.end();
  },

  commit: ({ destination, options }, { status }) => commit(destination, options, status),

  itemize: ({ items, ring: shared }, { status }) => {
    const ring = new Ring(shared);
    readItemFile(items, new RingSink(ring, status));
    ring.end();
  },

  discard: ({ destination, keep }, { status }) => discard(destination, status, keep),
};

/** The answer to a want may come at once, so what it refers to must have been written by then. */
function flushedFirst(list: OwnCopyWriter, sink: ByteSink): ByteSink {
  return {
    reserve: () => {
      list.flush();
      return sink.reserve();
    },
    produced: (count) => sink.produced(count),
  };
}

/** Entries in order need no table of all earlier ones. */
function validatorOf(budget: SharedArrayBuffer, unordered: boolean): EntryValidator {
  const earlier = unordered ? new EntryTable() : new AscendingEntries();
  return new EntryValidator(new Budget(new BigInt64Array(budget)), earlier);
}

/** While we wait for the sender, our lock must not look stale. */
function lockedSource(
  ring: SharedArrayBuffer,
  out: HeldDirectory,
  lock: BytePath,
  status: WorkerStatus,
): RingSource {
  return new RingSource(new Ring(ring), status, LOCK_REFRESH_MS, () => {
    status.enter('locking', lock);
    refreshLock(out);
  });
}
