import { unprivileged } from '../trees/sandbox.ts';

/** Runs as a user to whom permissions apply, who owns the directory and everything in it. */
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
