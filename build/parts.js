import { readFileSync } from 'node:fs';
import { build } from 'rolldown';
import { lazyBuiltins } from './lazy-builtins.js';

/** @typedef {{ parts: Record<string, string>, moduleIds: string[] }} Parts */

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** Packages that a disk thread loads only for some transfers; each is a part of its own. */
const ON_DEMAND = ['re2js', 'tar/header'];

/**
 * The parts of the command: the same bundles that the library has as files, but with all packages, and as
 * texts by the names under which they require each other.
 *
 * @param {import('rolldown').BuildOptions} common
 * @param {Record<string, string>} workers
 * @returns {Promise<Parts>}
 */
export async function buildParts(common, workers) {
  const define = { CTXSYNC_VERSION: JSON.stringify(version) };
  const command = { ...common, transform: { ...common.transform, define } };
  const outputs = [
    await bundle(command, { start: 'src/cli/start.ts' }),
    ...(await Promise.all(
      Object.entries(workers).map(([name, file]) =>
        bundle({ ...common, external: ON_DEMAND }, { [name]: file }),
      ),
    )),
  ];
  const packages = await Promise.all(ON_DEMAND.map((name) => bundle(common, { [name]: name })));
  return {
    parts: {
      ...Object.fromEntries(outputs.flat().map(({ fileName, code }) => [`./${fileName}`, code])),
      ...Object.fromEntries(packages.map(([{ code }], index) => [ON_DEMAND[index], code])),
    },
    moduleIds: [...outputs, ...packages].flat().flatMap((chunk) => chunk.moduleIds),
  };
}

/** As CommonJS, which Node loads in half the time that it takes for ES modules. */
async function bundle(common, input) {
  const names = { entryFileNames: '[name].cjs', chunkFileNames: '[name].cjs' };
  const options = {
    ...common,
    input,
    plugins: [lazyBuiltins],
    output: { format: 'cjs', comments: false, ...names },
    write: false,
  };
  const { output } = await build({ ...options, logLevel: 'warn' });
  return output;
}
