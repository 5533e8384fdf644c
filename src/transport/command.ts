import { spawn, type ChildProcess } from 'node:child_process';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import { CHILD_GRACE_MS, LAST_WORDS_CHARS } from '../limits.ts';
import { within } from '../within.ts';
import { ReadableIncoming, WritableOutgoing } from './node-stream.ts';
import type { Connection } from './transport.ts';

/** Failures that the command's own end may explain. */
const EXPLAINED = new Set<ErrorCode>(['peer-gone', 'truncated', 'not-ctxsync', 'outcome-unknown']);

/**
 * Starts a command that runs the receiver; its stdio is the transport.
 * @param onWords told what it writes to stderr, a line at a time
 * @throws CtxsyncError no-peer, when it cannot be started
 */
export async function startCommand(
  argv: readonly string[],
  onWords: (line: string) => void,
): Promise<Connection> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  await started(child, argv);
  const words = new LastWords(child, onWords);
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    incoming: new ReadableIncoming(child.stdout),
    outgoing: new WritableOutgoing(child.stdin),
    async explain(error) {
      if (!EXPLAINED.has(error.code)) return error;
      await within(CHILD_GRACE_MS, ended);
      const said = words.text.trim().replaceAll(/\s*\n\s*/g, '; ');
      const message = `${error.message}; ${describe(child, argv)}${said === '' ? '' : `: ${said}`}`;
      return new CtxsyncError(error.code, message, { path: error.path, cause: error });
    },
    // Waits a moment for it to end by itself, then ends it: no child is left behind.
    async close() {
      child.stdin.destroy();
      await within(CHILD_GRACE_MS, ended);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await within(CHILD_GRACE_MS, ended);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

function started(child: ChildProcess, argv: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => {
      reject(
        new CtxsyncError('no-peer', `cannot start ${argv[0]}: ${error.message}`, { cause: error }),
      );
    });
  });
}

/** Hands stderr on by the line, and keeps the end of it. */
class LastWords {
  text = '';
  #line = '';

  constructor(child: ChildProcess, onWords: (line: string) => void) {
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.text = (this.text + chunk).slice(-LAST_WORDS_CHARS);
      const lines = (this.#line + chunk).split('\n');
      this.#line = (lines.pop() ?? '').slice(-LAST_WORDS_CHARS);
      for (const line of lines) onWords(line);
    });
    child.stderr?.on('end', () => {
      if (this.#line !== '') onWords(this.#line);
    });
  }
}

function describe({ exitCode, signalCode }: ChildProcess, argv: readonly string[]): string {
  const command = argv.join(' ');
  if (signalCode !== null) return `"${command}" was ended by ${signalCode}`;
  if (exitCode !== null) return `"${command}" ended with exit status ${exitCode}`;
  return `"${command}"`;
}
