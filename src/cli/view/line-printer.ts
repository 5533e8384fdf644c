import type { ChalkInstance } from 'chalk';
import { eventLines, lostLines, type Line, type Tone } from './event-lines.ts';
import { printable } from './format.ts';
import { annotationCommand, workflowCommand } from './workflow-command.ts';
import { ERASE_LINE, type ProgressOutput } from './progress-output.ts';
import { MAX_UNREAD_BYTES, STYLE_LOAD_MS } from '../../limits.ts';
import { withTimeout } from '../../with-timeout.ts';

export interface LinePrinterOptions {
  output: ProgressOutput;
  /** What every line begins with: `ctxsync send: `. */
  prefix: string;
  colour: boolean;
  /** The line may hold the other process's spinner. */
  erase: boolean;
  /** Annotations are printed as workflow commands of GitHub Actions. */
  github: boolean;
  /** Lines of progress are folded in a group of GitHub Actions. */
  groups?: boolean;
  /** Runs a write with our own spinner out of the way. */
  around?: (write: () => void) => void;
}

/** Writes permanent lines. This is the only place where text of any origin is made printable. */
export class LinePrinter {
  readonly #options: LinePrinterOptions;
  #chalk: ChalkInstance | undefined;
  #loading: Promise<void> | undefined;
  /** Lines printed during the few milliseconds in which chalk loads; absent if it is not needed. */
  #early: Line[] | undefined;
  #earlyChars = 0;
  /** Lines of a command dropped since the last line. */
  #lost = 0;
  #isGroupOpen = false;

  constructor(options: LinePrinterOptions) {
    this.#options = options;
    if (options.colour) this.#early = [];
  }

  print(line: Line): void {
    this.warmUp();
    if (line.tone === 'command' && this.#full) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) for (const each of eventLines(lostLines(this.#lost))) this.#take(each);
    this.#lost = 0;
    this.#take(line);
  }

  /** Loads what the first line will need. */
  warmUp(): void {
    if (this.#options.colour) this.#loading ??= this.#load();
  }

  /** Settles when what was printed no longer piles up. */
  async drained(): Promise<void> {
    await this.#options.output.drained();
  }

  /** Settles when every line was handed to the system. */
  async close(): Promise<void> {
    if (this.#loading !== undefined) await withTimeout(STYLE_LOAD_MS, this.#loading);
    this.#release();
    if (this.#isGroupOpen) this.#options.output.write(END_GROUP);
    this.#isGroupOpen = false;
    await this.#options.output.flush();
  }

  get #full(): boolean {
    return this.#earlyChars >= MAX_UNREAD_BYTES || this.#options.output.full;
  }

  #take(line: Line): void {
    if (this.#early === undefined) return this.#write(line);
    this.#early.push(line);
    this.#earlyChars += this.#options.prefix.length + line.text.length;
  }

  async #load(): Promise<void> {
    try {
      const { Chalk } = await import('chalk');
      this.#chalk = new Chalk({ level: 1 });
    } catch {
      // Missing colour is no reason to end a transfer.
    }
    this.#release();
  }

  #release(): void {
    const lines = this.#early ?? [];
    this.#early = undefined;
    this.#earlyChars = 0;
    for (const line of lines) this.#write(line);
  }

  #write(line: Line): void {
    const { output, around = (write) => write() } = this.#options;
    around(() => output.write(this.#turnGroup(line.tone) + this.#render(line)));
  }

  /** What opens or closes the group before a line: only progress is folded away. */
  #turnGroup(tone: Tone): string {
    const { groups = false, prefix } = this.#options;
    // The command's lines stay where its time is spent.
    const opens = tone === 'command' ? this.#isGroupOpen : PROGRESS_TONES.has(tone);
    if (!groups || opens === this.#isGroupOpen) return '';
    this.#isGroupOpen = opens;
    return opens ? `${workflowCommand('group', {}, `${prefix}progress`)}\n` : END_GROUP;
  }

  #render({ tone, text, annotation }: Line): string {
    const { erase, github } = this.#options;
    // As rsync prints it, for whoever reads it by a program.
    const prefix = tone === 'item' ? '' : this.#options.prefix;
    const words = printable(text);
    const start = erase ? ERASE_LINE : '';
    const shown = `${start}${this.#paint('dim', prefix)}${this.#paint(tone, words)}\n`;
    const isAnnotated = github && annotation !== undefined;
    return isAnnotated ? `${shown}${annotationCommand(annotation, prefix)}\n` : shown;
  }

  #paint(tone: Tone | 'dim', text: string): string {
    if (this.#chalk === undefined) return text;
    const colour = COLOURS[tone];
    return colour === undefined ? text : this.#chalk[colour](text);
  }
}

const PROGRESS_TONES: ReadonlySet<Tone> = new Set<Tone>(['phase', 'queued']);
const END_GROUP = `${workflowCommand('endgroup', {}, '')}\n`;

const COLOURS = {
  dim: 'dim',
  phase: undefined,
  item: undefined,
  listening: undefined,
  waiting: 'yellow',
  queued: 'yellow',
  command: 'dim',
  notice: undefined,
  warning: 'yellow',
  stall: 'yellow',
  resumed: 'green',
  error: 'red',
  closing: 'green',
} satisfies Record<Tone | 'dim', keyof ChalkInstance | undefined>;
