import { CtxsyncError, type ErrorCode } from '../errors.ts';
import {
  STATUS_PATH_BYTES,
  MAX_CAPABILITIES,
  MAX_CAPABILITY_CHARS,
  MAX_HELLO_CONTEXTS,
  MAX_MESSAGE_CHARS,
  MAX_PATH_BYTES,
  MAX_STATE_CHARS,
} from '../limits.ts';
import { REMEDIES, type Remedy } from '../remedy.ts';
import { MAX_VERSION, MIN_VERSION } from './frame.ts';
import { DIGEST_DIGITS } from './stream-digest.ts';
import { encodeJson, endOfText, isContextName, JsonFields, startOfText } from './json-fields.ts';

const ROLES = ['sender', 'receiver'] as const;
const MODES = ['oneway', 'duplex'] as const;
const STREAM_KINDS = ['tree', 'manifest', 'want', 'changes'] as const;

export type Role = (typeof ROLES)[number];
export type Mode = (typeof MODES)[number];
export type StreamKind = (typeof STREAM_KINDS)[number];

export interface Hello {
  /** The versions that the peer supports, inclusive. */
  minVersion: number;
  maxVersion: number;
  role: Role;
  mode: Mode;
  /** 32 hexadecimal digits. */
  transferId: string;
  /** Duplex: bytes that each stream may send before the first CREDIT. */
  credit: number;
  /** Milliseconds between two BEATs. */
  beatIntervalMs: number;
  /** It shows progress on a terminal, so the other side stays quiet. */
  showsProgress: boolean;
  /** Capabilities beyond its version; unknown ones are ignored. */
  capabilities: string[];
  /** Sender: the names of all its contexts; absent when there are too many. */
  contexts?: string[] | undefined;
}

export interface Open {
  kind: StreamKind;
  /** Of the context: '' or one component of a path. */
  name: string;
  /** Of a `want` stream: the whole context is wanted, and the stream stays empty. */
  all?: boolean | undefined;
  /** Of a `tree` stream: its entries come in any order, as in a foreign tar. */
  unordered?: boolean | undefined;
}

export interface End {
  bytes: number;
  /** Of these bytes, in hexadecimal digits: see StreamDigest. */
  gmac: string;
}

export interface Fin {
  /** Streams that were opened and ended. */
  streams: number;
  /** Of all streams. */
  bytes: number;
  /** SHA-256 over the ENDs, in hexadecimal digits: see StreamTotals. */
  digest: string;
}

/** The new limit of a stream of the other direction. */
export interface Credit {
  /** Bytes of the whole stream that may be sent. */
  limit: number;
}

/** The receiver has committed. */
export interface Receipt {
  /** The sender's own. */
  transferId: string;
  /** FIN's. */
  digest: string;
  /**
   * Entries put in place; of those, files whose content was not sent; entries of which only mode or time were
   * set; entries already there; entries removed.
   */
  written?: number | undefined;
  reused?: number | undefined;
  metadataOnly?: number | undefined;
  unchanged?: number | undefined;
  removed?: number | undefined;
}

export interface Beat {
  /** What the peer's disk worker is doing. */
  state: string;
  /** Milliseconds since it entered the state. */
  stateAgeMs: number;
  /** The path it works on, human-readable; only the end of a long one. */
  path: string;
  entries: number;
  /** Of file content. */
  bytes: number;
  /** Sender: of all contexts, once counted. */
  totalEntries?: number | undefined;
  totalBytes?: number | undefined;
  /** Sender: of the contexts that are sent whole although others are compared, once counted. */
  wholeEntries?: number | undefined;
  wholeBytes?: number | undefined;
  /** Receiver: entries of manifests that were compared, and bytes that were hashed for it. */
  comparedEntries?: number | undefined;
  comparedBytes?: number | undefined;
  /** Receiver: entries that it has asked for, and their bytes of file content. */
  wantedEntries?: number | undefined;
  wantedBytes?: number | undefined;
  /** Receiver: it has asked for all that it wants. */
  isCompared?: boolean | undefined;
  /** Milliseconds that the disk worker has waited so far for the other side of its ring. */
  waitedMs: number;
  /** Duplex: bytes of payload that have arrived here. */
  received?: number | undefined;
  /** Duplex: HELLO and BEATs that have arrived here. */
  heard?: number | undefined;
}

