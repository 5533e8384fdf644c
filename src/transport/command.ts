import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { errnoOf } from '../disk/errno.ts';
import { describeSystemError } from '../disk/system-error.ts';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import {
  CHILD_GRACE_MS,
  CHILD_WORDS_MS,
  LAST_WORDS_CHARS,
  MAX_SHOWN_COMMAND_CHARS,
} from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';
import { ReadableIncoming, WritableOutgoing } from './node-stream.ts';
import type { Connection } from './transport.ts';

/** Failures that the command's exit may explain. */
const EXPLAINED = new Set<ErrorCode>(['peer-gone', 'truncated', 'not-ctxsync', 'outcome-unknown']);

/** Those of them whose own message could only guess. */
const GONE = new Set<ErrorCode>(['peer-gone', 'truncated']);

/** A command that runs, and what may pass before it is used as a transport. */
export interface RunningCommand extends Required<Connection> {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** How it ended, if it does within CHILD_GRACE_MS; undefined if it still runs, or a signal ended it. */
  exitStatus(): Promise<number | undefined>;
}

/**
 * Starts a command that runs the receiver; its stdio is the transport.
 * @param onWords receives its stderr, a line at a time
 * @param shown how messages name it
 * @throws CtxsyncError no-peer, when it cannot be started
 */
export async function startCommand(
  argv: readonly string[],
  onWords: (line: string) => void,
  shown = argv.join(' '),
): Promise<RunningCommand> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  await started(child, argv);
  const words = new LastWords(child, onWords);
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  // Never, while a process that it left behind holds its stderr, as with ssh's ControlPersist.
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    incoming: new ReadableIncoming(child.stdout),
    outgoing: new WritableOutgoing(child.stdin),
    async exitStatus() {
      await withTimeout(CHILD_GRACE_MS, exited);
      return child.exitCode ?? undefined;
    },
    async explain(error) {
      if (!EXPLAINED.has(error.code)) return error;
      await withTimeout(CHILD_GRACE_MS, exited);
      await withTimeout(CHILD_WORDS_MS, closed);
      const what = GONE.has(error.code) ? lost(child) : `${error.message};`;
      return new CtxsyncError(error.code, `${what} ${describe(child, shown)}`, {
        path: error.path,
        remedy: child.exitCode === NOT_FOUND ? 'bootstrap' : undefined,
        commandOutput: words.text,
        cause: error,
      });
    },
    // Waits briefly for it to exit, then kills it: no child is left behind.
    async close() {
      child.stdin.destroy();
      await withTimeout(CHILD_GRACE_MS, exited);
      if (runs(child)) {
        child.kill('SIGTERM');
        await withTimeout(CHILD_GRACE_MS, exited);
      }
      if (runs(child)) child.kill('SIGKILL');
      await withTimeout(CHILD_WORDS_MS, closed);
      child.stdout.destroy();
      child.stderr.destroy();
      words.end();
    },
  };
}

function runs({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

function started(child: ChildProcess, argv: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    // Not once(): a signal that we may not send (under sudo) is an 'error' too, and must not end us.
    child.on('error', (error) => {
      const message = `cannot start ${argv[0]}: ${whyNotStarted(error)}`;
      reject(new CtxsyncError('no-peer', message, { cause: error }));
    });
  });
}

function whyNotStarted(error: Error): string {
  const errno = errnoOf(error);
  if (errno === 'ENOENT') return 'command not found; check its spelling, and PATH';
  const why = describeSystemError(error);
  return errno === 'EACCES' ? `${why}; it has to be an executable file` : why;
}

/** Passes stderr on line by line, and keeps the end of it. */
class LastWords {
  #text = '';
  #line = '';
  readonly #onWords: (line: string) => void;

  constructor(child: ChildProcess, onWords: (line: string) => void) {
    this.#onWords = onWords;
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text = (this.#text + chunk).slice(-LAST_WORDS_CHARS);
      const lines = (this.#line + chunk).split('\n');
      this.#line = (lines.pop() ?? '').slice(-LAST_WORDS_CHARS);
      for (const line of lines) onWords(withoutReturn(line));
    });
    child.stderr?.on('end', () => this.end());
  }

  /** The end of it; undefined if the command printed nothing. */
  get text(): string | undefined {
    return this.#text.replaceAll(/\r+$/gm, '').trim() || undefined;
  }

  /** Passes on a last line without a line break: nothing more will come. */
  end(): void {
    if (this.#line !== '') this.#onWords(withoutReturn(this.#line));
    this.#line = '';
  }
}

/** ssh ends its own messages with CR LF, for a terminal in raw mode. */
function withoutReturn(line: string): string {
  return line.replace(/\r+$/, '');
}

/** How the command ended; POSIX.1-2017, Shell, 2.8.2 rules what 126 and 127 mean, and ssh and docker pass them on. */
function describe({ exitCode, signalCode }: ChildProcess, shown: string): string {
  const command = `"${shortened(shown)}"`;
  if (signalCode !== null) return `${command} was ended by ${signalCode}`;
  if (exitCode === null) return `${command} still runs, but has closed its stdout`;
  return `${command} ended with exit status ${exitCode}${HINTS[exitCode] ?? ''}`;
}

function lost({ exitCode }: ChildProcess): string {
  return `the receiver ${exitCode !== null && exitCode in HINTS ? 'did not start' : 'is gone'}:`;
}

const NOT_FOUND = 127;
const HINTS: Record<number, string> = {
  126: ': a command in it cannot be executed; check its permissions',
  [NOT_FOUND]: ': a command in it was not found; install ctxsync there, or give its full path',
};

function shortened(command: string): string {
  return command.length <= MAX_SHOWN_COMMAND_CHARS
    ? command
    : `${command.slice(0, MAX_SHOWN_COMMAND_CHARS)}…`;
}
