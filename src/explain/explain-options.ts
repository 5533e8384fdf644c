import type { DirectoryContext } from '../send/context.ts';

export interface ExplainOptions {
  contexts: readonly DirectoryContext[];
  /** Look into ignored directories, too, to tell what they hold; default: true. A transfer never does. */
  measureIgnored?: boolean | undefined;
  /** How many of the largest directories, and of the largest files, to list; default 10, at most 1,000. */
  largest?: number | undefined;
  /** Bytes of content above which a context counts as large; default 500,000,000; 0: it never does. */
  largeBytes?: number | undefined;
  /** Milliseconds for which a disk may not answer until that is reported; default 10,000; 0 = never. */
  stallAfterMs?: number | undefined;
  /** Milliseconds for which a disk may not answer until it fails; default 300,000; 0 = never. */
  stallTimeoutMs?: number | undefined;
  /** Aborting it ends it as interrupted. */
  signal?: AbortSignal | undefined;
  /** Called with progress ten times a second, and when a disk does not answer. */
  onEvent?: ((event: ExplainEvent) => void) | undefined;
}

export type ExplainEvent =
  /** Paths looked at so far, and the present one, human-readable. */
  | { type: 'scanned'; entries: number; path: string }
  /** The disk has not answered; `text` is one readable clause. */
  | { type: 'stall'; stalledMs: number; text: string }
  | { type: 'resumed'; stalledMs: number };
