import type { SpawnOptions } from 'node:child_process';
import { pipeline, Transform, type TransformCallback } from 'node:stream';
import type { TransferEvent } from '../../../src/observe/events.ts';
import { startInTest, type Started } from './cli.ts';

/** Where the bytes are held back: after the first N, or before the last N. */
export type Hold = { after: number } | { beforeLast: number };

/** A pipe that the test controls: bytes that it holds back arrive when it is released. */
export class PausablePipe {
  readonly #gate: Gate;

  /** Connects two processes in the tick in which they were started. A broken end breaks the other. */
  constructor(from: Started, to: Started, hold: Hold) {
    this.#gate = new Gate(hold);
    pipeline(from.child.stdout!, this.#gate, to.child.stdin!, () => {});
  }

  /** Nothing passes now until `release`. */
  get holds(): boolean {
    return this.#gate.holds;
  }

  release(): void {
    this.#gate.release();
  }
}

export interface HeldTransfer {
  sender: Started;
  receiver: Started;
  pipe: PausablePipe;
}

/** `ctxsync send ... | ctxsync receive ...` with a pipe that holds back; it ends with the test. */
export function startHeld(
  send: readonly string[],
  receive: readonly string[],
  hold: Hold,
  options: SpawnOptions = {},
): HeldTransfer {
  const sender = startInTest(['send', ...send], options);
  const receiver = startInTest(['receive', ...receive], options);
  return { sender, receiver, pipe: new PausablePipe(sender, receiver, hold) };
}

/** What a process with `--progress json` has reported so far. */
export function eventsOf({ said }: Started): TransferEvent[] {
  const lines = said().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as TransferEvent);
}

class Gate extends Transform {
  readonly #hold: Hold;
  #held = Buffer.alloc(0);
  #passed = 0;
  #released = false;
  #goOn: TransformCallback | undefined;

  constructor(hold: Hold) {
    super();
    this.#hold = hold;
  }

  get holds(): boolean {
    return this.#goOn !== undefined;
  }

  release(): void {
    this.#released = true;
    const goOn = this.#goOn;
    this.#goOn = undefined;
    if (this.#held.length > 0) this.push(this.#held);
    this.#held = Buffer.alloc(0);
    goOn?.();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = Buffer.concat([this.#held, chunk]);
    const count = this.#released ? bytes.length : this.#mayPass(bytes.length);
    if (count > 0) this.push(bytes.subarray(0, count));
    this.#passed += count;
    this.#held = bytes.subarray(count);
    if ('after' in this.#hold && this.#held.length > 0) this.#goOn = done;
    else done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#held.length > 0) this.#goOn = done;
    else done();
  }

  #mayPass(available: number): number {
    const hold = this.#hold;
    const count = 'after' in hold ? hold.after - this.#passed : available - hold.beforeLast;
    return Math.max(0, Math.min(available, count));
  }
}
