import { CtxsyncError } from '../errors.ts';
import { explain, explainPaths, listVerdicts, type ExplainedContext } from '../explain/explain.ts';
import type { ExplainOptions } from '../explain/explain-options.ts';
import type { GivenRule } from '../ignore/load-rules.ts';
import { LAST_WORDS_MS, MAX_LARGEST } from '../limits.ts';
import type { DirectoryContext } from '../send/context.ts';
import { openTextOutput } from '../transport/stdio.ts';
import type { Outgoing } from '../transport/transport.ts';
import { withTimeout } from '../with-timeout.ts';
import type { WatchOptions } from './common-options.ts';
import { parseContexts } from './context-argument.ts';
import { EXIT_CODES } from './exit-code.ts';
import { directoryContext, type IgnoreCommandOptions } from './ignore-options.ts';
import type { SendCommandOptions } from './run-send.ts';
import { exitCodeOf } from './run-transfer.ts';
import { watchSignals } from './signals.ts';
import { usageError } from './usage-error.ts';
import { contextText } from './view/context-text.ts';
import { ExplainView } from './view/explain-view.ts';
import { jsonText } from './view/json-text.ts';
import { pathsText } from './view/path-text.ts';
import { reportStyle } from './view/report-style.ts';

export interface ExplainCommandOptions extends WatchOptions, IgnoreCommandOptions {
  path?: string[];
  list?: true;
  null?: true;
  json?: true;
  top?: number;
  skipIgnored?: true;
  strict?: true;
  warnAbove: number;
}

/** `explain`, from its options to its exit status. */
export function runExplain(
  args: readonly string[],
  options: ExplainCommandOptions,
  rules: readonly GivenRule[],
): Promise<number> {
  return withView('explain', options, async (common, out) => {
    checkCombination(options);
    const explaining: ExplainOptions = {
      ...common,
      contexts: directories(args, options, rules),
      measureIgnored: options.skipIgnored !== true,
      largest: options.top,
      largeBytes: options.warnAbove,
    };
    if (options.list === true) {
      await listVerdicts({ ...explaining, nullTerminated: options.null === true }, out());
      return 0;
    }
    if (options.path !== undefined) {
      const explained = await explainPaths(explaining, options.path);
      const text = options.json === true ? asJson(explained) : pathsText(explained, await style());
      await print(out(), text);
      return 0;
    }
    const explained = await explain(explaining);
    await print(out(), await asText(explained, options.json === true));
    return options.strict === true && explained.some(hasFindings)
      ? EXIT_CODES['context-refused']
      : 0;
  });
}

/** `send --dry-run`: what `explain` shows, with no look at what a transfer does not look at. */
export function runDryRun(
  args: readonly string[],
  options: SendCommandOptions,
  rules: readonly GivenRule[],
  peer: readonly string[] | undefined,
): Promise<number> {
  return withView('send', options, async (common, out) => {
    checkNoReceiver(options, peer);
    const explained = await explain({
      ...common,
      contexts: directories(args, options, rules),
      measureIgnored: false,
      largeBytes: options.warnAbove,
    });
    await print(out(), await asText(explained, false));
    // As the transfer would end.
    if (explained.some(({ unreadable }) => unreadable.count > 0)) {
      return EXIT_CODES['source-unreadable'];
    }
    return options.strict === true && explained.some(hasFindings)
      ? EXIT_CODES['context-refused']
      : 0;
  });
}

/** @param work gets a function that opens stdout, once nothing else is shown on the terminal any more */
async function withView(
  command: 'explain' | 'send',
  options: WatchOptions & { list?: true },
  work: (common: Partial<ExplainOptions>, out: () => Outgoing) => Promise<number>,
): Promise<number> {
  const { stderr: stream, env } = process;
  const quiet = options.quiet === true;
  const view = new ExplainView({
    prefix: `ctxsync ${command}: `,
    // The list appears on the same terminal.
    spins: !quiet && options.list !== true,
    quiet,
    stream,
    env,
  });
  const signals = watchSignals();
  let exitCode: number;
  try {
    const { stallAfter: stallAfterMs, stallTimeout: stallTimeoutMs } = options;
    const common: Partial<ExplainOptions> = {
      stallAfterMs,
      stallTimeoutMs,
      signal: signals.signal,
      onEvent: (event) => view.handle(event),
    };
    exitCode = await work(common, () => {
      view.stopSpinner();
      return openTextOutput();
    });
  } catch (thrown) {
    const error = CtxsyncError.from(thrown);
    // `ctxsync explain . | head` is no failure.
    if (error.code === 'peer-gone') exitCode = 0;
    else {
      exitCode = exitCodeOf(error, signals.received());
      view.fail(error);
    }
  }
  signals.stop();
  await withTimeout(LAST_WORDS_MS, view.close());
  return exitCode;
}

/** @throws CtxsyncError usage */
function checkCombination({
  list,
  null: nul,
  json,
  path,
  top,
  strict,
}: ExplainCommandOptions): void {
  if (nul === true && list !== true) throw usageError('--null only applies with --list');
  const modes = [
    list === true ? '--list' : undefined,
    path === undefined ? undefined : '--path',
    json === true && path === undefined ? '--json' : undefined,
  ].filter((mode) => mode !== undefined);
  if (modes.length > 1) throw usageError(`${modes.join(' and ')} cannot be combined`);
  if (strict === true && (list === true || path !== undefined)) {
    throw usageError('--strict is about the context as a whole: leave out --list and --path');
  }
  if (top !== undefined && top > MAX_LARGEST) {
    throw usageError(`--top can be ${MAX_LARGEST} at most`);
  }
}

/** @throws CtxsyncError usage */
function checkNoReceiver(
  { socket, report, trace }: SendCommandOptions,
  peer: readonly string[] | undefined,
): void {
  const given =
    peer === undefined ? (socket === undefined ? undefined : '--socket') : 'the command after "--"';
  if (given !== undefined) {
    throw usageError(`--dry-run asks no receiver; leave out ${given}`);
  }
  if (report !== undefined) {
    throw usageError('--dry-run writes no --report; "ctxsync explain --json" prints JSON');
  }
  if (trace !== undefined) throw usageError('--dry-run writes no --trace; leave it out');
}

/** @throws CtxsyncError usage */
function directories(
  args: readonly string[],
  options: IgnoreCommandOptions,
  rules: readonly GivenRule[],
): DirectoryContext[] {
  return parseContexts(args).map((argument) => {
    if (argument.directory !== '-') return directoryContext(argument, options, rules);
    throw usageError('a tar ("-") is sent as it is, so there is nothing to explain');
  });
}

function hasFindings({ findings }: ExplainedContext): boolean {
  return findings.length > 0;
}

async function asText(explained: ExplainedContext[], json: boolean): Promise<string> {
  if (json) return asJson(explained);
  const look = await style();
  return explained.map((context) => contextText(context, look)).join('\n');
}

function asJson(contexts: unknown): string {
  return `${jsonText({ contexts }, 2)}\n`;
}

function style(): ReturnType<typeof reportStyle> {
  return reportStyle(process.env);
}

async function print(out: Outgoing, text: string): Promise<void> {
  await out.write([Buffer.from(text)]);
  await out.end();
}
