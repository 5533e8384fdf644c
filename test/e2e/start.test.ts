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
    const own = Object.keys(require.cache).filter((path) => path.endsWith('js') && path !== __filename);
    appendFileSync(process.env.LOADED, JSON.stringify({ own, builtins: process.moduleLoadList }) + '\\n');
  });
}`;

// Each of these takes milliseconds of a short transfer.
test('a transfer over a pipe loads a few files, and nothing of Node that only other runs need', () =>
  withScene(async ({ directory, context, out }) => {
    const [watch, loaded] = [join(directory, 'watch.cjs'), join(directory, 'loaded')];
    writeFileSync(watch, WATCH);
    const env = { ...process.env, NODE_OPTIONS: `--require=${watch}`, LOADED: loaded };
    expectDone(await pipeline(['-q', context], ['-q', out], { env }));
    const sides = readFileSync(loaded, 'utf8').trim().split('\n');
    expect(sides).toHaveLength(2);
    for (const side of sides) {
      const { own, builtins } = JSON.parse(side) as { own: string[]; builtins: string[] };
      expect(own.length).toBeLessThanOrEqual(4);
      const needless = ['child_process', 'readline', 'zlib'].map((name) => `NativeModule ${name}`);
      expect(needless.filter((name) => builtins.includes(name))).toEqual([]);
    }
  }));
