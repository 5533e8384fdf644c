import { formatAge } from '../../observe/format-age.ts';
import type { TransferEvent } from '../../observe/events.ts';
import type { TransferReport } from '../../report.ts';
import { shortenPath, withPath } from '../../short-path.ts';
import { closingLine, failureLines, noteLines } from './closing-line.ts';
import { formatCount, phaseWords } from './format.ts';

/** What a line is about: views choose by it what they show, and how. */
export type Tone =
  | 'command'
  | 'phase'
  | 'queued'
  | 'warning'
  | 'stall'
  | 'resumed'
  | 'error'
  | 'closing';

/** A line that stays, for people. Not made printable yet. */
export interface Line {
  tone: Tone;
  text: string;
}

/** The lines that an event is worth. Progress is none of them: each view shows it in its own way. */
export function eventLines(event: TransferEvent, outLabel?: string): Line[] {
  switch (event.type) {
    case 'phase':
      return phaseLines(event);
    case 'warning':
      return [{ tone: 'warning', text: warningText(event) }];
    case 'stall':
      return [
        { tone: 'stall', text: `stalled ${formatAge(event.stalledMs)}: ${event.verdict.text}` },
      ];
    case 'resumed':
      return [{ tone: 'resumed', text: `resumed after ${formatAge(event.stalledMs)}` }];
    case 'end':
      return endLines(event.report, outLabel);
    case 'command-output':
      return [{ tone: 'command', text: `| ${event.line}` }];
    case 'peer-shows-progress':
    case 'progress':
      return [];
  }
}

/** Stands for lines of a command's that were not shown. */
export function lostLines(count: number): TransferEvent {
  const line = `… lines lost, because nobody read them: ${formatCount(count)}`;
  return { type: 'command-output', side: 'sender', line };
}

type PhaseEvent = Extract<TransferEvent, { type: 'phase' }>;

/** Milliseconds from which on a run lasts long enough that anybody asks what it is doing. */
const SOON_MS = 1_000;

/**
 * Not the first phase, in which nothing has happened, and none of a run that is over at once. That it
 * is another's turn is said at once, and again when the queue has moved: it is why nothing happens.
 */
function phaseLines({ phase, elapsedMs, queue }: PhaseEvent): Line[] {
  if (phase === 'queued') return [{ tone: 'queued', text: phaseWords(phase, queue) }];
  if (phase === 'preparing' || elapsedMs < SOON_MS) return [];
  return [{ tone: 'phase', text: phase }];
}

function warningText({ message, path }: { message: string; path?: string | undefined }): string {
  return `warning: ${withPath(shortenPath(message, path), path)}`;
}

/** The verdict comes last, where it is looked for. */
function endLines(report: TransferReport, outLabel: string | undefined): Line[] {
  const notes = noteLines(report).map((text): Line => ({ tone: 'warning', text }));
  if (report.result === 'done') {
    return [...notes, { tone: 'closing', text: closingLine(report, outLabel) }];
  }
  return [...notes, ...failureLines(report).map((text): Line => ({ tone: 'error', text }))];
}
