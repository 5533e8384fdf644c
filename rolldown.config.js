import { defineConfig } from 'rolldown';

// A few files in place of a hundred and fifty: Node takes a millisecond for each, in each thread, and
// that was a quarter of a short transfer. Nothing is minified: what fails shows where.
export default defineConfig({
  input: {
    index: 'src/index.ts',
    main: 'src/cli/main.ts',
    exit: 'src/cli/exit.ts',
    'standard-streams': 'src/cli/standard-streams.ts',
    'sender-worker': 'src/worker/sender-worker.ts',
    'receiver-worker': 'src/worker/receiver-worker.ts',
  },
  platform: 'node',
  // Packages are loaded as they are installed.
  external: /^[^./]/,
  transform: { target: 'node20' },
  output: { dir: 'dist/js', cleanDir: true, chunkFileNames: '[name]-[hash].js' },
});
