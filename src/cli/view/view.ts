import type { TransferEvent } from '../../observe/events.ts';
import type { Side } from '../../report.ts';

/** A change to the destination, for -i. */
export interface ItemEvent {
  type: 'item';
  side: Side;
  /** As in rsync's --itemize-changes. */
  code: string;
  path: string;
}

export type ViewEvent = TransferEvent | ItemEvent;

/** Shows the events of a run to people or programs. It never throws, even if the stream fails. */
export interface ProgressView {
  /** It shows progress where the peer's would appear too; a sender announces this in HELLO. */
  readonly speaks: boolean;
  handle(event: ViewEvent): void;
  /** Settles when what was shown has been taken, or never will be. */
  drained(): Promise<void>;
  /** Erases what is not permanent; settles when all else was handed to the system. */
  close(): Promise<void>;
}
