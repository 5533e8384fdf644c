import { CtxsyncError } from '../../src/errors.ts';
import { Ring } from '../../src/flow/ring.ts';
import { LINGER_MS } from '../../src/limits.ts';
import type { StallDetector } from '../../src/observe/stall-detector.ts';
import type { AnswerHandler, DemuxHandler, IncomingStream } from '../../src/wire/demux.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { decodeHeader, FrameType } from '../../src/wire/frame.ts';
import type { Beat, End, Fin, Hello, PeerError } from '../../src/wire/messages.ts';
import { BEAT, HELLO } from '../helpers/wire/harness.ts';
import type { ChaosPipe } from './chaos-pipe.ts';
import type { Core, ScheduledDemux, ScheduledMux } from './core.ts';
import type { Mode, Role } from './plan.ts';

/** Milliseconds of virtual time between two checks of the stall detector. */
export const TICK_MS = 1_000;
/** Longer than any plan's own steps take. */
export const STALL_TIMEOUT_MS = 60_000;

export interface SideOptions {
  role: Role;
  mode: Mode;
  core: Core;
  incoming: ChaosPipe;
  outgoing: ChaosPipe;
  ringBytes: number;
  frameBytes: number;
  /** Compresses what shrinks. */
  codec: Codec | undefined;
  /** The content of each stream of this side. */
  contents: readonly Uint8Array[];
  /** The expected content of each stream of the peer. */
  expected: readonly Uint8Array[];
  now: () => number;
  /** Called when a rule of the model was broken. */
  violation: (what: string) => void;
}

/** A stream that this side sends: its log, and how far the disk is. */
interface Outbound {
  readonly content: Uint8Array;
  readonly ring: Ring;
  written: number;
  opened: boolean;
  ended: boolean;
  /** Bytes that were put into frames, and the limit for that. */
  framed: number;
  limit: number;
}

/** A stream that this side receives: what its consumer has taken so far. */
interface Inbound {
  readonly ring: Ring;
  readonly expected: Uint8Array;
  consumed: number;
  paused: boolean;
  frozen: boolean;
  /** The newest limit that is to be sent to the peer. */
  due?: number | undefined;
  granted: number;
}

/**
 * One end of a scheduled transfer: what a session does around the core, in miniature. Nothing happens
 * except what a step says and what its wake-ups lead to.
 */
export class Side {
  readonly options: SideOptions;
  readonly demux: ScheduledDemux | undefined;
  mux: ScheduledMux | undefined;
  readonly outbound: Outbound[];
  readonly inbound = new Map<number, Inbound>();
  /** How it ended: done, or why it failed. */
  outcome: 'done' | CtxsyncError | undefined;
  /** The peer's ERROR. */
  peerError: PeerError | undefined;
  /** ERROR or success was written as far as possible, and the transport is closed. */
  closed = false;
  readonly #detector: StallDetector;
  #fin: Fin | undefined;
  #pumping = false;
  #pushing = false;
  #sawEnd = false;
  #lingerUntil = Infinity;
  #beats = 0;
  #beatDue = false;
  #diskBytes = 0;
  #peerCredit: number;

