import type * as fs from 'node:fs';

/**
 * node:fs as on macOS, where no /proc leads to open directories. In a test's file, before all else:
 * `vi.mock('node:fs', async (original) => (await import('./without-proc.ts')).withoutProc(await original()))`
 */
export function withoutProc(actual: typeof fs): typeof fs {
  return {
    ...actual,
    existsSync: (path) => path !== '/proc/self/fd' && actual.existsSync(path),
  };
}
