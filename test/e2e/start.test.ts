import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pipeline } from '../helpers/cli/cli.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { withScene } from '../helpers/trees/sandbox.ts';

/** At its exit, the main thread of each side writes down what it has loaded. */
const WATCH = `
const { appendFileSync } = require('node:fs');
if (require('node:worker_threads').isMainThread) {
  process.on('exit', () => {
    appendFileSync(process.env.LOADED, JSON.stringify(process.moduleLoadList) + '\\n');
  });
}`;

// Each of these takes milliseconds of a short transfer.
test('a transfer over a pipe loads nothing of Node that only other runs need', () =>
  withScene(async ({ directory, context, out }) => {
    const [watch, list] = [join(directory, 'watch.cjs'), join(directory, 'list')];
    writeFileSync(watch, WATCH);
    const env = { ...process.env, NODE_OPTIONS: `--require=${watch}`, LOADED: list };
    expectDone(await pipeline(['-q', context], ['-q', out], { env }));
    const sides = readFileSync(list, 'utf8').trim().split('\n');
    expect(sides).toHaveLength(2);
    for (const side of sides) {
      const loaded = JSON.parse(side) as string[];
      const needless = ['child_process', 'readline', 'zlib'].map((name) => `NativeModule ${name}`);
      expect(needless.filter((name) => loaded.includes(name))).toEqual([]);
    }
  }));
