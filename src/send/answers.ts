import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import type { Phase } from '../observe/events.ts';
import type { EntryCounts } from '../report.ts';
import type { PeerHandler, PeerLink } from '../transfer/peer-link.ts';
import { readItems, type OnItem } from '../transfer/read-items.ts';
import type { Queue } from '../transfer/queue.ts';
import type { IncomingStream } from '../wire/demux.ts';
import type { Beat, Hello, Receipt } from '../wire/messages.ts';

const QUEUED = 'queued' satisfies Phase;
const COMMITTING = 'committing' satisfies Phase;

/** What a receiver wants of a context. */
export interface Wants {
  /** Everything is wanted. */
  all: boolean;
  /** The list of wanted entries, unless everything is wanted. */
  ring: Ring;
}

export interface AnswersOptions {
  transferId: string;
  /** The digest of our FIN, once it exists. */
  digest: () => string | undefined;
  /** Creates a ring for a list of what the receiver wants. */
  createWantsRing: () => Ring;
  /** For a list of what the receiver changes; absent: none was asked for. */
  changes?: { createRing: () => Ring; onItem: OnItem } | undefined;
  /** HELLO has arrived; the first credit is set right after this. @throws CtxsyncError to end it here */
  onHello: (capabilities: readonly string[]) => void;
  /** Called at each beat, with the queue if the receiver makes us wait behind other senders. */
  onQueue: (queue: Queue | undefined) => void;
  /** The receiver puts in place what was sent. */
  onCommitting: () => void;
}

/** What a receiver answers on duplex: its capabilities, what it wants, and the outcome. */
export class Answers implements PeerHandler {
  /** Capabilities of the receiver: settles when its HELLO arrives. */
  readonly capabilities: Promise<readonly string[]>;
  /** Settles at RECEIPT or ERROR; nothing is awaited after those. */
  readonly #lastFrame: Promise<void>;
  readonly #options: AnswersOptions;
  /** Contexts whose wants have not arrived. */
  readonly #asking = new Map<string, (wants: Wants) => void>();
  #settleCapabilities = (_capabilities: readonly string[]): void => {};
  #settleLastFrame = (): void => {};
  #receipt: Receipt | undefined;
  /** Settles when the list of changes was read. */
  #changes: Promise<void> | undefined;
  #error: CtxsyncError | undefined;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.capabilities = new Promise((resolve) => (this.#settleCapabilities = resolve));
    this.#lastFrame = new Promise((resolve) => (this.#settleLastFrame = resolve));
  }

  hello({ role, mode, transferId, capabilities }: Hello): void {
    if (role !== 'receiver' || mode !== 'duplex' || transferId !== this.#options.transferId) {
      throw new CtxsyncError('corrupt', 'the answer is not from the receiver of this transfer');
    }
    this.#options.onHello(capabilities);
    this.#settleCapabilities(capabilities);
  }

  open({ id, kind, name, all }: IncomingStream): Ring {
    if (kind === 'changes') return this.#openChanges(id);
    const settle = this.#asking.get(name);
    if (kind !== 'want' || settle === undefined) {
      throw notAllowed(id);
    }
    this.#asking.delete(name);
    const ring = this.#options.createWantsRing();
    settle({ all: all === true, ring });
    return ring;
  }

  /** Once, after FIN, if it was asked for. */
  #openChanges(id: number): Ring {
    const { changes, digest } = this.#options;
    if (changes === undefined || this.#changes !== undefined || digest() === undefined) {
      throw notAllowed(id);
    }
    const ring = changes.createRing();
    this.#changes = readItems(ring, changes.onItem);
    // readToReceipt() reports it.
    this.#changes.catch(() => {});
    return ring;
  }

  beat({ state, path: words, entries, bytes }: Beat): void {
    this.#options.onQueue(state === QUEUED ? { words, entries, bytes } : undefined);
    if (state === COMMITTING && this.#options.digest() !== undefined) this.#options.onCommitting();
  }

  fin(): void {
    throw new CtxsyncError('corrupt', 'the receiver ended with FIN instead of RECEIPT');
  }

  receipt(receipt: Receipt): void {
    const { transferId, digest } = this.#options;
    if (receipt.transferId !== transferId || receipt.digest !== digest()) {
      throw new CtxsyncError('corrupt', 'the receipt is for another transfer');
    }
    this.#receipt = receipt;
    this.#settleLastFrame();
  }

  failed(error: CtxsyncError): void {
    this.#error = error;
    this.#settleLastFrame();
  }

  /** What the receiver wants of a context whose manifest it was offered. */
  wants(name: string): Promise<Wants> {
    return new Promise((resolve) => this.#asking.set(name, resolve));
  }

  /**
   * Reads until the receipt has arrived.
   * @throws CtxsyncError peer-failed with the receiver's message; peer-gone, or outcome-unknown when
   *   everything had been handed over; corrupt
   */
  async readToReceipt(link: PeerLink): Promise<void> {
    // In this order: a frame after the last one, in the same chunk, must not change the outcome.
    await Promise.race([this.#lastFrame, link.read()]);
    if (this.#receipt !== undefined) await this.#changes;
    if (this.#receipt === undefined) throw this.#error ?? link.stray ?? lost(link.finished);
  }

  /** The receiver has confirmed the commit. */
  get committed(): boolean {
    return this.#receipt !== undefined;
  }

  /** What became of the entries, if the receiver reported it. */
  get counts(): EntryCounts | undefined {
    const { written, reused = 0, metadataOnly = 0, unchanged, removed } = this.#receipt ?? {};
    if (written === undefined || unchanged === undefined || removed === undefined) return undefined;
    return { written, reused, metadataOnly, unchanged, removed };
  }
}

function notAllowed(id: number): CtxsyncError {
  return new CtxsyncError('corrupt', `the receiver opened stream ${id}, which is not allowed`);
}

/** @param finished we had handed over everything */
function lost(finished: boolean): CtxsyncError {
  if (!finished) {
    return new CtxsyncError(
      'peer-gone',
      'the receiver is gone: it was killed or cancelled, or the connection broke',
    );
  }
  return new CtxsyncError(
    'outcome-unknown',
    'everything was sent, but the receiver was lost before it confirmed the commit; check the receiver, or send again',
  );
}
