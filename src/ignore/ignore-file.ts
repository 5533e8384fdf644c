import { toReadableText, fromText, type BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_IGNORE_FILE_BYTES, MAX_IGNORE_RULES, MAX_LINE_BYTES } from '../limits.ts';
import { IgnorePattern } from './ignore-pattern.ts';
import { PatternSyntaxError } from './ignore-regexp.ts';
import type { IgnoreRule } from './ignore-rules.ts';

const BYTE_ORDER_MARK = '\xef\xbb\xbf';

/** Where a rule comes from. */
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
  checkEncoding(bytes, source);
  let content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (content.startsWith(BYTE_ORDER_MARK)) content = content.slice(BYTE_ORDER_MARK.length);

  const rules: IgnoreRule[] = [];
  for (const [index, line] of content.split('\n').entries()) {
    const origin = { source, line: index + 1 };
    if (line.length > MAX_LINE_BYTES) throw badRule(origin, 'line is too long', 'break it up');
    // If lines end with CR alone, the whole file is one line, which matches nothing.
    if (trimSpace(line).includes('\r')) {
      const hint = 'end the lines with LF or CR LF';
      throw badRule(origin, 'the line contains a carriage return', hint);
    }
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
 * Refuses a file that is too large; also called before the file is read.
 * @throws CtxsyncError 'bad-ignore-rule'
 */
export function checkFileSize(bytes: number, source: string): void {
  if (bytes <= MAX_IGNORE_FILE_BYTES) return;
  throw new CtxsyncError(
    'bad-ignore-rule',
    `${source} has ${bytes} bytes, more than ${MAX_IGNORE_FILE_BYTES}; is it an ignore file?`,
    { path: source, forPeer: 'the ignore file is too large' },
  );
}

/**
 * Parses a rule that is not from a file: like a line of one, but a leading `#` starts no comment.
 * @param source where it comes from, for messages
 * @returns undefined if the line is blank
 * @throws CtxsyncError 'bad-ignore-rule' naming the source
 */
export function parseGivenRule(text: string, source: string): IgnoreRule | undefined {
  return parseRule(fromText(text), { source, line: undefined });
}

/**
 * PowerShell's `>` writes UTF-16, in which no line matches anything: all files meant to be ignored
 * would be sent. No path has a NUL, so no rule does.
 */
function checkEncoding(bytes: Uint8Array, source: string): void {
  const [a, b] = bytes;
  const marked = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  const nul = bytes.indexOf(0);
  if (!marked && nul < 0) return;
  let line = 1;
  if (!marked) for (const byte of bytes.subarray(0, nul)) if (byte === LINE_FEED) line += 1;
  const what = marked ? 'the file is UTF-16 or UTF-32' : 'the line has a NUL byte, as in UTF-16';
  throw badRule({ source, line }, what, 'save the file as UTF-8');
}

const LINE_FEED = 0x0a;

function parseRule(line: BytePath, origin: Origin): IgnoreRule | undefined {
  const written = trimSpace(line);
  if (written.includes('\0')) throw badRule(origin, 'the pattern has a NUL byte', 'remove it');
  const listed = readLine(written);
  if (listed === '') return undefined;
  const negated = listed.startsWith('!');
  // Shown as its author wrote it: a pattern has escapes of its own.
  const text = toReadableText(written);
  if (listed === '!') {
    const hint = 'write a pattern after the "!", or remove it';
    throw badRule(origin, 'illegal exclusion pattern', hint, { pattern: text });
  }
  try {
    const pattern = new IgnorePattern(negated ? listed.slice(1) : listed);
    return { text, negated, pattern, ...origin };
  } catch (error) {
    if (!(error instanceof PatternSyntaxError)) throw error;
    throw badRule(origin, 'syntax error in pattern', error.message, {
      pattern: text,
      cause: error,
    });
  }
}

/** @param pattern the text of the rule; neither it nor the file's path is sent to the peer */
function badRule(
  origin: Origin,
  what: string,
  hint: string,
  { pattern, cause }: { pattern?: string; cause?: unknown } = {},
): CtxsyncError {
  const { source, line } = origin;
  const at = line === undefined ? '' : `:${line}`;
  const name = source.slice(source.lastIndexOf('/') + 1);
  const quoted = pattern === undefined ? '' : ` "${pattern}"`;
  return new CtxsyncError('bad-ignore-rule', `${source}${at}: ${what}${quoted}; ${hint}`, {
    path: line === undefined ? undefined : source,
    line,
    cause,
    forPeer: `${name}${at}: ${what}`,
  });
}

/**
 * What New() makes of a trimmed line that ReadAll cleaned before. The second pass is not redundant: it
 * finds the `!` in `/!a`, turns `!/` into `!`, and trims the space left over from `a /`.
 */
function readLine(written: BytePath): BytePath {
  const listed = written.startsWith('!')
    ? `!${cleanRelative(trimSpace(written.slice(1)))}`
    : cleanRelative(written);
  const trimmed = trimSpace(listed);
  return trimmed === '' ? '' : cleanPath(trimmed);
}

/** Cleans, and removes the leading `/` as ReadAll does: a lone `/` stays. */
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

// unicode.IsSpace in UTF-8. (JavaScript's trim() removes U+FEFF, and keeps U+0085.)
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
