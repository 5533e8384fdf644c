import { defineConfig } from 'rolldown';
import { singleFile } from './build/single-file.js';

// A few files in place of two hundred: Node takes a millisecond for each, in each thread, and that was a
// quarter of a short transfer. Nothing is minified: a stack trace shows where it comes from.
const common = { platform: 'node', transform: { target: 'node20' } };

/** The library loads packages as they are installed. */
const library = { ...common, external: /^[^./]/ };

const workers = {
  'sender-worker': 'src/worker/sender-worker.ts',
  'receiver-worker': 'src/worker/receiver-worker.ts',
  'pool-worker': 'src/worker/pool-worker.ts',
};

/** As CommonJS, which Node loads in half the time that it takes for ES modules. */
function worker(name) {
  const output = { dir: 'dist/js', format: 'cjs', entryFileNames: '[name].cjs' };
  return { ...library, input: { [name]: workers[name] }, output };
}

export default defineConfig([
  { ...library, input: { index: 'src/index.ts' }, output: { dir: 'dist/js', cleanDir: true } },
  worker('sender-worker'),
  worker('receiver-worker'),
  worker('pool-worker'),
  // The command. Its first lines have to be understood by any Node, which can then be refused by name.
  {
    ...common,
    transform: { target: 'es2015' },
    input: 'src/cli/single-file.ts',
    output: { file: 'dist/ctxsync.cjs', format: 'cjs' },
    plugins: [singleFile(common, workers)],
  },
]);
