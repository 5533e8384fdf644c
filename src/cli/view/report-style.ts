import { isatty } from 'node:tty';
import type { ChalkInstance } from 'chalk';
import { glyphsFor, type Glyphs } from './glyphs.ts';
import { wantsColour } from './progress-view.ts';

/** How a report on stdout looks. */
export interface ReportStyle {
  /** Columns of the terminal; 80 where there is none. */
  columns: number;
  /** Long paths are cut to fit: there is a terminal. Elsewhere they may be searched for. */
  cuts: boolean;
  glyphs: Glyphs;
  paint: Pick<ChalkInstance, 'bold' | 'dim' | 'cyan' | 'green' | 'yellow' | 'red'>;
}

const STDOUT = 1;
const DEFAULT_COLUMNS = 80;

export async function reportStyle(env: NodeJS.ProcessEnv): Promise<ReportStyle> {
  const terminal = isatty(STDOUT);
  const colour = wantsColour(env, terminal && env['TERM'] !== 'dumb');
  const { Chalk } = await import('chalk');
  return {
    columns: terminal ? process.stdout.columns || DEFAULT_COLUMNS : DEFAULT_COLUMNS,
    cuts: terminal,
    glyphs: glyphsFor(env),
    paint: new Chalk({ level: colour ? 1 : 0 }),
  };
}
