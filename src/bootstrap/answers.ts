import type { Readable } from 'node:stream';
import { MAX_ANSWER_BYTES, STRAY_BYTES } from '../limits.ts';
import type { Answer } from './second-stage.ts';

/** The beginning of each answer, which no profile or program prints by chance. */
export const MARK = 'ctxsync-bootstrap ';

/** Something else came, or the end. */
export interface NoAnswer {
  type: 'none';
  /** What came, or the beginning of it. */
  text: string;
}

/** Reads one answer, and nothing after it. */
export async function readAnswer(stream: Readable): Promise<Answer | NoAnswer> {
  let seen = Buffer.alloc(0);
  for (;;) {
    const answer = parse(seen);
    if (answer !== undefined) {
      const rest = seen.subarray(seen.indexOf('\n') + 1);
      if (rest.length > 0) stream.unshift(rest);
      return answer;
    }
    const over = stream.readableEnded || stream.destroyed || seen.length > MAX_ANSWER_BYTES;
    if (over || isStray(seen) || seen.includes('\n')) {
      return { type: 'none', text: seen.toString('utf8', 0, STRAY_BYTES) };
    }
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) await readable(stream);
    else seen = Buffer.concat([seen, chunk]);
  }
}

/** @returns undefined if it is not a whole answer */
function parse(seen: Buffer): Answer | undefined {
  const end = seen.indexOf('\n');
  if (end < 0 || isStray(seen)) return undefined;
  try {
    const json: unknown = JSON.parse(seen.toString('utf8', MARK.length, end));
    return isAnswer(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Whoever is at the other side may have written it. */
function isAnswer(json: unknown): json is Answer {
  if (typeof json !== 'object' || json === null) return false;
  const { type, version, host, path, failure = '' } = json as Record<string, unknown>;
  if (type === 'old-node') return typeof version === 'string';
  if (type === 'received') return [host, path, failure].every((text) => typeof text === 'string');
  return type === 'cached' || type === 'missing' || type === 'damaged';
}

function isStray(seen: Buffer): boolean {
  const length = Math.min(seen.length, MARK.length);
  return seen.toString('latin1', 0, length) !== MARK.slice(0, length);
}

function readable(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off('readable', settle).off('end', settle).off('close', settle);
      resolve();
    };
    stream.on('readable', settle).on('end', settle).on('close', settle);
  });
}
