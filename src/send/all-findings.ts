import { MAX_FINDING_EXAMPLES } from '../limits.ts';
import type { Finding } from '../report.ts';

/** What was found in all contexts of a transfer, by kind. */
export class AllFindings {
  readonly #found: Finding[] = [];

  /** @param name of the context, which precedes its paths; '' for none */
  add(findings: readonly Finding[], name: string): void {
    for (const { kind, count, entries, bytes, examples } of findings) {
      const named = examples.map((each) => ({ path: within(name, each.path), bytes: each.bytes }));
      const known = this.#found.find((each) => each.kind === kind);
      if (known === undefined) {
        this.#found.push({ kind, count, entries, bytes, examples: named });
        continue;
      }
      known.count += count;
      known.entries += entries;
      known.bytes += bytes;
      known.examples = [...known.examples, ...named].slice(0, MAX_FINDING_EXAMPLES);
    }
  }

  get all(): readonly Finding[] {
    return this.#found;
  }
}

function within(name: string, path: string): string {
  if (name === '') return path;
  return path === '' ? name : `${name}/${path}`;
}
