import { spawn, type ChildProcess } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { BIN } from './cli.ts';

/** Carries stdin to stdout at this many bytes per second, a few at a time, and buffers nothing. */
const THROTTLE = `
const { readSync, writeSync } = require('node:fs');
const bytesPerSecond = Number(process.argv[1]);
const piece = Buffer.alloc(Math.max(1, Math.floor(bytesPerSecond / 20)));
const sleeper = new Int32Array(new SharedArrayBuffer(4));
for (let count; (count = readSync(0, piece)) > 0; ) {
  for (let at = 0; at < count; ) at += writeSync(1, piece, at, count - at);
  Atomics.wait(sleeper, 0, 0, (1000 * count) / bytesPerSecond);
}`;

export interface OverSlowLink {
  /** What each side has written to stderr so far. */
  said: () => string;
  done: Promise<{ code: number | null; stderr: string }>;
}

export interface SlowLink {
  context: string;
  out: string;
  bytesPerSecond: number;
  /** Options of both sides. */
  args?: readonly string[];
  /** Options of the sender: words without spaces. */
  sendArgs?: readonly string[];
}

/** `ctxsync send | ctxsync receive` with a slow link in the pipe. */
export function sendThroughSlowPipe(link: SlowLink) {
  const script = `"$0" "$BIN" send "$CONTEXT" $SEND_ARGS "$@" | "$0" -e "$THROTTLE" "$RATE" |
    "$0" "$BIN" receive "$OUT" "$@"`;
  return startShell(script, link);
}

/** `ctxsync send -- command` with a slow link in both directions. */
export function sendToSlowCommand(link: SlowLink) {
  const command = `"$0" -e "$THROTTLE" "$RATE" | "$0" "$BIN" receive "$OUT" "$@" |
    "$0" -e "$THROTTLE" "$RATE"`;
  const script = `exec "$0" "$BIN" send "$CONTEXT" $SEND_ARGS "$@" -- sh -c "$COMMAND" "$0" "$@"`;
  return startShell(script, link, command);
}

function startShell(
  script: string,
  { context, out, bytesPerSecond, args = [], sendArgs = [] }: SlowLink,
  command = '',
): OverSlowLink {
  const env = {
    PATH: process.env['PATH'],
    BIN,
    THROTTLE,
    CONTEXT: context,
    OUT: out,
    RATE: String(bytesPerSecond),
    SEND_ARGS: sendArgs.join(' '),
    COMMAND: command,
  };
  // Its own process group, so that it ends as a whole with the test.
  const child = spawn('sh', ['-c', script, process.execPath, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  onTestFinished(() => endGroup(child));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const done = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, stderr }));
  });
  return { said: () => stderr, done };
}

function endGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {
    // All its processes have ended.
  }
}
