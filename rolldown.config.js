import { readFileSync } from 'node:fs';
import { defineConfig } from 'rolldown';

const LICENSE = readFileSync(new URL('node_modules/commander/LICENSE', import.meta.url), 'utf8');

const LAZY =
  /^(\s*)(?:const|let) (\w+) = (require\("node:(?:child_process|crypto|fs\/promises|readline|zlib)"\));$/gm;

/**
 * Loads what is slow to load of Node's own when it is first used: node:crypto and node:child_process take
 * 4 ms of CPU each, in each thread, and most runs do without one of them.
 */
const lazyBuiltins = {
  name: 'lazy-builtins',
  renderChunk(code) {
    const names = [...code.matchAll(LAZY)].map(([, , name]) => name);
    if (names.length === 0) return code;
    const uses = new RegExp(`\\b(${names.join('|')})\\.`, 'g');
    return code.replace(LAZY, '$1const $2 = () => $3;').replace(uses, '$1().');
  },
};

// A few files in place of two hundred: Node takes a millisecond for each, in each thread, and that was a
// quarter of a short transfer. Nothing is minified: a stack trace shows where it comes from.
const common = {
  platform: 'node',
  // Packages are loaded as they are installed, but for commander: its files took a tenth of a short transfer.
  external: /^(?!commander$)[^./]/,
  transform: { target: 'node20' },
};

/** As CommonJS, which Node loads in half the time that it takes for ES modules. */
function started(input, codeSplitting) {
  return {
    ...common,
    input,
    plugins: [lazyBuiltins],
    output: {
      dir: 'dist/js',
      format: 'cjs',
      comments: { jsdoc: false },
      banner: ({ name }) =>
        name === 'program' ? `/*!\ncommander, in this file:\n\n${LICENSE}*/` : '',
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name].cjs',
      codeSplitting,
    },
  };
}

export default defineConfig([
  { ...common, input: { index: 'src/index.ts' }, output: { dir: 'dist/js', cleanDir: true } },
  started(
    { start: 'src/cli/start.ts' },
    {
      groups: [
        {
          name: 'first',
          test: /src\/cli\/(?:start|standard-streams|early-thread)\.ts$/,
          priority: 1,
        },
        { name: 'program', test: /src\/|\/commander\// },
      ],
    },
  ),
  started({ 'sender-worker': 'src/worker/sender-worker.ts' }),
  started({ 'receiver-worker': 'src/worker/receiver-worker.ts' }),
]);
