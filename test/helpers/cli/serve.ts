import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Hello } from '../../../src/wire/messages.ts';
import { Mux } from '../../../src/wire/mux.ts';
import { startInTest, type Started } from './cli.ts';
import { connectTo } from './connect-to.ts';
import { addBigFile, socketOf, startReceiver } from './duplex.ts';
import { expectExit, writeTree } from '../trees/sandbox.ts';
import { relay } from './socket-relay.ts';
import { until } from '../until.ts';
import { allFrames, fullRing, HELLO } from '../wire/harness.ts';

/** A receiver that serves, and the senders of the test. */
export class Server {
  readonly started: Started;
  readonly socket: string;
  readonly #directory: string;
  #relays = 0;

  private constructor(started: Started, socket: string, directory: string) {
    this.started = started;
    this.socket = socket;
    this.#directory = directory;
  }

  static async start(
    sandbox: { directory: string; out: string },
    args: readonly string[] = [],
  ): Promise<Server> {
    const socket = socketOf(sandbox);
    const started = await startReceiver(socket, ['--serve', sandbox.out, ...args]);
    return new Server(started, socket, sandbox.directory);
  }

  send(...args: string[]): Started {
    return startInTest(['send', ...args, '--socket', this.socket]);
  }

  /** A sender whose bytes are held back in the middle of its context, once the server works on it. */
  async sendHeld(...args: string[]): Promise<HeldSender> {
    const path = join(this.#directory, `relay-${(this.#relays += 1)}`);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let holds = false;
    const onStep = (step: number): Promise<void> | undefined => {
      if (step !== HELD_AT_STEP) return undefined;
      holds = true;
      return released;
    };
    await relay({ path, to: this.socket, stepBytes: STEP_BYTES, onStep, onFin: () => {} });
    const sender = startInTest(['send', ...args, '--socket', path]);
    await until('the sender is held', () => holds || sender.child.exitCode !== null);
    return { sender, release };
  }

  /** Waits until it has printed this. */
  said(words: string | RegExp): Promise<void> {
    return until(
      `the server says ${words}; it said ${this.started.said()}`,
      () => this.started.said().match(words) !== null,
    );
  }

  /** Number of threads: disk threads and all others. */
  get threads(): number {
    return readdirSync(`/proc/${this.started.child.pid}/task`).length;
  }

  /** Bytes of memory: the peak (VmHWM), or the current use (VmRSS). */
  memory(which: 'VmHWM' | 'VmRSS'): number {
    const status = readFileSync(`/proc/${this.started.child.pid}/status`, 'utf8');
    return Number(new RegExp(`${which}:\\s*(\\d+) kB`).exec(status)?.[1]) * 1_024;
  }

  async end(signal: NodeJS.Signals): Promise<{ code: number | null; stderr: string }> {
    this.started.child.kill(signal);
    return this.started.done;
  }

  get listens(): boolean {
    return existsSync(this.socket);
  }

  /** A connection that writes what the test wants, and reads everything that comes. */
  async connect(...pieces: readonly Uint8Array[]): Promise<RawSender> {
    const socket = await connectTo(this.socket);
    onTestFinished(() => void socket.destroy());
    const raw: RawSender = { socket, closed: false, heard: '' };
    socket.on('data', (bytes) => (raw.heard += bytes.toString('latin1')));
    for (const event of ['end', 'close', 'error']) socket.on(event, () => (raw.closed = true));
    for (const piece of pieces) socket.write(piece);
    return raw;
  }
}

/** In the middle of a context that is bigger than this. */
const STEP_BYTES = 64 * 1024;
const HELD_AT_STEP = 20;

export interface HeldSender {
  sender: Started;
  release: () => void;
}

export interface RawSender {
  socket: Socket;
  /** The server has closed the connection. */
  closed: boolean;
  heard: string;
}

/** The magic and HELLO of a sender. */
export function helloOf(changes: Partial<Hello>): Uint8Array {
  return Buffer.concat(allFrames(new Mux({ ...HELLO, mode: 'duplex', ...changes })));
}

/** HELLO, OPEN and this many bytes of a context, from a sender that ignores credit. */
export function floodOf(name: string, bytes: number): Uint8Array {
  const mux = new Mux({ ...HELLO, contexts: [name] });
  mux.open({ kind: 'tree', name: name }, fullRing(new Uint8Array(bytes)));
  return Buffer.concat(allFrames(mux));
}

/** A context that is big enough to be held in the middle, and fits into a relay's buffer. */
export function bigContext(
  { directory }: { directory: string },
  name = 'big',
  bytes = 3 * 1024 * 1024,
): string {
  const context = join(directory, name);
  addBigFile({ context }, bytes);
  writeTree(context, { 'name.txt': name });
  return context;
}

/** Ends on SIGTERM and leaves no process behind. */
export async function expectCleanEnd(server: Server): Promise<{ stderr: string }> {
  const outcome = await server.end('SIGTERM');
  expectExit(outcome, 0);
  expect(server.listens).toBe(false);
  return outcome;
}
