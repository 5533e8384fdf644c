import { basename } from 'node:path';
import { usageError } from './usage-error.ts';

/** A program that runs a command elsewhere. */
interface Runner {
  /** Its subcommand; undefined if it has none. */
  subcommand: string | undefined;
  /** Its options whose value is the next word. */
  valued: ReadonlySet<string>;
  /** Whether options may also follow operands, up to a "--". */
  mixed: boolean;
  /** What is wrong with its options for us. */
  check: (options: readonly string[], name: string) => Problem | undefined;
}

/** `fatal` if the transfer cannot succeed. */
interface Problem {
  fatal: boolean;
  message: string;
}

const CONTAINER: Runner = {
  subcommand: 'exec',
  valued: new Set('-e --env -u --user -w --workdir --env-file --detach-keys'.split(' ')),
  mixed: false,
  check: (options, name) => withoutStdin(options, name) ?? withTerminal(options, name, true),
};
const POD: Runner = {
  subcommand: 'exec',
  valued: new Set('-c --container -n --namespace -f --filename --context'.split(' ')),
  mixed: true,
  // It notices that it has no terminal, and does without one.
  check: (options, name) => withoutStdin(options, name) ?? withTerminal(options, name, false),
};
const SSH: Runner = {
  subcommand: undefined,
  valued: new Set('-B -b -c -D -E -e -F -I -i -J -L -l -m -O -o -P -p -Q -R -S -W -w'.split(' ')),
  mixed: false,
  check: checkSsh,
};

/** Options of ssh without a value, in one word. */
const SSH_FLAGS = /^-[46AaCfGgKkMNnqsTtVvXxYy]+$/;

const RUNNERS = new Map<string, Runner>([
  ['docker', CONTAINER],
  ['nerdctl', CONTAINER],
  ['podman', CONTAINER],
  ['kubectl', POD],
  ['oc', POD],
  ['ssh', SSH],
]);

/**
 * Looks for what makes a command that runs elsewhere useless as a transport: docker, podman and kubectl
 * pass stdin on only with -i, and a terminal changes the bytes that pass it.
 *
 * @param command the words of the command after "--"
 * @returns a warning
 * @throws CtxsyncError usage
 */
export function checkRemoteCommand(command: readonly string[]): string | undefined {
  // A command for a shell may be one word.
  const all = command.flatMap((word) => word.split(/\s+/));
  const end = all.indexOf('receive');
  const words = end < 0 ? all : all.slice(0, end);
  for (const [index, word] of words.entries()) {
    const problem = findProblem(basename(word), words.slice(index + 1));
    if (problem?.fatal === true) throw usageError(problem.message);
    if (problem !== undefined) return problem.message;
  }
  return undefined;
}

function findProblem(program: string, words: readonly string[]): Problem | undefined {
  const runner = RUNNERS.get(program);
  if (runner === undefined) return undefined;
  const { subcommand } = runner;
  const at = subcommand === undefined ? 0 : words.indexOf(subcommand) + 1;
  // "docker compose exec" passes stdin on, and has a terminal only if it was started on one.
  const before = words.slice(0, at);
  if ((subcommand !== undefined && at === 0) || before.includes('compose')) return undefined;
  const name = subcommand === undefined ? program : `${program} ${subcommand}`;
  const options = optionsOf(words.slice(at), runner);
  return options === undefined ? undefined : runner.check(options, name);
}

/** @returns undefined if no operand follows: then the word was not a program */
function optionsOf(
  words: readonly string[],
  { valued, mixed }: Runner,
): readonly string[] | undefined {
  const options: string[] = [];
  let operands = 0;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') break;
    if (word.startsWith('-')) {
      options.push(word);
      if (valued.has(word)) index++;
    } else {
      operands++;
      if (!mixed) break;
    }
  }
  return operands === 0 ? undefined : options;
}

function withoutStdin(options: readonly string[], name: string): Problem | undefined {
  if (options.some((option) => /^(-[a-zA-Z]*i|--(interactive|stdin)(=true)?$)/.test(option))) {
    return undefined;
  }
  return {
    fatal: true,
    message: `"${name}" without -i passes nothing to the receiver; write "${name} -i"`,
  };
}

function withTerminal(
  options: readonly string[],
  name: string,
  fatal: boolean,
): Problem | undefined {
  const option = options.find((each) => /^(-[dit]*t[dit]*|--tty(=true)?)$/.test(each));
  if (option === undefined) return undefined;
  const message = `"${name} ${option}" asks for a terminal, which changes the data; write "${name} -i"`;
  return { fatal, message };
}

function checkSsh(options: readonly string[]): Problem | undefined {
  const flags = options.filter((option) => SSH_FLAGS.test(option)).join('');
  if (/[nf]/.test(flags)) {
    return { fatal: true, message: '"ssh -n" and "ssh -f" pass nothing to the receiver' };
  }
  // One of them has no effect where stdin is no terminal.
  if (!/t.*t/.test(flags)) return undefined;
  return { fatal: true, message: '"ssh -tt" makes a terminal, which changes the data' };
}
