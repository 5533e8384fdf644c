import { Command, CommanderError, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { applyEnvironment, forgetDefaults } from '../../src/cli/environment.ts';
import { createProgram } from '../../src/cli/program.ts';
import { parseDuration } from '../../src/cli/units.ts';

type Environment = Record<string, string | undefined>;

/** The options after parsing, what was printed, and the environment that is left. */
function optionsOf(env: Environment, ...args: string[]) {
  let printed = '';
  const command = new Command('send')
    .option('--checksum')
    .option('--no-ignore')
    .option('--socket <path>')
    .option('--exclude <pattern>')
    .addOption(new Option('--progress <mode>').choices(['auto', 'none']).default('auto'))
    .addOption(new Option('--stall-after <duration>').argParser(parseDuration).default(10_000))
    .exitOverride()
    .configureOutput({ writeErr: (text) => (printed += text) })
    .action(() => {})
    .hook('preAction', (_, self) => applyEnvironment(self, env));
  let error: unknown;
  try {
    command.parse(args, { from: 'user' });
  } catch (thrown) {
    error = thrown;
  }
  return { command, options: command.opts(), error, printed, env };
}

describe('a variable', () => {
  test('is the default of its option, which wins', () => {
    const env = () => ({
      CTXSYNC_STALL_AFTER: '5m',
      CTXSYNC_PROGRESS: 'none',
      CTXSYNC_SOCKET: 's',
    });
    expect(optionsOf(env()).options).toMatchObject({
      stallAfter: 300_000,
      progress: 'none',
      socket: 's',
    });
    const given = ['--stall-after', '1s', '--progress', 'auto', '--socket', 't'];
    expect(optionsOf(env(), ...given).options).toMatchObject({
      stallAfter: 1_000,
      progress: 'auto',
      socket: 't',
    });
  });

  test('that is empty counts as unset', () => {
    const empty = { CTXSYNC_STALL_AFTER: '', CTXSYNC_CHECKSUM: '', CTXSYNC_SOCKET: '' };
    expect(optionsOf(empty).options).toEqual(optionsOf({}).options);
  });

  test.each([
    ['1', true],
    ['true', true],
    ['0', undefined],
    ['false', undefined],
  ])('of a flag may be %s', (text, checksum) => {
    expect(optionsOf({ CTXSYNC_CHECKSUM: text }).options['checksum']).toBe(checksum);
    const { ignore } = optionsOf({ CTXSYNC_NO_IGNORE: text }).options;
    expect(ignore).toBe(checksum !== true);
  });

  test.each([
    ['CTXSYNC_CHECKSUM', 'yes', 'Write 1 or 0, or true or false.'],
    ['CTXSYNC_STALL_AFTER', '5', 'Write a duration like 500ms, 10s or 5m.'],
    ['CTXSYNC_PROGRESS', 'loud', 'Allowed choices are auto, none.'],
  ])('%s with the bad value %s is a usage error that names it', (name, value, advice) => {
    const { error, printed } = optionsOf({ [name]: value });
    expect(error).toBeInstanceOf(CommanderError);
    expect(printed).toBe(`error: ${name} has the invalid value '${value}'. ${advice}\n`);
  });

  test('of an option that may be repeated has one value a line', () => {
    const { options } = optionsOf({ CTXSYNC_EXCLUDE: '*.log\n\n# x' });
    expect(options['exclude']).toEqual(['*.log', '# x']);
  });

  test('is not passed on to a command that we start; others are', () => {
    const { env } = optionsOf({ CTXSYNC_SOCKET: 's', CTXSYNC_DELETE: '1', PATH: '/bin' });
    expect(env).toEqual({ CTXSYNC_DELETE: '1', PATH: '/bin' });
  });

  test('can be dropped where it does not apply, an option of the command line cannot', () => {
    const { command } = optionsOf({ CTXSYNC_SOCKET: 's' }, '--checksum');
    forgetDefaults(command, 'socket', 'checksum');
    expect(command.opts()).toMatchObject({ socket: undefined, checksum: true });
  });
});

const VALUES: Record<string, string> = { count: '7', size: '7', user: '7', rate: '7MB' };

test('the variable of every option takes effect', () => {
  const program = createProgram(() => {});
  for (const command of program.commands) {
    for (const option of command.options) {
      const name = `CTXSYNC_${option.long?.slice(2).toUpperCase().replaceAll('-', '_')}`;
      const value = option.required ? (option.argChoices?.[1] ?? '77m') : '1';
      const before = command.getOptionValue(option.attributeName()) as unknown;
      const text = VALUES[/<(.*)>/.exec(option.flags)?.[1] ?? ''] ?? value;
      applyEnvironment(command, { [name]: text });
      expect([name, command.getOptionValueSource(option.attributeName())]).toEqual([name, 'env']);
      expect(command.getOptionValue(option.attributeName())).not.toEqual(before);
    }
  }
});
