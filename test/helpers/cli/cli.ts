import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { chown, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { withDirectory } from '../trees/temporary-directory.ts';

/** The built command line; `npm test` builds it first. */
export const BIN = fileURLToPath(new URL('../../../bin/ctxsync.js', import.meta.url));

export interface Outcome {
  /** The exit status, or null when a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

export interface Started {
  child: ChildProcess;
  /** stderr so far. */
  said: () => string;
  done: Promise<Outcome>;
}

export interface StartOptions extends SpawnOptions {
  /** Prefixed to the command: `['nice']`. */
  around?: readonly string[];
}

/** Starts `ctxsync ...args` with stdin, stdout and stderr piped to the test. */
export function start(args: readonly string[], options: StartOptions = {}): Started {
  const { around = [], ...rest } = options;
  const env = plainEnvironment(options.env);
  const [file = '', ...argv] = [...around, process.execPath, BIN, ...args];
  const child = spawn(file, argv, { ...rest, env, stdio: 'pipe' });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => {}); // a child that ends early reports it itself
  const done = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr }),
    );
  });
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  return { child, said: () => stderr, done };
}

/** Starts `ctxsync ...args`; the process does not outlive the test, however it ends. */
export function startInTest(args: readonly string[], options: SpawnOptions = {}): Started {
  const started = start(args, options);
  onTestFinished(() => {
    started.child.kill('SIGKILL');
  });
  return started;
}

/** Like `sender | receiver`: carries the output of one to the other, and breaks when the reader is gone. */
export function joinByPipe(sender: Started, receiver: Started): void {
  const [from, to] = [sender.child.stdout!, receiver.child.stdin!];
  from.removeAllListeners('data').pipe(to);
  to.on('close', () => from.destroy());
}

/** Runs `ctxsync ...args` to completion, with `input` on stdin. */
export function run(
  args: readonly string[],
  options: SpawnOptions & { input?: Uint8Array } = {},
): Promise<Outcome> {
  const { input, ...rest } = options;
  const { child, done } = start(args, rest);
  child.stdin?.end(input);
  return done;
}

/** The bytes that `ctxsync send ...args` writes. */
export async function recordSend(
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Buffer> {
  const { code, stdout, stderr } = await run(['send', ...args], options);
  if (code !== 0) throw new Error(`send failed with ${code}: ${stderr}`);
  return stdout;
}

export interface PipelineOutcome {
  send: { code: number; stderr: string };
  receive: { code: number; stderr: string };
}

/**
 * `ctxsync send ...sendArgs | ctxsync receive ...receiveArgs` in a real shell, with a real pipe.
 * @param around prefixed to each command: `['nice']`
 */
export async function pipeline(
  sendArgs: readonly string[],
  receiveArgs: readonly string[],
  options: SpawnOptions = {},
): Promise<PipelineOutcome> {
  return withDirectory(async (directory) => {
    const { uid, gid } = options;
    if (uid !== undefined) await chown(directory, uid, gid ?? uid);
    const script = `
      { "$NODE" "$BIN" send "$@" 2> "$LOGS/send.err"; echo $? > "$LOGS/send.code"; } |
      { eval "set -- $RECEIVE_ARGS"
        "$NODE" "$BIN" receive "$@" 2> "$LOGS/receive.err"; echo $? > "$LOGS/receive.code"; }`;
    const env = {
      ...plainEnvironment(options.env),
      NODE: process.execPath,
      BIN,
      LOGS: directory,
      RECEIVE_ARGS: receiveArgs.map(quote).join(' '),
    };
    const child = spawn('sh', ['-c', script, 'sh', ...sendArgs], {
      ...options,
      env,
      stdio: 'ignore',
    });
    await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const read = (name: string) => readFile(join(directory, name), 'utf8');
    return {
      send: { code: Number(await read('send.code')), stderr: await read('send.err') },
      receive: { code: Number(await read('receive.code')), stderr: await read('receive.err') },
    };
  });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The environment without variables that would change what is tested. */
function plainEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const plain = { ...env };
  for (const name of [
    'CI',
    'GITHUB_ACTIONS',
    'FORCE_COLOR',
    'NO_COLOR',
    'NODE_OPTIONS',
    'VITEST',
  ]) {
    if (env[name] === process.env[name]) delete plain[name];
  }
  // A pipe that a test holds back counts as slow, and what zeros are compressed to would never fill it.
  return { CTXSYNC_COMPRESS: 'none', ...plain };
}
