import { MAX_TRACE_CHARS, SPARSER_TRACE_CHARS, TICK_MS } from '../limits.ts';
import type { Side } from '../report.ts';
import type { TransferEvent } from './events.ts';
import { formatAge } from './format-age.ts';
import { peerOf } from './peer-of.ts';
import type { PeerSample, Sample } from './sample.ts';
import { stateWords } from './state-words.ts';
import { TraceCounters } from './trace-counters.ts';
import type { TraceEvent } from './trace-event.ts';
import { TraceTrack } from './trace-track.ts';

/** Numbers of the tracks; disk thread 1 has the one after these. */
const MAIN = 0;
const PHASE = 1;
const PEER = 2;

/**
 * A trace of one run in the Trace Event Format, made of its events and samples, for Perfetto or
 * chrome://tracing.
 *
 * What a thread does between two samples is not seen: a slice of a tenth of a second is what it was doing
 * when it was looked at, and only a longer one shows how long that took. The shares of a disk thread's
 * time, in its curves, are exact.
 *
 * Samples become rarer as the trace grows: their interval doubles after each SPARSER_TRACE_CHARS, so a
 * transfer of a day takes some ten times that.
 *
 * @example
 * const trace = new TransferTrace('sender');
 * await send({ ...options, onEvent: trace.onEvent, onSample: trace.onSample });
 * await writeFile('trace.json', trace.text());
 */
export class TransferTrace {
  readonly #side: Side;
  readonly #now: () => number;
  /**
   * Not the operating system's: in two containers both may have the same, and the traces of both sides
   * can be shown together.
   */
  readonly #pid: number;
  readonly #counters: TraceCounters;
  readonly #tracks = new Map<number, TraceTrack>();
  /** JSON of the events so far. */
  readonly #lines: string[] = [];
  #chars = 0;
  /** The number of characters after which samples become rarer. */
  #sparserAt = SPARSER_TRACE_CHARS;
  /** Milliseconds between two samples; 0: all of them. */
  #everyMs = 0;
  /** In microseconds. */
  #sampledAt = -Infinity;
  #phaseIsNew = false;
  #isFull = false;

