import type { Command } from 'commander';

/** What people try, and where it is. */
const ELSEWHERE: Record<string, string> = {
  serve: 'to keep receiving: "ctxsync receive --serve --socket PATH OUT"',
  version: '"ctxsync --version" prints the version',
  '-v': '"ctxsync --version" prints the version',
};

/**
 * Commander's message for an unknown option or command, with where it belongs.
 * @param text `error: unknown option '--delete'`, and maybe a guess at what was meant
 */
export function withHint(text: string, program: Command): string {
  const [line, word] = /^error: unknown (?:option|command) '([^']*)'/.exec(text) ?? [];
  if (line === undefined || word === undefined) return text;
  const owners = program.commands.filter(({ options }) =>
    options.some(({ short, long }) => word === short || word === long),
  );
  const hint = owners.length > 0 ? ownerHint(word, owners) : ELSEWHERE[word];
  return hint === undefined ? text : `${line}: ${hint}\n`;
}

function ownerHint(option: string, owners: readonly Command[]): string {
  return `it is an option of ${owners.map((owner) => `"ctxsync ${owner.name()}"`).join(' and ')}`;
}
