import { fromText, toText, type BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_IGNORE_FILE_BYTES, MAX_IGNORE_RULES, MAX_LINE_BYTES } from '../limits.ts';
import { IgnorePattern } from './ignore-pattern.ts';
import { PatternSyntaxError } from './ignore-regexp.ts';
import type { IgnoreRule } from './ignore-rules.ts';

const BYTE_ORDER_MARK = '\xef\xbb\xbf';

/** Where a rule was written. */
interface Origin {
  source: string;
  line: number | undefined;
}

/**
 * The rules of an ignore file, read as moby/patternmatcher's ignorefile.ReadAll and New() do.
 * @param source the file's name, for messages and for explaining a decision
 * @throws CtxsyncError 'bad-ignore-rule' naming file and line
 */
export function parseIgnoreFile(bytes: Uint8Array, source: string): IgnoreRule[] {
  checkFileSize(bytes.length, source);
  let content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (content.startsWith(BYTE_ORDER_MARK)) content = content.slice(BYTE_ORDER_MARK.length);

  const rules: IgnoreRule[] = [];
  for (const [index, line] of content.split('\n').entries()) {
    const origin = { source, line: index + 1 };
    if (line.length > MAX_LINE_BYTES) throw badRule(origin, 'line is too long', 'break it up');
    if (line.startsWith('#')) continue;
    const rule = parseRule(line, origin);
    if (rule !== undefined) rules.push(rule);
    if (rules.length > MAX_IGNORE_RULES) {
      throw badRule(origin, `more than ${MAX_IGNORE_RULES} rules`, 'use wildcards to need fewer');
    }
  }
  return rules;
}

/**
 * Refuses a file of so many bytes: to be asked before it is read, too.
 * @throws CtxsyncError 'bad-ignore-rule'
 */
export function checkFileSize(bytes: number, source: string): void {
  if (bytes <= MAX_IGNORE_FILE_BYTES) return;
  throw new CtxsyncError(
    'bad-ignore-rule',
    `${source} has ${bytes} bytes, ${MAX_IGNORE_FILE_BYTES} are possible; is it an ignore file?`,
    { path: source },
  );
}

/**
 * A rule of the command line: `--exclude P` is the line P of an ignore file, `--include P` the line
 * !P, but a leading `#` makes no comment.
 * @returns undefined where that line is blank, and so no rule
 * @throws CtxsyncError 'bad-ignore-rule' naming the option
 */
export function parseIgnoreOption(
  pattern: string,
  option: '--exclude' | '--include',
): IgnoreRule | undefined {
  const line = `${option === '--include' ? '!' : ''}${fromText(pattern)}`;
  return parseRule(line, { source: option, line: undefined });
}

function parseRule(line: BytePath, origin: Origin): IgnoreRule | undefined {
  const written = trimSpace(line);
  const listed = readLine(written);
  if (listed === '') return undefined;
  const negated = listed.startsWith('!');
  const text = toText(written);
  if (listed === '!') {
    const hint = 'write a pattern after the "!", or remove it';
    throw badRule(origin, `illegal exclusion pattern "${text}"`, hint);
  }
  try {
    const pattern = new IgnorePattern(negated ? listed.slice(1) : listed);
    return { text, negated, pattern, ...origin };
  } catch (error) {
    if (!(error instanceof PatternSyntaxError)) throw error;
    throw badRule(origin, `syntax error in pattern "${text}"`, error.message, error);
  }
}

function badRule(origin: Origin, what: string, hint: string, cause?: unknown): CtxsyncError {
  const { source, line } = origin;
  const isFile = line !== undefined;
  const where = isFile ? `${source}:${line}` : source;
  return new CtxsyncError('bad-ignore-rule', `${where}: ${what}; ${hint}`, {
    path: isFile ? source : undefined,
    cause,
  });
}

/**
 * What New() makes of a trimmed line, which ReadAll has cleaned before. The second pass is not idle:
 * it finds the `!` of `/!a`, makes `!` of `!/`, and trims again the blank of `a /`.
 */
function readLine(written: BytePath): BytePath {
  const listed = written.startsWith('!')
    ? `!${cleanRelative(trimSpace(written.slice(1)))}`
    : cleanRelative(written);
  const trimmed = trimSpace(listed);
  return trimmed === '' ? '' : cleanPath(trimmed);
}

/** Clean, and without the leading `/`, as ReadAll does it: a sole `/` stays. */
function cleanRelative(pattern: BytePath): BytePath {
  if (pattern === '') return '';
  const clean = cleanPath(pattern);
  return clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean;
}

/** Go's filepath.Clean on Unix. */
export function cleanPath(path: BytePath): BytePath {
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!rooted) parts.push('..');
  }
  if (rooted) return `/${parts.join('/')}`;
  return parts.join('/') || '.';
}

// unicode.IsSpace in UTF-8. (JavaScript's trim() takes U+FEFF for a space, and U+0085 for none.)
const SPACE = String.raw`[\t-\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80`;
const LEADING_SPACE = new RegExp(`^(?:${SPACE})+`);
const LAST_SPACE = new RegExp(`(?:${SPACE})$`);
const SPACE_BYTES = 3;

/** Go's strings.TrimSpace. */
export function trimSpace(line: BytePath): BytePath {
  const start = LEADING_SPACE.exec(line)?.[0].length ?? 0;
  let end = line.length;
  for (;;) {
    const last = LAST_SPACE.exec(line.slice(Math.max(start, end - SPACE_BYTES), end));
    if (last === null) return line.slice(start, end);
    end -= last[0].length;
  }
}
