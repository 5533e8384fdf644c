import { CtxsyncError } from '../errors.ts';
import type { Movement } from '../observe/movement.ts';
import type { Place } from './directory-target.ts';
import type { Queue } from '../transfer/queue.ts';

export interface AdmissionOptions {
  /**
   * Called when the sender has listed its contexts (undefined: too many to list), and awaited before the
   * directory is touched: another sender may come first, or the contexts may belong elsewhere in it.
   */
  place?: ((contexts: readonly string[] | undefined) => Promise<Place>) | undefined;
  /** Called while `place` is awaited: who comes first, which is passed on to the sender. */
  queue?: (() => Queue | undefined) | undefined;
  /** Called ten times a second with what has moved, for deciding how long the transfer may keep its turn. */
  onMovement?: ((now: number, seen: Movement) => void) | undefined;
}

/**
 * Holds a receiver back until it is admitted to its destination. Until then only HELLO is processed and
 * little more is read, so a waiting transfer needs neither a ring nor a thread.
 */
export class Admission {
  /** Settles when the transfer is admitted; never, if the run is given up before. */
  readonly placed: Promise<void>;
  done: boolean;
  /** How often the queue was checked in vain. It counts as movement: waiting for a turn is not a stall. */
  looks = 0;
  readonly #options: AdmissionOptions;
  #settlePlaced = (): void => {};
  readonly #givenUp: Promise<void>;
  #letGo = (): void => {};
  #isGivenUp = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.done = options.place === undefined;
    this.placed = new Promise((resolve) => (this.#settlePlaced = resolve));
    this.#givenUp = new Promise((resolve) => (this.#letGo = resolve));
  }

  /**
   * To be called once, unless it is `done` from the start.
   * @param handedOver rejects when the sender takes no more of what we send
   * @throws CtxsyncError peer-gone, when the sender left; interrupted; and what `place` throws
   */
  async ask(contexts: readonly string[] | undefined, handedOver: Promise<void>): Promise<Place> {
    const asked = this.#options.place!(contexts);
    const place = await Promise.race([asked, senderLeaves(handedOver)]);
    if (this.#isGivenUp) throw new CtxsyncError('interrupted', 'the transfer was given up');
    this.done = true;
    this.#settlePlaced();
    return place;
  }

  look(): Queue | undefined {
    const queue = this.done ? undefined : this.#options.queue?.();
    if (queue !== undefined) this.looks += 1;
    return queue;
  }

  /** Reads nothing more while `pending`, or until the run is given up: then all is discarded. */
  hold(pending: Promise<void> | undefined): Promise<void> | undefined {
    return pending && Promise.race([pending, this.#givenUp]);
  }

  giveUp(): void {
    this.#isGivenUp = true;
    this.#letGo();
  }
}

/** @param cause how it was seen, when it was not by the end of what it sent */
export function senderLeft(cause?: unknown): CtxsyncError {
  return new CtxsyncError('peer-gone', 'the sender left while it waited for its turn', { cause });
}

/** Nothing is read of a sender that waits: that it went is seen when it takes no more beats. */
async function senderLeaves(handedOver: Promise<void>): Promise<never> {
  try {
    await handedOver;
  } catch (cause) {
    throw senderLeft(cause);
  }
  return new Promise<never>(() => {});
}
