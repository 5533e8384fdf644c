import { Budget } from '../entry/budget.ts';
import { AscendingEntries } from '../entry/earlier-entries.ts';
import { EntryValidator } from '../entry/entry-validator.ts';
import { unpack } from '../tar/unpack.ts';
import { TarReader } from '../tar/tar-reader.ts';
import { commit } from '../dest/commit.ts';
import { Comparison } from '../dest/comparison.ts';
import {
  discard,
  editsName,
  hasBase,
  openBase,
  openRemains,
  prepareDestination,
  withDestination,
} from '../dest/destination.ts';
import { EditWriter } from '../dest/local-changes.ts';
import { refreshLock } from '../dest/lock.ts';
import { Remains } from '../dest/partial-stages.ts';
import { StageWriter } from '../dest/stage-writer.ts';
import type { BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/worker-status.ts';
import { EntryDigest } from '../entry/entry-digest.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { Ring } from '../flow/ring.ts';
import { LOCK_REFRESH_MS } from '../limits.ts';
import { readManifest } from '../entry/manifest.ts';
import { WantWriter } from '../entry/wants.ts';
import { reporting, type Handlers } from './job-context.ts';
import { RingSink, RingSource } from './ring-io.ts';
import { ORIGINS } from './tar-jobs.ts';

/** What a receiver's disk worker does for each job: the layers put together, nothing more. */
export const DESTINATION_JOBS: Pick<
  Handlers,
  'prepare' | 'hasBase' | 'compare' | 'unpack' | 'commit' | 'discard'
> = {
  prepare: ({ out, ...options }, { gauge }) => prepareDestination(out, gauge, options),

  hasBase: ({ destination, name, others }, { gauge }) => hasBase(destination, name, others, gauge),

  compare: (
    { manifest, wants: sharedWants, destination, name, others, index, budget },
    { gauge },
  ) =>
    withDestination(destination, ({ out, stage }) => {
      const ring = new Ring(sharedWants);
      const source = lockedSource(manifest, out, destination.lock.path, gauge);
      const wants = new WantWriter(new RingSink(ring, gauge));
      const edits = new EditWriter(stage, editsName(index));
      const comparison = new Comparison({
        base: openBase(out, name),
        remains: new Remains(openRemains(destination, out, name), gauge),
        others,
        gauge,
        onWant: (want) => wants.add(want),
        onEdit: (edit) => edits.add(edit),
      });
      try {
        const validator = new EntryValidator(
          new Budget(new BigInt64Array(budget)),
          new AscendingEntries(),
        );
        for (const entry of readManifest(source)) {
          validator.check(entry);
          comparison.add(entry);
        }
        comparison.end();
      } finally {
        comparison.close();
        edits.close();
      }
      wants.end();
      ring.end();
      return { counts: comparison.counts, wanted: comparison.wanted(), edits: editsName(index) };
    }),

  unpack: ({ ring, destination, name, others, budget, wanted }, context) =>
    withDestination(destination, ({ out, tree }) => {
      const { gauge } = context;
      const source = lockedSource(ring, out, destination.lock.path, gauge);
      const arrived = wanted ? new EntryDigest() : undefined;
      // Only what was compared can be found to be there.
      const remains = new Remains(wanted ? openRemains(destination, out) : [], gauge);
      const stage = new StageWriter(tree, destination.umask, gauge, { remains, others });
      const validator = new EntryValidator(new Budget(new BigInt64Array(budget)));
      try {
        unpack(new TarReader(source, ORIGINS.stream), stage, {
          name,
          validator,
          addFolders: false,
          takesKept: !remains.empty,
          ...reporting(context),
          onEntry: (kind, path) => {
            gauge.addEntry();
            arrived?.add(kind, path);
          },
        });
      } finally {
        stage.close();
        remains.close();
      }
      return { root: stage.root, arrived: arrived?.digest() };
    }),

  commit: ({ destination, options }, { gauge }) => commit(destination, options, gauge),

  discard: ({ destination, keep }, { gauge }) => discard(destination, gauge, keep),
};

/** While we wait for the sender, our lock must not look as if we were dead. */
function lockedSource(
  ring: SharedArrayBuffer,
  out: HeldDirectory,
  lock: BytePath,
  gauge: Gauge,
): RingSource {
  return new RingSource(new Ring(ring), gauge, LOCK_REFRESH_MS, () => {
    gauge.enter('locking', lock);
    refreshLock(out);
  });
}
