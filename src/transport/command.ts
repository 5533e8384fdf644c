import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
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
import type { ClosableConnection } from './transport.ts';

/** Failures that the command's exit may explain. */
const EXPLAINED = new Set<ErrorCode>(['peer-gone', 'truncated', 'not-ctxsync', 'outcome-unknown']);

export interface SpawnPeerOptions {
  /** Its working directory; default: ours. */
  cwd?: string | undefined;
  /** Its environment; default: ours. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Called with each line of its stderr. The last ones are in the error too if it ends early. */
  onStderr?: ((line: string) => void) | undefined;
}

/** Those of them whose own message could only guess. */
const GONE = new Set<ErrorCode>(['peer-gone', 'truncated']);

/** A command that runs, and what may pass before it is used as a transport. */
export interface RunningCommand extends Required<ClosableConnection> {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** How it ended, if it does within CHILD_GRACE_MS; undefined if it still runs, or a signal ended it. */
  exitStatus(): Promise<number | undefined>;
}

/**
 * Starts a command that runs the other side; its stdin and stdout are the transport. No shell is involved.
 * `close()`, which send() and receive() call at their end, waits up to 2 s for it to exit, then sends SIGTERM,
 * and 2 s later SIGKILL.
 *
 * @throws CtxsyncError no-peer, when it cannot be started
 */
export async function spawnPeer(
  command: string,
  args: readonly string[] = [],
  { cwd, env, onStderr = () => {} }: SpawnPeerOptions = {},
): Promise<ClosableConnection> {
  const argv = [command, ...args];
  return startCommand(argv, onStderr, argv.join(' '), { cwd, env });
}

/**
 * Like spawnPeer(), for a command to which something else is said first.
 * @param onLine receives its stderr, a line at a time
 * @param shown how messages name it
 * @throws CtxsyncError no-peer, when it cannot be started
 */
export async function startCommand(
  argv: readonly string[],
  onLine: (line: string) => void,
  shown = argv.join(' '),
  options: Pick<SpawnPeerOptions, 'cwd' | 'env'> = {},
): Promise<RunningCommand> {
  const [file = '', ...args] = argv;
  const child = await start(file, args, options);
  const words = new LastWords(child, onLine);
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  // Never, while a process that it left behind holds its stderr, as with ssh's ControlPersist.
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let closing: Promise<void> | undefined;
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
    close() {
      closing ??= end(child, exited, closed).then(() => words.end());
      return closing;
    },
  };
}

/** Whether this is the error of a command that could not be started, and so will not be the next time. */
export function couldNotStart({ cause }: CtxsyncError): boolean {
  const { syscall, code } = (cause ?? {}) as NodeJS.ErrnoException;
  return syscall?.startsWith('spawn') === true && code !== 'EAGAIN';
}

/** Waits briefly for it to exit, then kills it: no child is left behind. */
async function end(
  child: ChildProcessWithoutNullStreams,
  exited: Promise<void>,
  closed: Promise<void>,
): Promise<void> {
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
}

function runs({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

async function start(
  command: string,
  args: readonly string[],
  options: Pick<SpawnPeerOptions, 'cwd' | 'env'>,
): Promise<ChildProcessWithoutNullStreams> {
  try {
    const child = spawn(command, args, options);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      // Not once(): a signal that we may not send (under sudo) is an 'error' too, and must not end us.
      child.on('error', reject);
    });
    return child;
  } catch (error) {
    const message = `cannot start ${command}: ${whyNotStarted(error)}`;
    throw new CtxsyncError('no-peer', message, { cause: error });
  }
}

function whyNotStarted(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === 'ENOENT') return 'command not found; check its spelling, and PATH';
  const why = describeSystemError(error);
  return errno === 'EACCES' ? `${why}; it has to be an executable file` : why;
}

/** Passes stderr on line by line, and keeps the end of it. */
class LastWords {
  #text = '';
  #line = '';
  readonly #onLine: (line: string) => void;

  constructor(child: ChildProcess, onLine: (line: string) => void) {
    this.#onLine = onLine;
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text = (this.#text + chunk).slice(-LAST_WORDS_CHARS);
      const lines = (this.#line + chunk).split('\n');
      this.#line = (lines.pop() ?? '').slice(-LAST_WORDS_CHARS);
      for (const line of lines) onLine(withoutReturn(line));
    });
    child.stderr?.on('end', () => this.end());
  }

  /** The end of it; undefined if the command printed nothing. */
  get text(): string | undefined {
    return this.#text.replaceAll(/\r+$/gm, '').trim() || undefined;
  }

  /** Passes on a last line without a line break: nothing more will come. */
  end(): void {
    if (this.#line !== '') this.#onLine(withoutReturn(this.#line));
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