/** An unknown code comes from a newer peer. */
export type PeerErrorCode = ErrorCode | `unknown-${number}`;

export interface PeerError {
  code: PeerErrorCode;
  /** The side that failed first. */
  origin: Role;
  /** Free text, at most MAX_MESSAGE_CHARS. */
  message: string;
  /** Human-readable. */
  path?: string | undefined;
  /** Absent when unknown. */
  remedy?: Remedy | undefined;
}

/** Never renumber a code: the numbers are part of the protocol. */
export const WIRE_CODES = {
  internal: 1,
  usage: 2,
  'bad-ignore-rule': 3,
  'source-missing': 4,
  'source-unreadable': 5,
  'source-changed': 6,
  'no-space': 7,
  'not-writable': 8,
  locked: 9,
  'unsafe-entry': 10,
  'over-limit': 11,
  'not-ctxsync': 12,
  corrupt: 13,
  'version-mismatch': 14,
  truncated: 15,
  'peer-gone': 16,
  stalled: 17,
  'peer-failed': 18,
  interrupted: 19,
  'no-peer': 20,
  'outcome-unknown': 21,
  'delete-refused': 22,
  'context-refused': 23,
} as const satisfies Record<ErrorCode, number>;

const CODES: ReadonlyMap<number, ErrorCode> = new Map(
  Object.entries(WIRE_CODES).map(([code, number]) => [number, code as ErrorCode]),
);

export function encodeHello(hello: Hello): Uint8Array {
  return encodeJson(hello);
}

/** @throws CtxsyncError 'version-mismatch', before reading fields that another version may have changed */
export function decodeHello(payload: Uint8Array, at: number): Hello {
  const fields = new JsonFields('HELLO', payload, at);
  const minVersion = fields.count('minVersion');
  const maxVersion = fields.count('maxVersion');
  if (minVersion > MAX_VERSION || maxVersion < MIN_VERSION) {
    throw new CtxsyncError(
      'version-mismatch',
      `the peer speaks protocol ${range(minVersion, maxVersion)}, this side ` +
        `${range(MIN_VERSION, MAX_VERSION)}: update the older of the two`,
    );
  }
  const mode = fields.oneOf('mode', MODES);
  return {
    minVersion,
    maxVersion,
    role: fields.oneOf('role', ROLES),
    mode,
    transferId: fields.hex('transferId', 32),
    credit: mode === 'duplex' ? fields.count('credit') : fields.zero('credit'),
    beatIntervalMs: fields.count('beatIntervalMs'),
    showsProgress: fields.flag('showsProgress'),
    capabilities: fields.words('capabilities', MAX_CAPABILITIES, MAX_CAPABILITY_CHARS),
    contexts: fields.optionalContextNames('contexts', MAX_HELLO_CONTEXTS),
  };
}

/**
 * Of a HELLO that decodeHello() refuses, as that of another version may be: the transfer id to answer with,
 * all zeros if it has none.
 *
 * @returns undefined when it expects no answer
 */
export function transferIdToAnswer(payload: Uint8Array): string | undefined {
  try {
    const fields = new JsonFields('HELLO', payload, 0);
    if (fields.string('mode') !== 'duplex') return undefined;
    const id = fields.optionalString('transferId') ?? '';
    return /^[0-9a-f]{32}$/.test(id) ? id : '0'.repeat(32);
  } catch {
    return undefined;
  }
}

/** @throws CtxsyncError 'internal' when the peer would not accept the name */
export function encodeOpen(open: Open): Uint8Array {
  if (isContextName(open.name)) return encodeJson(open);
  throw new CtxsyncError('internal', `not the name of a context: ${JSON.stringify(open.name)}`);
}

export function decodeOpen(payload: Uint8Array, at: number): Open {
  const fields = new JsonFields('OPEN', payload, at);
  return {
    kind: fields.oneOf('kind', STREAM_KINDS),
    name: fields.contextName('name'),
    all: fields.optionalFlag('all'),
    unordered: fields.optionalFlag('unordered'),
  };
}

export function encodeEnd(end: End): Uint8Array {
  return encodeJson(end);
}

export function decodeEnd(payload: Uint8Array, at: number): End {
  const fields = new JsonFields('END', payload, at);
  return { bytes: fields.count('bytes'), gmac: fields.hex('gmac', DIGEST_DIGITS) };
}