  /** @param now milliseconds since the epoch; must not go back */
  constructor(side: Side, now?: () => number) {
    this.#side = side;
    this.#now = now ?? wallClock;
    this.#pid = side === 'sender' ? 1 : 2;
    this.#counters = new TraceCounters(this.#pid);
    const [pid, tid] = [this.#pid, this.#tid(MAIN)];
    this.#add({ ph: 'M', name: 'process_name', pid, tid, args: { name: `ctxsync ${side}` } });
    this.#add({ ph: 'M', name: 'process_sort_index', pid, tid, args: { sort_index: pid } });
    this.#show(PHASE, 'phase', ['starting'], this.#ts());
    this.#show(MAIN, 'main thread', [], this.#ts());
  }

  /** To be called with each event. Those of progress are ignored: samples show more. */
  readonly onEvent = (event: TransferEvent): void => {
    if (this.#isFull) return;
    const ts = this.#ts();
    if (event.type === 'phase') {
      const queue = event.queue === undefined ? [] : [event.queue];
      this.#show(PHASE, 'phase', [event.phase, ...queue], ts);
      this.#phaseIsNew = true;
    }
    if (event.type === 'end') this.#endSlices(ts);
    const instant = instantOf(event);
    if (instant !== undefined) this.#addInstant(event.type, instant, ts);
    this.#checkSize(ts);
  };

  /** To be called with each sample. */
  readonly onSample = (sample: Sample): void => {
    const ts = this.#ts();
    // A tick may come a little early.
    const dueAt = this.#sampledAt + (this.#everyMs - TICK_MS / 2) * 1_000;
    if (this.#isFull || (ts < dueAt && !this.#phaseIsNew)) return;
    this.#phaseIsNew = false;
    this.#sampledAt = ts;
    this.#showStates(sample, ts);
    this.#addAll(this.#counters.take(sample, ts));
    this.#checkSize(ts);
  };

  /** The trace so far, as JSON: each slice that is open ends now. */
  text(): string {
    const ts = this.#ts();
    const ends = [...this.#tracks.values()].flatMap((track) => track.ends(ts));
    const lines = [...this.#lines, ...ends.map((event) => JSON.stringify(event))];
    return `{"displayTimeUnit":"ms","traceEvents":[\n${lines.join(',\n')}\n]}\n`;
  }

  #showStates({ mainThread, diskThreads, peer }: Sample, ts: number): void {
    this.#show(MAIN, 'main thread', mainThread === 'idle' ? [] : [mainThread], ts);
    if (peer !== undefined) {
      this.#show(PEER, `${peerOf(this.#side)}, by its beats`, peerSlices(peer), ts);
    }
    const busy = new Set(diskThreads.map(({ id }) => PEER + id));
    for (const [index, track] of this.#tracks) {
      if (index > PEER && !busy.has(index)) this.#addAll(track.show([], ts));
    }
    for (const thread of diskThreads) {
      this.#show(PEER + thread.id, `disk thread ${thread.id}`, workSlices(thread), ts);
    }
  }

  /** @param name of the track, when it is new */
  #show(index: number, name: string, slices: readonly string[], ts: number): void {
    this.#addAll(this.#track(index, name).show(slices, ts));
  }

  #track(index: number, name: string): TraceTrack {
    const before = this.#tracks.get(index);
    if (before !== undefined) return before;
    const [pid, tid] = [this.#pid, this.#tid(index)];
    this.#add({ ph: 'M', name: 'thread_name', pid, tid, args: { name } });
    this.#add({ ph: 'M', name: 'thread_sort_index', pid, tid, args: { sort_index: index } });
    const track = new TraceTrack(pid, tid);
    this.#tracks.set(index, track);
    return track;
  }

  /** Different on the two sides: some viewers look threads up by this alone. */
  #tid(index: number): number {
    return 2 * index + this.#pid;
  }

  #addInstant(cat: string, instant: Instant, ts: number): void {
    const [pid, tid] = [this.#pid, this.#tid(MAIN)];
    this.#add({ ph: 'i', cat, s: 'p', pid, tid, ts, ...instant });
  }

  #endSlices(ts: number): void {
    for (const track of this.#tracks.values()) this.#addAll(track.show([], ts));
  }

  #addAll(events: TraceEvent[]): void {
    for (const event of events) this.#add(event);
  }

  #add(event: TraceEvent): void {
    const line = JSON.stringify(event);
    this.#chars += line.length;
    this.#lines.push(line);
  }

  #checkSize(ts: number): void {
    if (this.#chars >= this.#sparserAt) {
      this.#everyMs = Math.max(2 * this.#everyMs, 2 * TICK_MS);
      this.#sparserAt = this.#chars + SPARSER_TRACE_CHARS;
    }
    if (this.#chars < MAX_TRACE_CHARS) return;
    this.#isFull = true;
    this.#endSlices(ts);
    this.#addInstant('trace', { name: 'the trace is full, and ends here' }, ts);
  }

  /** Whole microseconds. */
  #ts(): number {
    return Math.round(this.#now() * 1_000);
  }
}

/** The wall clock at the start, and a clock that never goes back from there. */
function wallClock(): number {
  return performance.timeOrigin + performance.now();
}

function workSlices({ state, path }: { state: string; path: string }): string[] {
  const words = stateWords(state) ?? state;
  return path === '' ? [words] : [words, path];
}

function peerSlices(peer: PeerSample): string[] {
  if (peer.isStale) return ['silent'];
  return peer.state === 'idle' ? [] : workSlices(peer);
}

interface Instant {
  name: string;
  args?: object;
}

function instantOf(event: TransferEvent): Instant | undefined {
  switch (event.type) {
    case 'stall': {
      const { verdict, stalledMs } = event;
      const name = `stalled ${formatAge(stalledMs)}: ${verdict.text}`;
      return { name, args: { ...verdict, stalledMs } };
    }
    case 'resumed':
      return { name: `resumed after ${formatAge(event.stalledMs)}` };
    case 'warning':
      return { name: `warning: ${event.message}` };
    case 'end': {
      const { result, error } = event.report;
      return error === undefined ? { name: result } : { name: `${result}: ${error.message}` };
    }
    default:
      return undefined;
  }
}
