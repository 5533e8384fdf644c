import { stuckThreadCount } from '../session/crew.ts';

/**
 * Ends the process. process.exit never returns while a thread is stuck inside a system call (a dead
 * network disk): then a signal is the only way, and the status is that of SIGKILL, 137.
 */
export function exit(code: number): void {
  process.exitCode = code;
  if (stuckThreadCount() > 0) process.kill(process.pid, 'SIGKILL');
  process.exit();
}
