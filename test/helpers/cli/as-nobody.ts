import { unprivileged } from '../trees/sandbox.ts';

/** Runs as somebody for whom permissions count, and who owns the directory with all that is in it. */
export function asNobody(directory: string, run: () => void): void {
  const { uid, gid } = unprivileged(directory);
  if (uid === undefined || gid === undefined) return run();
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    run();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
