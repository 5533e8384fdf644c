import { formatAge } from '../../observe/format-age.ts';
import type { TransferEvent } from '../../observe/events.ts';
import type { ErrorCode } from '../../errors.ts';
import type { TransferReport } from '../../report.ts';
import { shortenPath, withPath } from '../../short-path.ts';
import type { ViewEvent } from './view.ts';
import { closingLine, failureLines, noteLines } from './closing-line.ts';
import { findingsLine } from './finding-text.ts';
import { formatCount, formatLimit, phaseWords } from './format.ts';

/** The kind of a line, by which views choose what to show and how. */
export type Tone =
  | 'command'
  | 'notice'
  | 'item'
  | 'listening'
  | 'waiting'
  | 'phase'
  | 'queued'
  | 'warning'
  | 'stall'
  | 'resumed'
  | 'error'
  | 'closing';

/** What CI shows apart from the log, once for an event. Not made printable yet. */
export interface Annotation {
  level: 'error' | 'warning';
  /** What happened to the command: `failed`. */
  title: string;
  message: string;
  /** The file to mend, and the line in it. */
  file?: string | undefined;
  line?: number | undefined;
}

/** A permanent line, for people. Not made printable yet. */
export interface Line {
  tone: Tone;
  text: string;
  annotation?: Annotation;
}

/** The lines for an event. Progress has none: each view shows it in its own way. */
export function eventLines(event: ViewEvent, outLabel?: string): Line[] {
  switch (event.type) {
    case 'phase':
      return phaseLines(event);
    case 'item':
      return [{ tone: 'item', text: `${event.code} ${event.path}` }];
    case 'waiting':
      return [waitingLine(event)];
    case 'warning':
      return [{ tone: 'warning', text: warningText(event) }];
    case 'findings':
      return [{ tone: 'warning', text: findingsLine(event.findings) }];
    case 'notice':
      return [{ tone: 'notice', text: event.message }];
    case 'stall':
      return [stallLine(event)];
    case 'resumed':
      return [{ tone: 'resumed', text: `resumed after ${formatAge(event.stalledMs)}` }];
    case 'retry':
      return [{ tone: 'warning', text: retryText(event) }];
    case 'end':
      return endLines(event.report, outLabel);
    case 'command-output':
      return [{ tone: 'command', text: `| ${event.line}` }];
    case 'peer-shows-progress':
    case 'progress':
      return [];
  }
}

/** Replaces a command's lines that were not shown. */
export function lostLines(count: number): TransferEvent {
  const line = `... lines dropped, because nobody read them: ${formatCount(count)}`;
  return { type: 'command-output', side: 'sender', line };
}

type WaitingEvent = Extract<TransferEvent, { type: 'waiting' }>;
type PhaseEvent = Extract<TransferEvent, { type: 'phase' }>;

/** Milliseconds after which a run is long enough to show its phases. */
const SOON_MS = 1_000;

/**
 * No line for the first phase, in which nothing has happened, and none for a run that is over at once.
 * Waiting for a turn is shown at once, and again when the queue moves: it is why nothing happens.
 */
function phaseLines({ phase, elapsedMs, queue }: PhaseEvent): Line[] {
  if (phase === 'queued') return [{ tone: 'queued', text: phaseWords(phase, queue) }];
  if (phase === 'preparing' || elapsedMs < SOON_MS) return [];
  return [{ tone: 'phase', text: phase }];
}

/** A receiver says where it can be reached; a sender, why nothing happens. */
function waitingLine({ side, socket, givesUpInMs }: WaitingEvent): Line {
  const limit = givesUpInMs === undefined ? '' : ` (gives up in ${formatLimit(givesUpInMs)})`;
  return side === 'receiver'
    ? { tone: 'listening', text: `listening on ${socket}${limit}` }
    : { tone: 'waiting', text: `waiting for a receiver on ${socket}${limit}` };
}

function stallLine({ stalledMs, verdict }: Extract<TransferEvent, { type: 'stall' }>): Line {
  const text = `stalled ${formatAge(stalledMs)}: ${verdict.text}`;
  return { tone: 'stall', text, annotation: { level: 'warning', title: 'stalled', message: text } };
}

function warningText({ message, path }: { message: string; path?: string | undefined }): string {
  return `warning: ${withPath(shortenPath(message, path), path)}`;
}

function retryText({
  error,
  delayMs,
  retry,
  retries,
}: Extract<TransferEvent, { type: 'retry' }>): string {
  const what = LOST_WORDS[error.code] ?? 'connection lost';
  const message = withPath(shortenPath(error.message, error.path), error.path);
  return `${what}: ${message}; trying again in ${formatAge(delayMs)} (${retry} of ${retries})`;
}

/** What is lost where there was no connection, or only a refusal. */
const LOST_WORDS: Partial<Record<ErrorCode, string>> = {
  'no-peer': 'no connection',
  'peer-failed': 'not received',
};

/** The outcome comes last, where people look for it. */
function endLines(report: TransferReport, outLabel: string | undefined): Line[] {
  const notes = noteLines(report).map((text): Line => ({ tone: 'warning', text }));
  if (report.result === 'done') {
    return [...notes, { tone: 'closing', text: closingLine(report, outLabel) }];
  }
  const [first = '', ...others] = failureLines(report);
  const failure: Line = { tone: 'error', text: first, annotation: failureAnnotation(report) };
  return [...notes, failure, ...others.map((text): Line => ({ tone: 'error', text }))];
}

function failureAnnotation(report: TransferReport): Annotation {
  const { code, path, line } = report.error ?? {};
  const message = failureLines(report)
    .join('\n')
    .replace(/^error: /, '');
  const annotation: Annotation = { level: 'error', title: 'failed', message };
  return code === 'bad-ignore-rule' ? { ...annotation, file: path, line } : annotation;
}
