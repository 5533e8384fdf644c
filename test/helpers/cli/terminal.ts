import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { BIN } from './cli.ts';
import { makeDirectory, removeDirectory } from '../trees/temporary-directory.ts';
import { until } from '../until.ts';

export const PROMPT = 'ready>';

/** Why there are no terminals here; undefined when there are. */
export function whyNoTerminals(): string | undefined {
  return spawnSync('tmux', ['-V']).error === undefined ? undefined : 'tmux is not installed';
}

/** A terminal with a shell that knows the command `ctxsync`: its own tmux session. */
export class Terminal {
  readonly columns: number;
  /** The working directory of the shell. */
  readonly directory = makeDirectory();
  readonly #locale: string;
  readonly #server = `ctxsync-test-${randomBytes(4).toString('hex')}`;

  constructor(columns: number, locale: string) {
    this.columns = columns;
    this.#locale = locale;
  }

  async open(): Promise<void> {
    const commands = join(this.directory, '.commands');
    mkdirSync(commands);
    symlinkSync(BIN, join(commands, 'ctxsync'));
    const path = [commands, dirname(process.execPath), process.env['PATH']].join(':');
    const env = { PATH: path, HOME: this.directory, LC_ALL: this.#locale, PS1: `${PROMPT} ` };
    const size = ['-x', String(this.columns), '-y', '24'];
    this.#tmux(
      ['-f', '/dev/null', 'new-session', '-d', ...size, '-c', this.directory, 'sh -i'],
      env,
    );
    // Some shells give root a different prompt.
    this.type(`PS1='${PROMPT} '; clear`);
    await until('the shell is ready', () => this.screen().join() === PROMPT);
  }

  /** Types a line and presses Enter. */
  type(line: string): void {
    this.write(line);
    this.press('Enter');
  }

  /** Types a text. */
  write(text: string): void {
    this.#tmux(['send-keys', '-l', text]);
  }

  /** Presses a key, by its tmux name: `C-c`. */
  press(key: string): void {
    this.#tmux(['send-keys', key]);
  }

  resize(columns: number): void {
    this.#tmux(['resize-window', '-x', String(columns), '-y', '24']);
  }

  /** The visible lines: wrapped ones are joined, empty ones omitted. */
  screen(): string[] {
    const lines = this.#tmux(['capture-pane', '-p', '-J']).split('\n');
    return lines.map((line) => line.trimEnd()).filter((line) => line !== '');
  }

  /** The visible rows, as they are. */
  rows(): string[] {
    return this.#tmux(['capture-pane', '-p']).split('\n');
  }

  /** Row and column count from 0. */
  cursor(): { visible: boolean; column: number; row: number } {
    const format = '#{cursor_flag} #{cursor_x} #{cursor_y}';
    const [flag, column, row] = this.#tmux(['display-message', '-p', format])
      .split(' ')
      .map(Number);
    return { visible: flag === 1, column: column ?? -1, row: row ?? -1 };
  }

  close(): void {
    spawnSync('tmux', ['-L', this.#server, 'kill-server']);
    removeDirectory(this.directory);
  }

  #tmux(args: string[], env?: NodeJS.ProcessEnv): string {
    const options = { encoding: 'utf8', ...(env === undefined ? {} : { env }) } as const;
    const { status, stdout, stderr } = spawnSync(
      'tmux',
      ['-u', '-L', this.#server, ...args],
      options,
    );
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  }
}

/** A terminal that is closed after the test, with everything that runs in it. */
export async function openTerminal(columns: number, locale = 'C.UTF-8'): Promise<Terminal> {
  const terminal = new Terminal(columns, locale);
  onTestFinished(() => terminal.close());
  await terminal.open();
  return terminal;
}
