import { lutimesSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { transfer, WAYS } from '../helpers/wire/both-ways.ts';
import { pipeline } from '../helpers/cli/cli.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import {
  makeDirectory,
  removeDirectory,
  withDirectory,
} from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';

// Times that file systems can hold but a number of microseconds cannot: the nearest one is sent.

/** Its nanoseconds since 1970 still fit into 64 bits, which is what some file systems have. */
const FAR = Date.UTC(2260, 0, 1) / 1000;

const why = whyNoFarTimes();
// Prints the reason, because the report only counts skipped tests.
if (why !== undefined) process.stderr.write(`far-times.test.ts is skipped: ${why}\n`);

test.skipIf(why !== undefined)(
  'a file dated after 2255 arrives over a pipe, and the sender reports that its mtime is cut',
  () =>
    withDirectory(async (directory) => {
      const out = join(directory, 'out');
      const outcome = await pipeline([makeContext(directory)], [out]);
      expectDone(outcome);
      expect(outcome.send.stderr).toContain('far (its mtime is cut to microseconds)');
      expect(statSync(join(out, 'far')).mtime.getUTCFullYear()).toBe(2255);
    }),
);

test.skipIf(why !== undefined).each(WAYS)(
  'a file dated after 2255 is unchanged the second time over %s',
  (way) =>
    withDirectory(async (directory) => {
      const attempt = {
        directory,
        way,
        send: [makeContext(directory)],
        receive: [join(directory, 'out')],
      };
      const first = await transfer(attempt);
      expect(first.sent.counts).toMatchObject({ written: 1, unchanged: 0 });
      const second = await transfer(attempt);
      expect(second.sent.counts).toMatchObject({ written: 0, unchanged: 1 });
    }),
);

function whyNoFarTimes(): string | undefined {
  const directory = makeDirectory();
  try {
    const far = statSync(join(makeContext(directory), 'far'));
    return far.mtime.getUTCFullYear() === 2260
      ? undefined
      : 'the file system has no times after 2255';
  } finally {
    removeDirectory(directory);
  }
}

function makeContext(directory: string): string {
  const context = join(directory, 'context');
  writeTree(context, { far: 'content' });
  lutimesSync(join(context, 'far'), FAR, FAR);
  return context;
}
