/**
 * An event of the Trace Event Format, as Perfetto and chrome://tracing read it: "Trace Event Format",
 * sections "JSON Object Format", "Duration Events", "Instant Events", "Counter Events" and "Metadata
 * Events". `ts` is in microseconds.
 */
export type TraceEvent =
  | (Common & { ph: 'B'; name: string; cat: string; tid: number })
  | (Common & { ph: 'E'; tid: number })
  /** `s`: shown for the whole process. */
  | (Common & { ph: 'i'; name: string; cat: string; s: 'p'; tid: number; args?: object })
  /** Each number in `args` is a series. */
  | (Common & { ph: 'C'; name: string; cat: string; tid: number; args: Record<string, number> })
  | { ph: 'M'; name: MetadataName; pid: number; tid: number; args: object };

interface Common {
  pid: number;
  ts: number;
}

export type MetadataName =
  | 'process_name'
  | 'process_sort_index'
  | 'thread_name'
  | 'thread_sort_index';
