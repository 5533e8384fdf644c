import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';

// dist/ctxsync.1, for `man ctxsync`: made of the commands' own definitions, the exit statuses, and sections of
// the README, so that none of it is written twice.

const { version, description } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);
const DEFINITIONS = new URL('../dist/definitions.mjs', import.meta.url);
const PAGE = new URL('../dist/ctxsync.1', import.meta.url);
const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

const { createProgram, EXIT_MEANINGS, variableOf } = await definitions();
writeFileSync(PAGE, page(createProgram(() => {})));

/** The parts of the program that define the command line, which are TypeScript. */
async function definitions() {
  const bundle = await rolldown({
    input: 'src/cli/definitions.ts',
    platform: 'node',
    external: /^[^./]/,
    transform: { target: 'node20', define: { CTXSYNC_VERSION: JSON.stringify(version) } },
  });
  await bundle.write({ file: DEFINITIONS.pathname, codeSplitting: false });
  try {
    return await import(DEFINITIONS.href);
  } finally {
    rmSync(DEFINITIONS);
  }
}

/** Roff in the macros of man(7). */
function page(program) {
  const seconds = process.env['SOURCE_DATE_EPOCH'];
  const date = (seconds === undefined ? new Date() : new Date(seconds * 1000)).toISOString();
  const lines = [
    `.TH CTXSYNC 1 ${date.slice(0, 10)} "ctxsync ${version}"`,
    '.SH NAME',
    `ctxsync \\- ${roff(lowered(description))}`,
    '.SH SYNOPSIS',
    synopsis(program),
    '.SH DESCRIPTION',
    roff(program.description()),
    ...prose('What is sent'),
    ...program.commands.filter(hasOptions).flatMap((command) => commandSection(command)),
    '.SH SERVING MANY SENDERS',
    ...prose('Serving many senders'),
    '.SH ENVIRONMENT',
    ...paragraph(README.split('\n').find((line) => line.startsWith('Every option has a variable'))),
    '.SH EXIT STATUS',
    ...EXIT_MEANINGS.flatMap(([status, meaning]) => ['.TP', `.B ${status}`, roff(meaning)]),
    '.SH EXAMPLES',
    ...recipes(),
    '.SH SEE ALSO',
    '.BR rsync (1),',
    '.BR tar (1),',
    '.BR ssh (1)',
    '',
  ];
  // A heading begins a paragraph by itself.
  return lines.filter((line, at) => line !== '.PP' || !lines[at - 1].startsWith('.SH')).join('\n');
}

function hasOptions({ options }) {
  return options.length > 0;
}

function synopsis(program) {
  const usages = program.commands.map((command) => `${command.name()} ${command.usage()}`);
  return usages
    .flatMap((usage) => [`.B ctxsync`, roff(usage), '.br'])
    .slice(0, -1)
    .join('\n');
}

function commandSection(command) {
  const help = command.createHelp();
  return [
    `.SH CTXSYNC ${command.name().toUpperCase()}`,
    roff(command.description()),
    ...help
      .visibleArguments(command)
      .flatMap((argument) => [
        '.TP',
        `.I ${roff(help.argumentTerm(argument))}`,
        roff(help.argumentDescription(argument)),
      ]),
    ...command.options.flatMap((option) => [
      '.TP',
      `.B ${roff(option.flags)}`,
      roff(`${help.optionDescription(option)}; ${variableOf(option)}`),
    ]),
  ];
}

/** The paragraphs of a section of the README. */
function prose(heading) {
  const [, section = ''] = README.split(`\n## ${heading}\n`);
  const [text] = section.split(/\n#+ /);
  return text.split('\n\n').flatMap((each) => (each.trim() === '' ? [] : paragraph(each.trim())));
}

function paragraph(markdown) {
  const plain = markdown.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('**', '');
  const words = plain.split(/(`[^`]+`)/).map((piece) => {
    return piece.startsWith('`') ? `\\fB${escaped(piece.slice(1, -1))}\\fR` : escaped(piece);
  });
  return ['.PP', guarded(words.join(''))];
}

/** The commands of the README's recipes, each below its comment. */
function recipes() {
  const [, section = ''] = README.split('\n## Recipes\n');
  const [, block = ''] = /```sh\n(.*?)```/s.exec(section) ?? [];
  return block
    .trim()
    .split('\n\n')
    .flatMap((each) => {
      const lines = each.split('\n');
      const comment = lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2));
      const commands = lines.filter((line) => !line.startsWith('#'));
      const shown = commands.map(roff).join('\n');
      return ['.PP', roff(comment.join(' ')), '.PP', '.RS 4', '.nf', shown, '.fi', '.RE'];
    });
}

function roff(text) {
  return guarded(escaped(text));
}

function escaped(text) {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...');
}

/** A line that begins with a dot or a quote would be a request. */
function guarded(line) {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function lowered(text) {
  return text[0].toLowerCase() + text.slice(1);
}
