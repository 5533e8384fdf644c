import { InvalidArgumentError, type Command, type Option } from 'commander';

type Environment = Record<string, string | undefined>;

/** Options that may be given several times: their variable has one value a line. */
const REPEATABLE = new Set(['--exclude', '--include']);

/** The variable with an option's default: CTXSYNC_STALL_AFTER for --stall-after. */
export function variableOf(option: Option): string {
  return `CTXSYNC_${option.long!.slice(2).toUpperCase().replaceAll('-', '_')}`;
}

/**
 * Takes defaults from the environment, for options that the command line does not give. Commander's own
 * env() would take an empty variable for a value, and any value of a flag for "on".
 *
 * The variables are removed: a ctxsync that runs in a command we start must not write to our --report,
 * nor listen on our --socket. So it has none of our defaults, as if it ran on another machine.
 */
export function applyEnvironment(command: Command, env: Environment): void {
  for (const option of command.options) {
    const variable = variableOf(option);
    const text = env[variable];
    delete env[variable];
    const source = command.getOptionValueSource(option.attributeName());
    if (text === undefined || text === '' || source === 'cli') continue;
    try {
      const value = parse(option, text);
      if (value === undefined) continue;
      command.setOptionValueWithSource(option.attributeName(), value, 'env');
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      command.error(`error: ${variable} has the invalid value '${text}'. ${error.message}`);
    }
  }
}

/** Drops what only the environment says, where it could not apply: a default is no reason to fail. */
export function forgetDefaults(command: Command, ...names: string[]): void {
  for (const name of names) {
    if (command.getOptionValueSource(name) === 'env') {
      command.setOptionValueWithSource(name, undefined, 'default');
    }
  }
}

/** @returns undefined for a flag that is off */
function parse(option: Option, text: string): unknown {
  if (REPEATABLE.has(option.long!)) return text.split('\n').filter((line) => line !== '');
  if (!option.required) {
    if (text === '0' || text === 'false') return undefined;
    if (text === '1' || text === 'true') return !option.negate;
  }
  if (option.required || option.optional) {
    return option.parseArg === undefined ? text : option.parseArg(text, undefined);
  }
  throw new InvalidArgumentError('Write 1 or 0, or true or false.');
}
