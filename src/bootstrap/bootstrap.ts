import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { CtxsyncError, type Remedy } from '../errors.ts';
import { MAX_CACHED_VERSIONS, MAX_TIMER_MS, OLDEST_NODE } from '../limits.ts';
import { startCommand, type RunningCommand } from '../transport/command.ts';
import { pause } from '../transport/pause.ts';
import type { Connection } from '../transport/transport.ts';
import { MARK, readAnswer, type NoAnswer } from './answers.ts';
import { replaceProgram } from './command-words.ts';
import { firstStageWords, LENGTH_BYTES } from './first-stage.ts';
import { secondStage, type Answer } from './second-stage.ts';

/*
 * Runs the receiver at the other side of a command where there is Node, but no ctxsync of this version:
 *
 *   we                                          the other side
 *   start node with the first stage   ->
 *   send the second stage             ->        looks for the file, by version and digest
 *                                     <-        cached, or missing
 *   if it is missing, send the file   ->        verifies it, keeps it in its cache
 *                                     <-        received
 *   speak ctxsync                     <->       runs it, in the same process
 *
 * One connection for all of it, because each may ask for a password, and take seconds.
 */

/** The command as a single file. */
export interface Program {
  version: string;
  file: Uint8Array;
}

/** The other side did not have the file, and has it now. */
export interface Copied {
  version: string;
  host: string;
  path: string;
  bytes: number;
  /** Bytes that were sent for it. */
  sentBytes: number;
  /** Why it is not kept there. */
  failure: string | undefined;
}

export interface BootstrapOptions {
  /** Milliseconds for each answer of the other side. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Receives the command's stderr, a line at a time. */
  onWords: (line: string) => void;
  onCopied: (copied: Copied) => void;
}

/** Exit statuses of a shell, and of docker exec, for a command that is not there or cannot be run. */
const NOT_RUN = new Set([126, 127]);
/** That of Node for an option that it does not know: it is older than --import. */
const BAD_OPTION = 9;
const NODE_VERSION = /^v(\d+)\.\d+\.\d+\S*\s*$/;

/**
 * Starts a command that runs "ctxsync receive" with this program in the place of `ctxsync`.
 * @throws CtxsyncError usage; no-peer; corrupt; interrupted
 */
export async function startBootstrapped(
  argv: readonly string[],
  program: Program,
  options: BootstrapOptions,
): Promise<Connection> {
  const shown = argv.join(' ');
  const words = replaceProgram(argv, firstStageWords());
  const command = await startCommand(words, options.onWords, shown);
  try {
    await new Bootstrap(argv, program, command, options).run();
    return command;
  } catch (error) {
    await command.close();
    throw error;
  }
}

class Bootstrap {
  readonly #argv: readonly string[];
  readonly #program: Program;
  readonly #command: RunningCommand;
  readonly #options: BootstrapOptions;

  constructor(
    argv: readonly string[],
    program: Program,
    command: RunningCommand,
    options: BootstrapOptions,
  ) {
    this.#argv = argv;
    this.#program = program;
    this.#command = command;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { version, file } = this.#program;
    this.#send(
      Buffer.from(
        secondStage({
          version,
          digest: createHash('sha256').update(file).digest('hex'),
          bytes: file.length,
          oldestNode: OLDEST_NODE,
          mark: MARK,
          maxVersions: MAX_CACHED_VERSIONS,
          lengthBytes: LENGTH_BYTES,
        }),
      ),
    );
    const answer = await this.#answer('it did not answer');
    if (answer.type === 'cached') return;
    if (answer.type !== 'missing') throw await this.#failure(answer);
    const packed = await promisify(gzip)(file);
    this.#send(packed);
    const received = await this.#answer('it did not receive the program');
    if (received.type !== 'received') throw await this.#failure(received);
    const { host, path, failure } = received;
    const sentBytes = packed.length;
    this.#options.onCopied({ version, host, path, bytes: file.length, sentBytes, failure });
  }

  #send(bytes: Buffer): void {
    const length = String(bytes.length).padStart(LENGTH_BYTES, '0');
    this.#command.stdin.write(Buffer.concat([Buffer.from(length), bytes]));
  }

  /** @throws CtxsyncError no-peer, when it takes too long; interrupted */
  async #answer(late: string): Promise<Answer | NoAnswer> {
    const { signal, timeoutMs } = this.#options;
    let answer: Answer | NoAnswer | undefined;
    const read = readAnswer(this.#command.stdout).then((it) => void (answer = it));
    await pause(signal, Math.min(timeoutMs, MAX_TIMER_MS), read);
    if (answer !== undefined) return answer;
    throw this.#error(`${late} within ${timeoutMs / 1000}s`, 'connect-timeout');
  }

  async #failure(answer: Answer | NoAnswer): Promise<CtxsyncError> {
    if (answer.type === 'damaged') {
      const message = 'the program arrived damaged: something on the way changes the data';
      return new CtxsyncError('corrupt', `${this.#name}: ${message}`);
    }
    if (answer.type === 'old-node') return this.#oldNode(answer.version);
    if (answer.type !== 'none') return this.#error(`it answered "${answer.type}"`);
    const [version] = NODE_VERSION.exec(answer.text) ?? [];
    if (version !== undefined) return this.#oldNode(version.trim());
    const status = await this.#command.exitStatus();
    if (status === BAD_OPTION) return this.#oldNode(await this.#nodeVersion());
    if (status !== undefined && NOT_RUN.has(status)) return this.#noNode(status, answer.text);
    return this.#command.explain(strayError(answer.text));
  }

  /** @param text docker exec prints the reason on stdout; a shell has printed it on stderr */
  #noNode(status: number, text: string): CtxsyncError {
    const reason = text === '' ? `exit status ${status}` : text.trim();
    return this.#error(`there is no "node" in its PATH (${reason})`, 'no-node');
  }

  #oldNode(version: string | undefined): CtxsyncError {
    const found = version === undefined ? 'an older Node' : `Node ${version}`;
    return this.#error(
      `it has ${found}, and ctxsync needs Node ${OLDEST_NODE} or newer`,
      'no-node',
    );
  }

  /** From a Node that is too old to understand the first stage. */
  async #nodeVersion(): Promise<string | undefined> {
    const [file = '', ...args] = replaceProgram(this.#argv, ['node', '--version']);
    const { timeoutMs: timeout, signal } = this.#options;
    const options = {
      timeout: Math.min(timeout, MAX_TIMER_MS),
      ...(signal === undefined ? {} : { signal }),
    };
    const { stdout } = await promisify(execFile)(file, args, options).catch(() => ({ stdout: '' }));
    return NODE_VERSION.exec(stdout)?.[0].trim();
  }

  get #name(): string {
    return `the other side of "${this.#argv.join(' ')}"`;
  }

  #error(message: string, remedy?: Remedy): CtxsyncError {
    return new CtxsyncError('no-peer', `${this.#name}: ${message}`, { remedy });
  }
}

/** @param text usually of a profile, and then it would be in the way of the data, too */
function strayError(text: string): CtxsyncError {
  if (text === '') return new CtxsyncError('truncated', 'the other side ended before it answered');
  const message = `the other side printed something before the program was started: "${text.trim()}"`;
  return new CtxsyncError('not-ctxsync', message);
}
