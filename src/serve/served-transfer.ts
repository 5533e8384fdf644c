import { join } from 'node:path';
import { isWorkName } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { HELLO_TIMEOUT_MS } from '../limits.ts';
import type { TransferEvent } from '../observe/events.ts';
import type { Movement } from '../observe/movement.ts';
import { TurnPatience } from '../observe/turn-patience.ts';
import type { Connection } from '../transport/transport.ts';
import { WHOLE, type DestinationQueue, type Turn } from './destination-queue.ts';
import { receiveFrom } from '../receive/receive.ts';
import { SenderLink } from '../receive/sender-link.ts';
import type { Queue } from '../transfer/queue.ts';
import type { ServeOptions } from './serve-options.ts';

/** Where a sender's contexts are received. */
interface Place {
  directory: string;
  /** The context that becomes the directory itself; each other one becomes a directory in it. */
  context: string;
}

/** One sender of serve(): its place in the queue, its run, and the reasons to end that early. */
export class ServedTransfer {
  /** It has, or had, its turn. */
  begun = false;
  /** What it has done so far. */
  readonly #done = { entries: 0, bytes: 0 };
  readonly #id: number;
  readonly #options: ServeOptions;
  readonly #turns: DestinationQueue<ServedTransfer>;
  readonly #abort = new AbortController();
  #destination: string | undefined;
  #turn: Turn<ServedTransfer> | undefined;
  /** Set when its turn begins. */
  #patience: TurnPatience | undefined;
  #ended = false;

  constructor(id: number, options: ServeOptions, turns: DestinationQueue<ServedTransfer>) {
    this.#id = id;
    this.#options = options;
    this.#turns = turns;
  }

  /** @returns whether it succeeded. Never rejects: its events report why it failed */
  async run(from: Connection): Promise<boolean> {
    const { to, maxBytes, maxEntries, stallAfterMs, stallTimeoutMs, abortGraceMs } = this.#options;
    const options = {
      from,
      to,
      maxBytes,
      maxEntries,
      stallAfterMs,
      stallTimeoutMs,
      abortGraceMs,
      signal: this.#abort.signal,
      onEvent: (event: TransferEvent) => this.#handle(event),
    };
    const sender = new SenderLink({
      ...options,
      onMovement: (now, seen) => this.#judge(now, seen),
    });
    sender.start();
    try {
      const { directory, context } = await this.#waitForTurn(sender);
      await receiveFrom(sender, { ...options, to: { ...to, directory } }, context);
      return true;
    } catch (thrown) {
      if (!this.#ended) await sender.refuse(CtxsyncError.from(thrown));
      return false;
    } finally {
      this.#turn?.leave();
    }
  }

  interrupt(): void {
    this.#abort.abort();
  }

  /** @throws CtxsyncError unsafe-entry, stalled, peer-gone, interrupted */
  async #waitForTurn(sender: SenderLink): Promise<Place> {
    const place = placeOf(this.#options.to.directory, await this.#contextsOf(sender));
    this.#destination = place.directory;
    this.#turn = this.#turns.ask(place.context, this);
    for (const other of this.#turn.blockers) other.#yield();
    await sender.keepWaiting(this.#turn.granted, () => this.#queue());
    this.begun = true;
    const { stallAfterMs, stallTimeoutMs } = this.#options;
    this.#patience = new TurnPatience({
      stallAfterMs,
      stallTimeoutMs,
      startedAt: performance.now(),
    });
    return place;
  }

  /** @returns undefined if there are too many to list */
  async #contextsOf(sender: SenderLink): Promise<readonly string[] | undefined> {
    const timer = setTimeout(() => this.#abort.abort(noHello()), HELLO_TIMEOUT_MS);
    try {
      return (await sender.failure.race(sender.hello)).contexts;
    } finally {
      clearTimeout(timer);
    }
  }

  #queue(): Queue | undefined {
    const { before = 0, blockers = [] } = this.#turn ?? {};
    if (before === 0) return undefined;
    const queue = { words: `${before} sender${before === 1 ? '' : 's'} ahead` };
    const sum = (of: 'entries' | 'bytes'): number =>
      blockers.reduce((total, other) => total + other.#done[of], 0);
    return { ...queue, entries: sum('entries'), bytes: sum('bytes') };
  }

  #handle(event: TransferEvent): void {
    if (event.type === 'end') this.#ended = true;
    if (event.type === 'progress') {
      this.#done.entries = event.entries;
      this.#done.bytes = event.bytes;
    }
    this.#tell(event);
  }

  #judge(now: number, seen: Movement): void {
    this.#patience?.tick(now, seen);
    this.#yield();
  }

  /** A transfer that is too slow keeps its turn as long as nobody else waits for its destination. */
  #yield(): void {
    const why = this.#patience?.spent;
    if (why === undefined || this.#turn?.awaited !== true) return;
    const message = `gave up: ${why} while other senders waited for ${this.#destination}`;
    this.#abort.abort(new CtxsyncError('stalled', message));
  }

  #tell(event: TransferEvent): void {
    this.#options.onEvent?.({ transfer: this.#id, destination: this.#destination, ...event });
  }
}

/** @throws CtxsyncError unsafe-entry */
function placeOf(directory: string, contexts: readonly string[] | undefined): Place {
  const [name = WHOLE] = contexts?.length === 1 ? contexts : [];
  if (name === WHOLE) return { directory, context: WHOLE };
  if (isWorkName(name)) {
    const message = `"${name}" cannot be the name of a context: receivers use such names for their own files`;
    throw new CtxsyncError('unsafe-entry', message, { path: name });
  }
  return { directory: join(directory, name), context: name };
}

function noHello(): CtxsyncError {
  const seconds = HELLO_TIMEOUT_MS / 1_000;
  return new CtxsyncError('stalled', `gave up: no HELLO arrived for ${seconds}s`);
}