export function encodeFin(fin: Fin): Uint8Array {
  return encodeJson(fin);
}

export function decodeFin(payload: Uint8Array, at: number): Fin {
  const fields = new JsonFields('FIN', payload, at);
  return {
    streams: fields.count('streams'),
    bytes: fields.count('bytes'),
    digest: fields.hex('digest', 64),
  };
}

export function encodeCredit(credit: Credit): Uint8Array {
  return encodeJson(credit);
}

export function decodeCredit(payload: Uint8Array, at: number): Credit {
  return { limit: new JsonFields('CREDIT', payload, at).count('limit') };
}

export function encodeReceipt(receipt: Receipt): Uint8Array {
  return encodeJson(receipt);
}

export function decodeReceipt(payload: Uint8Array, at: number): Receipt {
  const fields = new JsonFields('RECEIPT', payload, at);
  return {
    transferId: fields.hex('transferId', 32),
    digest: fields.hex('digest', 64),
    written: fields.optionalCount('written'),
    reused: fields.optionalCount('reused'),
    metadataOnly: fields.optionalCount('metadataOnly'),
    unchanged: fields.optionalCount('unchanged'),
    removed: fields.optionalCount('removed'),
  };
}

/** Rounds times: the wire has no fractions. */
export function encodeBeat(beat: Beat): Uint8Array {
  return encodeJson({
    ...beat,
    state: startOfText(beat.state, MAX_STATE_CHARS),
    stateAgeMs: Math.round(beat.stateAgeMs),
    path: endOfText(beat.path, STATUS_PATH_BYTES),
    waitedMs: Math.round(beat.waitedMs),
  });
}

export function decodeBeat(payload: Uint8Array, at: number): Beat {
  const fields = new JsonFields('BEAT', payload, at);
  return {
    state: startOfText(fields.string('state'), MAX_STATE_CHARS),
    stateAgeMs: fields.count('stateAgeMs'),
    path: endOfText(fields.string('path'), STATUS_PATH_BYTES),
    entries: fields.count('entries'),
    bytes: fields.count('bytes'),
    totalEntries: fields.optionalCount('totalEntries'),
    totalBytes: fields.optionalCount('totalBytes'),
    wholeEntries: fields.optionalCount('wholeEntries'),
    wholeBytes: fields.optionalCount('wholeBytes'),
    comparedEntries: fields.optionalCount('comparedEntries'),
    comparedBytes: fields.optionalCount('comparedBytes'),
    wantedEntries: fields.optionalCount('wantedEntries'),
    wantedBytes: fields.optionalCount('wantedBytes'),
    isCompared: fields.optionalFlag('isCompared'),
    waitedMs: fields.count('waitedMs'),
    received: fields.optionalCount('received'),
    heard: fields.optionalCount('heard'),
  };
}

export function encodePeerError(error: PeerError): Uint8Array {
  return encodeJson({
    code: codeNumber(error.code),
    origin: error.origin,
    message: startOfText(error.message, MAX_MESSAGE_CHARS),
    path: error.path === undefined ? undefined : endOfText(error.path, MAX_PATH_BYTES),
    remedy: error.remedy,
  });
}

export function decodePeerError(payload: Uint8Array, at: number): PeerError {
  const fields = new JsonFields('ERROR', payload, at);
  const code = fields.count('code');
  const path = fields.optionalString('path');
  const remedy = fields.optionalString('remedy');
  return {
    code: CODES.get(code) ?? `unknown-${code}`,
    origin: fields.oneOf('origin', ROLES),
    message: startOfText(fields.string('message'), MAX_MESSAGE_CHARS),
    path: path === undefined ? undefined : endOfText(path, MAX_PATH_BYTES),
    remedy: REMEDIES.find((known) => known === remedy),
  };
}

function codeNumber(code: PeerErrorCode): number {
  return isKnown(code) ? WIRE_CODES[code] : Number(code.slice('unknown-'.length));
}

function isKnown(code: PeerErrorCode): code is ErrorCode {
  return Object.hasOwn(WIRE_CODES, code);
}

function range(min: number, max: number): string {
  return min === max ? `version ${min}` : `versions ${min} to ${max}`;
}
