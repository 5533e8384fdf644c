import type { TransferEvent } from '../../observe/events.ts';
import { eventLines, type Line } from './event-lines.ts';
import type { ViewEvent } from './view.ts';

/**
 * Errors only. What a command printed was not shown when it came, so its end goes before the error that it
 * may explain.
 */
export function quietLines(linesOf: (event: ViewEvent) => Line[]) {
  return (event: ViewEvent): Line[] => {
    const errors = linesOf(event).filter(({ tone }) => tone === 'error');
    const output = event.type === 'end' ? event.report.error?.commandOutput : undefined;
    if (output === undefined) return errors;
    const printed = output
      .split('\n')
      .map((line): TransferEvent => ({ type: 'command-output', side: 'sender', line }));
    return [...printed.flatMap((each) => eventLines(each)), ...errors];
  };
}