  constructor(options: SideOptions) {
    const { role, mode, core, contents, ringBytes, now } = options;
    this.options = options;
    this.#detector = core.createDetector({
      stallAfterMs: 0,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      suspensionMs: TICK_MS,
      startedAt: now(),
    });
    this.#peerCredit = mode === 'duplex' ? 0 : Infinity;
    this.outbound = contents.map((content) => newOutbound(content, ringBytes, this.#peerCredit));
    if (role === 'sender' || mode === 'duplex') {
      const answers = mode === 'duplex' ? this.#answers() : undefined;
      const handler = this.#handler();
      if (role === 'receiver' || mode === 'duplex') {
        this.demux = core.createDemux(answers === undefined ? handler : { ...handler, answers });
      }
    } else {
      this.demux = core.createDemux(this.#handler());
    }
    if (role === 'sender') this.#speak(HELLO.transferId);
  }

  get over(): boolean {
    return this.outcome !== undefined && this.closed && !this.#pumping && !this.#pushing;
  }

  // --- steps; each returns whether it moved anything ---------------------------------------------

  open(stream: number): boolean {
    const next = this.outbound[stream];
    if (next === undefined || next.opened || this.mux === undefined) return false;
    // Ids count up: earlier streams are opened first.
    if (stream > 0 && this.open(stream - 1)) return true;
    if (this.outcome !== undefined) return false;
    next.opened = true;
    const kind = this.options.role === 'sender' ? 'tree' : 'want';
    const { ended } = this.mux.open({ kind, name: `c${stream}` }, next.ring);
    void ended.then(() => {
      next.ended = true;
      if (next.framed !== next.content.length) this.#violated(`stream ${stream} ended too early`);
      this.#commitIfWhole();
    });
    this.#finishIfAsked();
    return true;
  }

  /** The disk writes bytes to the ring of a stream. */
  write(stream: number, count: number): boolean {
    const log = this.outbound[stream];
    if (log === undefined || log.ring.cancelled || log.ring.ended) return false;
    const written = log.ring.write(log.content.subarray(log.written, log.written + count));
    log.written += written;
    this.#diskBytes += written;
    if (log.written === log.content.length) log.ring.end();
    return written > 0 || log.ring.ended;
  }

  /** The consumer of a stream reads bytes from its ring. */
  consume(stream: number, count: number): boolean {
    const log = this.inbound.get(stream + 1);
    if (log === undefined || log.paused || log.frozen || log.ring.cancelled) return false;
    const piece = log.ring.readable().subarray(0, count);
    const want = log.expected.subarray(log.consumed, log.consumed + piece.length);
    if (Buffer.compare(piece, want) !== 0) {
      this.#violated(`stream ${stream + 1} is not what was written, from ${log.consumed} on`);
    }
    log.consumed += piece.length;
    log.ring.consumed(piece.length);
    this.#diskBytes += piece.length;
    this.#finishIfAsked();
    return piece.length > 0 || this.#commitIfWhole();
  }

  pause(stream: number, paused: boolean): void {
    const log = this.inbound.get(stream + 1);
    if (log !== undefined) log.paused = paused;
  }

  freeze(stream: number): void {
    const log = this.inbound.get(stream + 1);
    if (log !== undefined) log.frozen = true;
  }

  /** A consumer, or the disk, cancels a stream. */
  cancel(stream: number): void {
    this.inbound.get(stream + 1)?.ring.cancel();
    this.outbound[stream]?.ring.cancel();
  }

  /** Reads from the transport, unless the demux waits. */
  read(count: number): boolean {
    if (this.demux === undefined || this.#pushing || this.closed) return false;
    const bytes = this.options.incoming.deliver(count);
    if (bytes !== undefined) {
      if (this.outcome === undefined) this.#push(this.demux, bytes);
      return true;
    }
    if (this.#sawEnd || !this.options.incoming.atEnd) return false;
    this.#sawEnd = true;
    this.#handleEnd(this.demux);
    return true;
  }

  beat(): void {
    if (this.mux === undefined || this.mux.finished) return;
    this.mux.beat({ ...BEAT, entries: (this.#beats += 1) });
    this.#beatDue = true;
  }

  /** Time has passed. */
  tick(): void {
    const { now, core } = this.options;
    if (this.outcome === undefined) {
      const payloadBytes = (this.demux?.payloadBytes ?? 0) + (this.mux?.payloadBytes ?? 0);
      const figures = { payloadBytes, diskBytes: this.#diskBytes, beats: this.#heardBeats };
      const verdict = { side: 'sender', cause: 'unknown', text: 'nothing moves' } as const;
      const events = this.#detector.tick(now(), core.movement(figures), () => verdict);
      if (events.some(({ type }) => type === 'expired')) this.fail('stalled');
    }
    if (now() >= this.#lingerUntil) this.#close();
    else this.#closeIfDone();
  }

  fail(code: CtxsyncError['code'], message = 'by the schedule'): void {
    if (this.outcome !== undefined) return;
    this.outcome = new CtxsyncError(code, message);
    const { role, incoming, now } = this.options;
    for (const { ring } of [...this.outbound, ...this.inbound.values()]) ring.cancel();
    this.mux?.fail({ code, origin: role, message });
    this.#lingerUntil = now() + LINGER_MS;
    if (this.mux === undefined) incoming.close();
    if (this.options.core.closes === 'at-once') this.#close();
    else this.#closeIfDone();
  }

  /** For the error message when it hangs. */
  describe(): string {
    const { role, incoming, outgoing } = this.options;
    const { demux, mux } = this;
    const out = this.outbound.map(
      ({ content, written, framed, limit, ended }, i) =>
        `#${i + 1} written ${written} framed ${framed} of ${content.length} limit ${limit}${ended ? ' ended' : ''}`,
    );
    const inn = [...this.inbound].map(
      ([id, { consumed, granted, ring, expected }]) =>
        `#${id} consumed ${consumed} readable ${ring.readable().length} of ${expected.length} granted ${granted}${ring.ended ? ' ended' : ''}${ring.cancelled ? ' cancelled' : ''}`,
    );
    return [
      `${role}: ${this.outcome instanceof CtxsyncError ? this.outcome.message : (this.outcome ?? 'under way')}`,
      `  closed ${this.closed} pumping ${this.#pumping} pushing ${this.#pushing} write pending ${outgoing.writePending}`,
      `  waits for stream ${demux?.waitingFor?.id ?? '-'} arriving ${incoming.underWayBytes} wire in ${demux?.wireBytes ?? 0} out ${mux?.wireBytes ?? 0} finished ${mux?.finished ?? '-'}`,
      `  sends ${out.join('; ') || 'nothing'}`,
      `  receives ${inn.join('; ') || 'nothing'}`,
    ].join('\n');
  }

  // --- outgoing ----------------------------------------------------------------------------------

  #speak(transferId: string): void {
    const { role, mode, core, ringBytes } = this.options;
    const credit = mode === 'duplex' ? ringBytes : 0;
    const mux = core.createMux({ ...HELLO, role, mode, transferId, credit });
    this.mux = mux;
    this.#pumping = true;
    void this.#pump(mux);
    this.#finishIfAsked();
  }

  /**
   * The FIN of a sender, once every answer has arrived: no credit is granted after it. The direction of
   * a receiver ends with its receipt.
   */
  #finishIfAsked(): void {
    const { role, expected } = this.options;
    const asked = [...this.inbound.values()].filter(({ ring }) => ring.drained);
    if (role !== 'sender' || asked.length < expected.length) return;
    if (this.outbound.every(({ opened }) => opened)) this.mux?.finish();
  }

  async #pump(mux: ScheduledMux): Promise<void> {
    try {
      while (!mux.finished) {
        const pieces = mux.next(this.options.frameBytes, this.options.codec);
        if (pieces === undefined) {
          await mux.ready();
          continue;
        }
        this.#checkFrame(pieces, mux.payloadUnderWay);
        await this.options.outgoing.write(pieces);
        mux.written();
      }
      if (this.options.mode === 'oneway' && this.outcome === undefined) this.#done();
    } catch {
      // On duplex, the reason is in what can still be read.
      if (this.demux === undefined) this.fail('peer-gone');
    } finally {
      this.#pumping = false;
      this.#closeIfDone();
    }
  }

  /** Checks each frame from the mux against all rules. */
  #checkFrame(pieces: readonly Uint8Array[], length: number): void {
    const { type, stream } = decodeHeader(pieces.at(-2)!);
    if (type === FrameType.data) {
      const log = this.outbound[stream - 1]!;
      log.framed += length;
      if (log.framed > log.limit) this.#violated(`stream ${stream} exceeds its credit`);
      if (log.framed > log.written) this.#violated(`stream ${stream} has more than was written`);
    }
    if (type === FrameType.beat) {
      if (!this.#beatDue) this.#violated('a BEAT that nobody asked for, or an older one');
      this.#beatDue = false;
    }
    if (type === FrameType.credit) this.#checkGrant(stream, pieces.at(-1)!);
    if (type === FrameType.receipt && this.outcome !== 'done') this.#violated('a false receipt');
  }

  #checkGrant(stream: number, payload: Uint8Array): void {
    const { limit } = JSON.parse(Buffer.from(payload).toString()) as { limit: number };
    const log = this.inbound.get(stream)!;
    if (log.due !== limit) this.#violated(`CREDIT ${limit} on ${stream}, and ${log.due} is due`);
    log.due = undefined;
    if (limit < log.granted) this.#violated(`the limit of stream ${stream} went down`);
    if (limit > log.consumed + this.options.ringBytes) {
      this.#violated(`the limit of stream ${stream} is more than was consumed and the ring holds`);
    }
    log.granted = limit;
  }

  // --- incoming ----------------------------------------------------------------------------------

  #heardBeats = 0;

  #handler(): DemuxHandler {
    return {
      hello: (hello) => this.#handleHello(hello),
      open: (stream) => this.#handleOpen(stream),
      end: (stream, end) => this.#handleStreamEnd(stream, end),
      beat: (beat) => this.#handleBeat(beat),
      fin: (fin) => this.#handleFin(fin),
      peerError: (error) => {
        this.peerError = error;
        this.fail('peer-failed', error.message);
      },
      raised: (id, limit) => {
        this.inbound.get(id)!.due = limit;
        this.mux?.grant(id, limit);
      },
    };
  }

  #answers(): AnswerHandler {
    return {
      credit: (id, { limit }) => {
        const log = this.outbound[id - 1];
        if (log !== undefined && limit > log.limit) log.limit = limit;
        return this.mux!.raiseLimit(id, limit);
      },
      receipt: ({ digest }) => {
        if (digest !== this.mux!.digest) this.#violated('the receipt of another transfer');
        this.#done();
      },
    };
  }

  #handleHello({ credit, transferId }: Hello): void {
    const { role, mode } = this.options;
    if (mode === 'oneway') return;
    if (role === 'receiver') this.#speak(transferId);
    for (const log of this.outbound) log.limit += credit;
    this.mux!.setFirstCredit(credit);
  }

  #handleOpen({ id, name }: IncomingStream): Ring {
    const { core, ringBytes, expected } = this.options;
    const ring = core.createRing(ringBytes);
    if (name !== `c${id - 1}`) this.#violated(`stream ${id} is called ${name}`);
    if (this.outcome !== undefined) ring.cancel();
    this.inbound.set(id, {
      ring,
      expected: expected[id - 1]!,
      consumed: 0,
      paused: false,
      frozen: false,
      granted: ringBytes,
    });
    return ring;
  }

  #handleStreamEnd({ id }: IncomingStream, { bytes }: End): void {
    const { expected } = this.inbound.get(id)!;
    if (bytes !== expected.length) this.#violated(`END of stream ${id} after ${bytes} bytes`);
  }

  #handleBeat({ entries }: Beat): void {
    if (entries <= this.#heardBeats) this.#violated('an older BEAT after a newer one');
    this.#heardBeats = entries;
  }

  #handleFin(fin: Fin): void {
    if (this.#fin !== undefined) this.#violated('a second FIN');
    this.#fin = fin;
    if (fin.streams !== this.options.expected.length) this.#violated('FIN before all streams');
    this.#commitIfWhole();
  }

  #push(demux: ScheduledDemux, bytes: Uint8Array): void {
    try {
      const pushed = demux.push(bytes);
      if (pushed === undefined) return;
      this.#pushing = true;
      pushed
        .catch((error: unknown) => this.#failBy(error))
        .finally(() => {
          this.#pushing = false;
          this.#closeIfDone();
        });
    } catch (error) {
      this.#failBy(error);
    }
  }

  #handleEnd(demux: ScheduledDemux): void {
    if (this.outcome !== undefined) return this.#closeIfDone();
    try {
      demux.eof();
      if (this.options.role === 'sender') this.fail('outcome-unknown');
    } catch (error) {
      this.#failBy(error);
    }
  }

  #failBy(error: unknown): void {
    const { code, message } = CtxsyncError.from(error);
    if (code === 'corrupt' || code === 'internal' || code === 'not-ctxsync') {
      this.#violated(`${code}: ${message}`);
    }
    this.fail(code, message);
  }

  // --- ends --------------------------------------------------------------------------------------

  /** @returns whether it did */
  #commitIfWhole(): boolean {
    const { role, core, expected } = this.options;
    if (role !== 'receiver' || this.outcome !== undefined) return false;
    const drained = [...this.inbound.values()].every(({ ring }) => ring.drained);
    if (!core.mayCommit({ finished: this.#fin !== undefined, drained })) return false;
    if (!this.outbound.every(({ ended }) => ended)) return false;
    for (const [i, content] of expected.entries()) {
      if (this.inbound.get(i + 1)?.consumed === content.length) continue;
      this.#violated(`a commit without all of stream ${i + 1}`);
    }
    this.#done();
    return true;
  }

  #done(): void {
    if (this.outcome !== undefined) return;
    this.outcome = 'done';
    this.#lingerUntil = this.options.now() + LINGER_MS;
    if (this.options.role === 'receiver') {
      this.mux?.sendReceipt({ transferId: HELLO.transferId, digest: this.#fin?.digest ?? '' });
    }
    this.#closeIfDone();
  }

  /** A side that failed keeps reading until its peer has ended, or the peer may lose its ERROR. */
  #closeIfDone(): void {
    if (this.outcome === undefined || this.#pumping) return;
    const waits = this.outcome !== 'done' && this.demux !== undefined && this.mux !== undefined;
    const { closes } = this.options.core;
    if (waits && closes === 'after-the-peer' && !this.#sawEnd) {
      // The other side waits for our end as we wait for its own.
      this.options.outgoing.end();
      return;
    }
    this.#close();
  }

  /** Like a socket: if unread data remains when it is closed, undelivered data is lost. */
  #close(): void {
    if (this.closed) return;
    this.closed = true;
    const { incoming, outgoing, mode } = this.options;
    const unread = incoming.underWayBytes > 0 || incoming.writePending;
    if (this.#pumping || (mode === 'duplex' && unread && this.outcome !== 'done')) {
      outgoing.cut(outgoing.underWayBytes);
    } else {
      outgoing.end();
    }
    if (this.demux !== undefined) incoming.close();
  }

  #violated(what: string): void {
    this.options.violation(`${this.options.role}: ${what}`);
  }
}

function newOutbound(content: Uint8Array, ringBytes: number, limit: number): Outbound {
  const ring = Ring.create(ringBytes);
  return { content, ring, written: 0, opened: false, ended: false, framed: 0, limit };
}
