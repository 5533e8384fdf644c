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
  /** What may be offered. */
  budget: Budget;
  /**
   * Opens a stream to the sender: which entries of a context are wanted, or that all are. Settles
   * when it was handed over.
   */
  openWants: (name: string, ring: Ring, all: boolean) => Promise<void>;
}

/** Where a context is to land. */
export interface Site {
  destination: Destination;
  /** The directory in OUT that it becomes; '' is OUT itself. */
  at: BytePath;
  /** Names in OUT that other contexts become. */
  others: readonly BytePath[];
}

interface Compared {
  counts: ComparisonCounts;
  /** EntryDigest of what was asked for. */
  wanted: string;
  context: ComparedContext;
}

/** Contexts of which only the changes come: manifests in, wants out, one thread each. */
export class Comparisons {
  readonly #options: ComparisonsOptions;
  /** By the names of the contexts; undefined as long as it goes on. */
  readonly #compared = new Map<string, Compared | undefined>();
  #count = 0;
  /** Manifests whose answers have not been handed over. */
  #open = 0;

  constructor(options: ComparisonsOptions) {
    this.#options = options;
  }

  /**
   * Holds a manifest against what is there, and asks for the rest.
   * @param site settles when there is a place
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
    const wants = threads.ring();
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

  /** Whether entries of this context were asked for one by one. */
  has(name: string): boolean {
    return this.#compared.has(name);
  }

  counts(name: string): ComparisonCounts | undefined {
    return this.#compared.get(name)?.counts;
  }

  /** What the commit has to know of them. */
  contexts(): ComparedContext[] {
    return [...this.#compared.values()].flatMap((each) =>
      each === undefined ? [] : [each.context],
    );
  }

  /**
   * What was asked for has to come, and nothing else: the rest of OUT was found to be right.
   * @param arrivedOf the EntryDigest of what came of a context
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
