import type { Budget } from '../entry/budget.ts';
import type { ComparedContext } from '../dest/commit.ts';
import type { ComparisonCounts } from '../dest/comparison.ts';
import type { Destination } from '../dest/destination.ts';
import { listNames } from '../dest/list-names.ts';
import type { BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { MAX_STREAMS } from '../limits.ts';
import type { DiskThreads } from '../transfer/disk-threads.ts';
import { drain } from './drain.ts';
import type { ComparisonProgress } from './target.ts';
import type { Monitor } from '../transfer/monitor.ts';

export interface ComparisonsOptions {
  threads: DiskThreads;
  monitor: Monitor;
  /** Limits on what may be offered. */
  budget: Budget;
  /**
   * Opens a stream to the sender that lists the wanted entries of a context, or asks for all. Settles
   * when it was handed over.
   */
  openWants: (name: string, ring: Ring, all: boolean) => Promise<void>;
  /** Called when a context was compared: the sender waits for what that means. */
  onCompared: () => void;
}

/** Where a context is received. */
export interface Site {
  destination: Destination;
  /** The directory in OUT that it becomes; '' is OUT itself. */
  at: BytePath;
  /** Names in OUT of the other contexts. */
  others: readonly BytePath[];
}

interface Compared {
  /** The context's index: names its lists in the stage. */
  index: number;
  at: BytePath;
  /** Absent while the comparison runs. */
  result?: { counts: ComparisonCounts; wanted: string };
}

/** Contexts of which only changes are sent: manifests in, wants out, one thread each. */
export class Comparisons {
  readonly #options: ComparisonsOptions;
  /** By context name. */
  readonly #compared = new Map<string, Compared>();
  #count = 0;
  /** The threads that compare or have compared. */
  readonly #statuses: WorkerStatus[] = [];
  /** Contexts that are wanted whole. */
  #wholes = 0;
  /** Contexts that were compared. */
  #finished = 0;
  /** Manifests whose answers have not been handed over. */
  #open = 0;

  constructor(options: ComparisonsOptions) {
    this.#options = options;
  }

  /**
   * Compares a manifest with what is there, and asks for the rest.
   * @param site settles when the destination is prepared
   * @throws CtxsyncError corrupt, unsafe-entry, over-limit, not-writable
   */
  async compare(name: string, manifest: Ring, site: () => Promise<Site>): Promise<void> {
    if (this.#open === MAX_STREAMS) {
      throw new CtxsyncError(
        'corrupt',
        `more than ${MAX_STREAMS} manifests that were not answered`,
      );
    }
    this.#open += 1;
    const { threads, monitor, openWants, onCompared } = this.#options;
    const index = this.#count++;
    const { destination, at, others } = await site();
    const thread = threads.start();
    monitor.watch(thread, false);
    const wants = threads.ring('want');
    const base = { destination, name: at, others };
    if (await threads.run(thread, 'hasBase', base)) {
      const compared: Compared = { index, at };
      this.#compared.set(name, compared);
      this.#statuses.push(thread.status);
      monitor.compare();
      const told = openWants(name, wants, false);
      const rings = { manifest: manifest.shared, wants: wants.shared };
      const budget = this.#options.budget.shared.buffer;
      const input = { ...base, ...rings, index, budget };
      compared.result = await threads.run(thread, 'compare', input);
      this.#finished += 1;
      onCompared();
      await told;
    } else {
      this.#wholes += 1;
      wants.end();
      await Promise.all([openWants(name, wants, true), drain(manifest)]);
    }
    this.#open -= 1;
    await threads.release(thread, manifest, wants);
  }

  /** The index of this context, if its entries were asked for individually. */
  indexOf(name: string): number | undefined {
    return this.#compared.get(name)?.index;
  }

  /** @returns undefined before any context is compared */
  progress(contexts: readonly string[]): ComparisonProgress | undefined {
    if (this.#statuses.length === 0) return undefined;
    const compared = { entries: 0, bytes: 0 };
    const wanted = { entries: 0, bytes: 0 };
    for (const status of this.#statuses) {
      const { entries, bytes, wantedEntries, wantedBytes } = status.read();
      compared.entries += entries;
      compared.bytes += bytes;
      wanted.entries += wantedEntries;
      wanted.bytes += wantedBytes;
    }
    const isOver = this.#finished + this.#wholes === contexts.length;
    return { comparing: { compared, wanted, isOver }, wantsWhole: this.#wholes > 0 };
  }

  counts(name: string): ComparisonCounts | undefined {
    return this.#compared.get(name)?.result?.counts;
  }

  /** What the commit must know about the compared contexts. */
  contexts(): ComparedContext[] {
    return Array.from(this.#compared.values(), ({ index, at }) => {
      const { found, answered } = listNames(index);
      // A file that was found to stay may get another name, which makes it another version.
      return { name: at, localChanges: [answered, found] };
    });
  }

  /**
   * Checks that exactly what was asked for has arrived: the rest of OUT was found to be correct.
   * @param arrivedOf the EntryDigest of what arrived of a context
   * @throws CtxsyncError corrupt
   */
  check(arrivedOf: (name: string) => string | undefined): void {
    for (const [name, { result }] of this.#compared) {
      if (result === undefined || arrivedOf(name) === result.wanted) continue;
      throw new CtxsyncError(
        'corrupt',
        `the sender did not send exactly the ${result.counts.wanted} entries of the context "${name}" that were asked for`,
      );
    }
  }
}
