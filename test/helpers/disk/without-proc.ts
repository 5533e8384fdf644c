import type * as fs from 'node:fs';

/**
 * node:fs as on macOS, where open directories cannot be reached through /proc. In a test file, first:
 * `vi.mock('node:fs', async (original) => (await import('./without-proc.ts')).withoutProc(await original()))`
 */
export function withoutProc(actual: typeof fs): typeof fs {
  return {
    ...actual,
    existsSync: (path) => path !== '/proc/self/fd' && actual.existsSync(path),
  };
}
