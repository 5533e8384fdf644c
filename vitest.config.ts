import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const TESTS = 'test/**/*.test.ts';
const MOCKING = 'test/**/*.mock.test.ts';
/** CI runs these in a step of their own, at full strength: `npm run proofs`. */
const PROOFS = ['test/schedules/**', 'test/processes/**', 'test/**/hostile-sessions.test.ts'];
const elsewhere = process.env['CTXSYNC_PROOFS_APART'] === '1' ? PROOFS : [];

// Every Node would parse it: a process of a test takes 70 ms more with a system's whole bundle.
delete process.env['NODE_EXTRA_CA_CERTS'];

export default defineConfig({
  // As the build does.
  define: { CTXSYNC_VERSION: JSON.stringify('0.0.0') },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // CI shares its machine; what passed only the second time is marked "retry x1" in its log.
    retry: Number(process.env['CTXSYNC_RETRY'] ?? 0),
    // More than processors: much of the end-to-end tests is waiting.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    coverage: { include: ['src/**'] },
    projects: [
      {
        extends: true,
        // A process for many files: to start one for each takes longer than most of them.
        test: {
          name: 'shared',
          include: [TESTS],
          exclude: [MOCKING, ...elsewhere],
          isolate: false,
        },
      },
      {
        extends: true,
        // A module can only be mocked where nobody has loaded it before.
        test: { name: 'mocking', include: [MOCKING], exclude: elsewhere },
      },
    ],
  },
});
