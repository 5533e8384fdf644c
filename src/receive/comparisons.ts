import type { Budget } from '../entry/budget.ts';
import type { ComparedContext } from '../dest/commit.ts';
import type { ComparisonCounts } from '../dest/comparison.ts';
import type { Destination } from '../dest/destination.ts';
import type { BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import { MAX_STREAMS } from '../limits.ts';
import type { DiskThreads } from '../transfer/disk-threads.ts';
import { drain } from './drain.ts';
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
  counts: ComparisonCounts;
  /** EntryDigest of what was asked for. */
  wanted: string;
  context: ComparedContext;
}

/** Contexts of which only changes are sent: manifests in, wants out, one thread each. */
export class Comparisons {
  readonly #options: ComparisonsOptions;
  /** By context name; undefined while the comparison runs. */
  readonly #compared = new Map<string, Compared | undefined>();
  #count = 0;
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
    const { threads, monitor, openWants } = this.#options;
    const index = this.#count++;
    const { destination, at, others } = await site();
    const thread = threads.start();
    monitor.watch(thread, false);
    const wants = threads.ring('want');
    const base = { destination, name: at, others };
    if (await threads.run(thread, 'hasBase', base)) {
      this.#compared.set(name, undefined);
      const told = openWants(name, wants, false);
      const rings = { manifest: manifest.shared, wants: wants.shared };
      const budget = this.#options.budget.shared.buffer;
      const input = { ...base, ...rings, index, budget };
      const { localChanges, ...result } = await threads.run(thread, 'compare', input);
      this.#compared.set(name, { ...result, context: { name: at, localChanges } });
      await told;
    } else {
      wants.end();
      await Promise.all([openWants(name, wants, true), drain(manifest)]);
    }
    this.#open -= 1;
    await threads.release(thread, manifest, wants);
  }

  /** Whether entries of this context were asked for individually. */
  has(name: string): boolean {
    return this.#compared.has(name);
  }

  counts(name: string): ComparisonCounts | undefined {
    return this.#compared.get(name)?.counts;
  }

  /** What the commit must know about the compared contexts. */
  contexts(): ComparedContext[] {
    return [...this.#compared.values()].flatMap((each) =>
      each === undefined ? [] : [each.context],
    );
  }

  /**
   * Checks that exactly what was asked for has arrived: the rest of OUT was found to be correct.
   * @param arrivedOf the EntryDigest of what arrived of a context
   * @throws CtxsyncError corrupt
   */
  check(arrivedOf: (name: string) => string | undefined): void {
    for (const [name, compared] of this.#compared) {
      if (compared === undefined || arrivedOf(name) === compared.wanted) continue;
      throw new CtxsyncError(
        'corrupt',
        `the sender did not send exactly the ${compared.counts.wanted} entries of the context "${name}" that were asked for`,
      );
    }
  }
}
