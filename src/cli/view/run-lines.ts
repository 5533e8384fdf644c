import type { ViewEvent } from './view.ts';
import { eventLines, type Line, type Tone } from './event-lines.ts';

/**
 * Whether this side prints the closing line of a transfer, which should have one. `never`: a sender on a
 * plain pipe, because only its receiver knows whether it succeeded. `unless-started`: a receiver on standard
 * streams, because a sender that started it prints one as well.
 */
export type Closing = 'always' | 'never' | 'unless-started';

export interface RunLinesOptions {
  /** The directory that was received into, as the closing line names it. */
  outLabel?: string | undefined;
  /** Default: `always`. */
  closing?: Closing | undefined;
}

/** The lines for the events of one run, which have to come in order. */
export function runLines({
  outLabel,
  closing = 'always',
}: RunLinesOptions): (event: ViewEvent) => Line[] {
  let isStarted = false;
  const isDropped = (tone: Tone): boolean => {
    // The sender learns of our queue, and shows it.
    if (tone === 'queued') return isStarted;
    return tone === 'closing' && (closing === 'never' || isStarted);
  };
  return (event) => {
    if (event.type === 'peer-shows-progress') {
      isStarted = event.duplex && closing === 'unless-started';
    }
    return eventLines(event, outLabel).filter(({ tone }) => !isDropped(tone));
  };
}
