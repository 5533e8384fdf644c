import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // More than processors: much of the end-to-end tests is waiting.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    coverage: { include: ['src/**'] },
  },
});
