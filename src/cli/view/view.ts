import type { TransferEvent } from '../../observe/events.ts';

/** Shows the events of a run to people or programs. It never throws, even if the stream fails. */
export interface ProgressView {
  /** It shows progress where the peer's would appear too; a sender announces this in HELLO. */
  readonly speaks: boolean;
  handle(event: TransferEvent): void;
  /** Erases what is not permanent; settles when all else was handed to the system. */
  close(): Promise<void>;
}
