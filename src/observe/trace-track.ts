import type { TraceEvent } from './trace-event.ts';

/**
 * One row of a trace: slices that lie in one another, as those of a call stack. They are written as
 * pairs of B and E in the order of time, so that every viewer nests them in the same way.
 */
export class TraceTrack {
  readonly #pid: number;
  readonly #tid: number;
  #open: readonly string[] = [];

  constructor(pid: number, tid: number) {
    this.#pid = pid;
    this.#tid = tid;
  }

  /**
   * From now on these slices are open: those that are open already continue.
   * @param names the outermost first
   * @param ts microseconds
   */
  show(names: readonly string[], ts: number): TraceEvent[] {
    const open = this.#open;
    const differs = names.findIndex((name, index) => name !== open[index]);
    const kept = differs < 0 ? Math.min(names.length, open.length) : differs;
    this.#open = names;
    const ends = open.slice(kept).map(() => this.#end(ts));
    return [...ends, ...names.slice(kept).map((name) => this.#begin(name, ts))];
  }

  /** What ends all slices, which stay open. */
  ends(ts: number): TraceEvent[] {
    return this.#open.map(() => this.#end(ts));
  }

  #begin(name: string, ts: number): TraceEvent {
    return { ph: 'B', name, cat: 'state', pid: this.#pid, tid: this.#tid, ts };
  }

  #end(ts: number): TraceEvent {
    return { ph: 'E', pid: this.#pid, tid: this.#tid, ts };
  }
}
