import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Mutant {
  name: string;
  edits: { file: string; find: string }[];
}

const TABLE = new URL('table.js', import.meta.url).href;
const { MUTANTS } = (await import(TABLE)) as { MUTANTS: Mutant[] };
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

// `npm run mutants` runs them, which takes minutes; that a line has moved is seen here.
test.each(MUTANTS.map(({ name, edits }) => [name, edits] as const))(
  'the text that the mutant "%s" changes is in its file once',
  (_, edits) => {
    for (const { file, find } of edits) {
      expect(readFileSync(join(ROOT, file), 'utf8').split(find)).toHaveLength(2);
    }
  },
);
