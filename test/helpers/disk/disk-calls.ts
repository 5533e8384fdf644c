import type * as fs from 'node:fs';

/** Wraps a disk call: makes it or not, before or after something else, or with other arguments. */
export type Around = (name: CallName, args: unknown[], make: Make) => unknown;
export type Make = (name: CallName, ...args: unknown[]) => unknown;

/** The calls that take a path. */
const CALLS = [
  'chmodSync',
  'existsSync',
  'linkSync',
  'lstatSync',
  'lutimesSync',
  'mkdirSync',
  'openSync',
  'readFileSync',
  'readdirSync',
  'readlinkSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'statSync',
  'symlinkSync',
  'unlinkSync',
  'utimesSync',
  'writeFileSync',
] as const;
export type CallName = (typeof CALLS)[number];

let around: Around | undefined;
let isHooked = false;

/**
 * node:fs with a wrapper around it. In a test file, before everything else:
 * `vi.mock('node:fs', async (original) => (await import('./disk-calls.ts')).hooked(await original()))`
 */
export function hooked(actual: typeof fs): typeof fs {
  isHooked = true;
  const make: Make = (name, ...args) => Reflect.apply(actual[name], actual, args);
  const calls = CALLS.map((name) => {
    const call = (...args: unknown[]): unknown =>
      around === undefined ? make(name, ...args) : around(name, args, make);
    return [name, call] as const;
  });
  const mocked = { ...actual, ...Object.fromEntries(calls) };
  return { ...mocked, default: mocked } as typeof fs;
}

/** Runs with this wrapper around each disk call. */
export function withDisk<T>(stands: Around, run: () => T): T {
  if (!isHooked) throw new Error('node:fs is not mocked: nothing would stand around it');
  around = stands;
  try {
    return run();
  } finally {
    around = undefined;
  }
}

/** An error as a system call throws it. */
export function systemError(code: string, errno: number): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code, errno });
}
