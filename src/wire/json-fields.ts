import { isUtf8 } from 'node:buffer';
import { CtxsyncError } from '../errors.ts';
import { MAX_CONTROL_BYTES, MAX_NAME_BYTES } from '../limits.ts';
import { protocolError } from './protocol-error.ts';

const encoder = new TextEncoder();

/** Control characters, lone surrogates, line separators, and bidirectional controls. */
const UNSAFE_TEXT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The JSON payload of a control frame, field by field: each getter checks one field, other keys are
 * ignored. Every error is CtxsyncError 'corrupt' and names frame, field and byte.
 */
export class JsonFields {
  readonly #frame: string;
  readonly #at: number;
  readonly #fields: Readonly<Record<string, unknown>>;

  /**
   * @param frame its name, for messages
   * @param at bytes of the connection before the frame
   */
  constructor(frame: string, payload: Uint8Array, at: number) {
    this.#frame = frame;
    this.#at = at;
    this.#fields = this.#parse(payload);
  }

  /** A non-negative safe integer. */
  count(key: string): number {
    const value = this.#value(key);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#wrong(key, 'is not a whole number from 0 up');
  }

  /** A count that must be 0. */
  zero(key: string): number {
    const value = this.count(key);
    if (value === 0) return value;
    throw this.#wrong(key, 'is not 0');
  }

  optionalCount(key: string): number | undefined {
    return this.#value(key) === undefined ? undefined : this.count(key);
  }

  flag(key: string): boolean {
    const value = this.#value(key);
    if (typeof value === 'boolean') return value;
    throw this.#wrong(key, 'is not true or false');
  }

  optionalFlag(key: string): boolean | undefined {
    return this.#value(key) === undefined ? undefined : this.flag(key);
  }

  string(key: string): string {
    const value = this.#value(key);
    if (typeof value === 'string') return value;
    throw this.#wrong(key, 'is not a string');
  }

  optionalString(key: string): string | undefined {
    return this.#value(key) === undefined ? undefined : this.string(key);
  }

  /** `digits` lower-case hexadecimal digits. */
  hex(key: string, digits: number): string {
    const value = this.string(key);
    if (value.length === digits && /^[0-9a-f]*$/.test(value)) return value;
    throw this.#wrong(key, `is not ${digits} hexadecimal digits`);
  }

  oneOf<const T extends string>(key: string, choices: readonly T[]): T {
    const value = this.string(key);
    const choice = choices.find((c) => c === value);
    if (choice !== undefined) return choice;
    throw this.#wrong(key, `is not one of ${choices.join(', ')}`);
  }

  /** At most `most` words of `a-z`, `0-9` and `-`, at most `chars` characters each. */
  words(key: string, most: number, chars: number): string[] {
    const value = this.#value(key);
    const isWord = (v: unknown): v is string =>
      typeof v === 'string' && v.length <= chars && /^[a-z0-9-]+$/.test(v);
    if (Array.isArray(value) && value.length <= most && value.every(isWord)) return value;
    throw this.#wrong(key, `is not a list of up to ${most} words`);
  }

  /** '' or one component of a path. */
  contextName(key: string): string {
    const value = this.string(key);
    if (isContextName(value)) return value;
    throw this.#wrong(key, 'is neither empty nor one component of a path');
  }

  /** At most `most` names, without duplicates; undefined when the key is absent. */
  optionalContextNames(key: string, most: number): string[] | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    const isName = (v: unknown): v is string => typeof v === 'string' && isContextName(v);
    const names = Array.isArray(value) && value.length <= most && value.every(isName);
    if (names && new Set(value).size === value.length) return value;
    throw this.#wrong(key, `is not a list of up to ${most} names of contexts`);
  }

  #parse(payload: Uint8Array): Readonly<Record<string, unknown>> {
    let parsed: unknown;
    try {
      if (!isUtf8(payload)) throw new Error('not UTF-8');
      parsed = JSON.parse(Buffer.from(payload).toString());
    } catch {
      throw protocolError(`the payload of ${this.#frame} is not JSON`, this.#at);
    }
    if (isRecord(parsed)) return parsed;
    throw protocolError(`the payload of ${this.#frame} is not a JSON object`, this.#at);
  }

  /** Own keys only: a missing key must not read an inherited property. */
  #value(key: string): unknown {
    return Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
  }

  #wrong(key: string, what: string): CtxsyncError {
    return protocolError(`${this.#frame}: ${key} ${what}`, this.#at);
  }
}

/** @throws CtxsyncError 'internal' over MAX_CONTROL_BYTES: the peer would refuse the frame */
export function encodeJson(message: object): Uint8Array {
  const payload = encoder.encode(JSON.stringify(message));
  if (payload.length <= MAX_CONTROL_BYTES) return payload;
  throw new CtxsyncError('internal', `a control frame of ${payload.length} bytes`);
}

/** Whether it may name a context: '' (the unnamed one), or one component of a path. */
export function isContextName(name: string): boolean {
  if (name === '.' || name === '..' || /[/\0]|\p{Cs}/u.test(name)) return false;
  return encoder.encode(name).length <= MAX_NAME_BYTES;
}

/**
 * Free text of a peer: its first `chars` UTF-16 units, without anything that could control a terminal.
 * At most three bytes per unit in UTF-8.
 */
export function startOfText(text: string, chars: number): string {
  return text.slice(0, chars).replace(UNSAFE_TEXT, ' ');
}

/** The same, but the last `chars` units: the end of a path is more telling than its start. */
export function endOfText(text: string, chars: number): string {
  return text.slice(-chars).replace(UNSAFE_TEXT, ' ');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
