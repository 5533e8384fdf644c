import { chmodSync, readFileSync } from 'node:fs';
import { licencesOf } from './licences.js';
import { buildParts } from './parts.js';

const BIN = new URL('../bin/ctxsync.js', import.meta.url);
/** How bin/ctxsync.js runs the single file. */
const RUN = /^void require\('\.\.\/dist\/ctxsync\.cjs'\);\n/m;

/**
 * Makes dist/ctxsync.cjs of src/cli/single-file.ts: the beginning of bin/ctxsync.js, the parts of the
 * program, the code that runs them, and the licences of the packages in them.
 *
 * @param {import('rolldown').BuildOptions} common
 * @param {Record<string, string>} workers
 * @returns {import('rolldown').Plugin}
 */
export function singleFile(common, workers) {
  return {
    name: 'single-file',
    async generateBundle(_options, bundle) {
      const { parts, moduleIds } = await buildParts(common, workers);
      const texts = `var CTXSYNC_PARTS = {\n${Object.entries(parts).map(inComment).join('')}};\n`;
      for (const chunk of Object.values(bundle)) {
        chunk.code = `${beginning()}${texts}${chunk.code}\n${licencesOf(moduleIds)}`;
      }
    },
    writeBundle({ file }) {
      chmodSync(file, 0o755);
    },
  };
}

/**
 * As single-file.ts finds it: Node skips a comment four times as fast as a string, and a megabyte of strings
 * took 7 ms of each start.
 */
function inComment([name, text]) {
  if (text.includes('*@/'))
    throw new Error(`${name} has "*@/", which stands for the end of a comment`);
  return `${JSON.stringify(name)}: function () {/*${text.replaceAll('*/', '*@/')}*/},\n`;
}

function beginning() {
  const text = readFileSync(BIN, 'utf8');
  if (!RUN.test(text)) throw new Error('bin/ctxsync.js does not run dist/ctxsync.cjs');
  return text.replace(RUN, '');
}
