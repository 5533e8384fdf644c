import type { CompletedCommand, CompletedOption } from './completed-command.ts';

export function fishScript(commands: CompletedCommand[], own: CompletedOption[]): string {
  const all = commands.map(({ name }) => name).join(' ');
  const without = `not __fish_seen_subcommand_from ${all}`;
  const lines = [
    '# fish completion for ctxsync: ctxsync completion fish | source',
    'complete -c ctxsync -f',
    ...own.map((option) => optionLine(without, option)),
    ...commands.map(
      ({ name, description }) => `${when(without)} -a ${name} -d ${quoted(description)}`,
    ),
    ...commands.flatMap(commandLines),
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines({ name, options, words }: CompletedCommand): string[] {
  const condition = `__fish_seen_subcommand_from ${name}`;
  const suggested = Array.isArray(words) ? words.join(' ') : '(__fish_complete_directories)';
  return [
    ...options.map((option) => optionLine(condition, option)),
    `${when(condition)} -a ${quoted(suggested)}`,
  ];
}

function optionLine(condition: string, { flags, description, value }: CompletedOption): string {
  const names = flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  return `${when(condition)} ${names.join(' ')}${valueOf(value)} -d ${quoted(description)}`;
}

function valueOf(value: CompletedOption['value']): string {
  if (value === undefined) return '';
  if (value.completed === 'file') return ' -r -F';
  return value.completed === 'text'
    ? ' -x'
    : ` -x -a ${quoted([value.completed].flat().join(' '))}`;
}

function when(condition: string): string {
  return `complete -c ctxsync -n ${quoted(condition)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
