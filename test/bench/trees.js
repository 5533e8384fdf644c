import { appendFileSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MiB = 2 ** 20;

/** The trees that are measured, by name, each with what it is for people, and how to make it. */
export const TREES = {
  small: {
    what: '40,000 files of 4 KiB on average in 2,000 directories',
    make: (root) => makeFiles(root, { directories: 2_000, files: 20, averageBytes: 4_096 }),
  },
  few: {
    what: '5,000 files of 4 KiB on average in 250 directories',
    make: (root) => makeFiles(root, { directories: 250, files: 20, averageBytes: 4_096 }),
  },
  big: {
    what: 'two files of 768 MiB',
    make: (root) => {
      mkdirSync(root, { recursive: true });
      const piece = pseudoRandom(MiB);
      for (const name of ['a.bin', 'b.bin']) {
        for (let i = 0; i < 768; i++) appendFileSync(join(root, name), piece);
      }
    },
  },
  many: {
    what: '300,000 files of 200 bytes in 3,000 directories',
    make: (root) => makeFiles(root, { directories: 3_000, files: 100, averageBytes: 200 }),
  },
  one: {
    what: 'a file of 12 bytes',
    make: (root) => makeFiles(root, { directories: 1, files: 1, averageBytes: 12 }),
  },
};

/** Files of different sizes, the same in each run. */
function makeFiles(root, { directories, files, averageBytes }) {
  const bytes = pseudoRandom(2 * averageBytes);
  for (let d = 0; d < directories; d++) {
    const directory = join(root, `group-${d % 40}`, `directory-${d}`);
    mkdirSync(directory, { recursive: true });
    for (let f = 0; f < files; f++) {
      const size = files === 1 ? averageBytes : Math.round((averageBytes * 2 * f) / (files - 1));
      writeFileSync(join(directory, `file-${f}.txt`), bytes.subarray(0, size));
    }
  }
}

/** Changes one file in a hundred: their content, and with it their times. */
export function changeSome(root) {
  for (let d = 0; d < 2_000; d += 5) {
    const path = join(root, `group-${d % 40}`, `directory-${d}`, 'file-7.txt');
    writeFileSync(path, pseudoRandom(4_096, d));
    utimesSync(path, new Date(), new Date());
  }
}

/** Bytes that do not compress, by a linear congruential generator (Numerical Recipes). */
function pseudoRandom(count, seed = 1) {
  const bytes = Buffer.alloc(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
