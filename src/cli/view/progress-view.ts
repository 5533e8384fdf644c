import type { Side } from '../../report.ts';
import type { ProgressMode } from './progress-mode.ts';
import type { Line, Tone } from './event-lines.ts';
import { glyphsFor } from './glyphs.ts';
import { JsonView } from './json-view.ts';
import type { LinePrinterOptions } from './line-printer.ts';
import { LinesView } from './lines-view.ts';
import { PlainView } from './plain-view.ts';
import { quietLines } from './quiet-lines.ts';
import { runLines, type RunLinesOptions } from './run-lines.ts';
import { ProgressOutput, type ProgressStream } from './progress-output.ts';
import { TtyView } from './tty-view.ts';
import { WithoutEcho } from './without-echo.ts';
import type { ProgressView, ViewEvent } from './view.ts';

export interface ProgressViewOptions extends RunLinesOptions {
  mode: ProgressMode;
  /** Only errors. */
  quiet: boolean;
  side: Side;
  /** We started the receiver, and its output reaches only us, so we show the progress. */
  startsPeer?: boolean | undefined;
  stream: ProgressStream;
  env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds. */
  now: () => number;
}

const WITHOUT_PROGRESS: Tone[] = [
  'command',
  'notice',
  'item',
  'waiting',
  'queued',
  'warning',
  'stall',
  'resumed',
  'error',
];

export function createProgressView(options: ProgressViewOptions): ProgressView {
  const { quiet } = options;
  const mode = options.mode === 'auto' ? automaticMode(options) : options.mode;
  const printing = printingOptions(options, mode);
  if (mode === 'json') return new JsonView(printing.output, quiet);
  const linesOf = runLines(options);
  if (quiet) return new LinesView(printing, { linesOf: quietLines(linesOf) });
  const view = lines(mode, printing, linesOf, options);
  return options.startsPeer === true ? new WithoutEcho(view) : view;
}

function lines(
  mode: 'tty' | 'plain' | 'none',
  printing: LinePrinterOptions,
  linesOf: (event: ViewEvent) => Line[],
  options: ProgressViewOptions,
): ProgressView {
  if (mode === 'none') return new LinesView(printing, { tones: WITHOUT_PROGRESS, linesOf });
  if (mode === 'tty') return new TtyView(printing, { linesOf, glyphs: glyphsFor(options.env) });
  const speaks = plainSpeaks(options);
  // If the sender does not show progress, the receiver does.
  const showsProgress = speaks || options.side === 'receiver';
  const folding = { ...printing, groups: printing.github };
  return new PlainView(folding, { linesOf, now: options.now, speaks, showsProgress });
}

function automaticMode({ stream, env }: ProgressViewOptions): 'tty' | 'plain' {
  return stream.isTTY === true && !isSet(env['CI']) && env['TERM'] !== 'dumb' ? 'tty' : 'plain';
}

/**
 * In CI, or if plain progress was requested, both ends write to one log; a sender that merely has no
 * terminal may be on another machine.
 */
function plainSpeaks({ mode, env, startsPeer }: ProgressViewOptions): boolean {
  return mode === 'plain' || isSet(env['CI']) || startsPeer === true;
}

export function printingOptions(
  { side, stream, env }: Pick<ProgressViewOptions, 'side' | 'stream' | 'env'>,
  mode: Exclude<ProgressMode, 'auto'>,
): LinePrinterOptions {
  const dumb = env['TERM'] === 'dumb';
  const terminal = mode === 'tty' || (mode !== 'plain' && stream.isTTY === true && !dumb);
  return {
    output: new ProgressOutput(stream),
    prefix: side === 'sender' ? 'ctxsync send: ' : 'ctxsync receive: ',
    colour: wantsColour(env, terminal && !dumb),
    erase: terminal,
    github: env['GITHUB_ACTIONS'] === 'true',
  };
}

/** FORCE_COLOR as Node reads it, then NO_COLOR (no-color.org), then what the terminal supports. */
export function wantsColour(env: ProgressViewOptions['env'], terminal: boolean): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  return terminal;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false' && value !== '0';
}
