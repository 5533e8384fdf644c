import { Duplex, Readable, Transform, type Writable } from 'node:stream';
import { TransformStream } from 'node:stream/web';
import { CtxsyncError } from '../errors.ts';
import {
  inputBroken,
  outputBroken,
  peerGone,
  ReadableIncoming,
  readError,
  WritableOutgoing,
} from './node-stream.ts';
import { isConnection, type Connection, type Incoming, type Outgoing } from './transport.ts';
import { WebIncoming, WebOutgoing, type WebReadable, type WebWritable } from './web-stream.ts';

/** Two streams that are the two directions of one connection, such as a child's stdout and stdin. */
export interface StreamPair {
  readable: Readable | WebReadable;
  writable: Writable | WebWritable;
}

/** What can be written to, in one direction or two. */
export type AnyOutgoing = Outgoing | Connection | Writable | WebWritable | StreamPair;

/** What can be read from, in one direction or two. */
export type AnyIncoming = Incoming | Connection | Readable | WebReadable | StreamPair;

/**
 * The writing end of a transport over a stream of Node or of the web: a child's stdin, a socket, a request.
 * @throws CtxsyncError usage, when a web stream is locked
 */
export function toStream(stream: Writable | WebWritable): Outgoing {
  return outgoingOver(stream, peerGone);
}

/**
 * The reading end of a transport over a stream of Node or of the web: a child's stdout, a socket, a body.
 * @throws CtxsyncError usage, when a web stream is locked
 */
export function fromStream(stream: Readable | WebReadable): Incoming {
  return incomingOver(stream, readError);
}

/**
 * What a sender writes to. A Duplex is bidirectional, and so is a pair; but not a Transform or a
 * TransformStream, which return their own input.
 * @throws CtxsyncError usage
 */
export function toTransport(to: AnyOutgoing): Outgoing | Connection {
  if (!isObject(to)) throw new CtxsyncError('usage', '`to` is nothing to write to');
  const both = bothWays(to);
  if (both !== undefined) return both;
  if (isPair(to)) return toStream(to.writable);
  if ('getWriter' in to || isNodeWritable(to)) return toStream(to);
  if ('write' in to || isConnection(to)) return to;
  throw new CtxsyncError('usage', '`to` is nothing to write to');
}

/** What a receiver reads from; see toTransport(). @throws CtxsyncError usage */
export function fromTransport(from: AnyIncoming): Incoming | Connection {
  if (!isObject(from)) throw new CtxsyncError('usage', '`from` is nothing to read from');
  const both = bothWays(from);
  if (both !== undefined) return both;
  if (isPair(from)) return fromStream(from.readable);
  if ('getReader' in from || from instanceof Readable) return fromStream(from);
  if ('read' in from || isConnection(from)) return from;
  throw new CtxsyncError('usage', '`from` is nothing to read from');
}

/** The source of a tar to send. */
export function fromTar(tar: Incoming | Readable | WebReadable): Incoming {
  return 'getReader' in tar || tar instanceof Readable ? incomingOver(tar, inputBroken) : tar;
}

/** The destination of a received tar. */
export function toTar(tar: Outgoing | Writable | WebWritable): Outgoing {
  return 'getWriter' in tar || isNodeWritable(tar) ? outgoingOver(tar, outputBroken) : tar;
}

/** @param toError the error for a broken stream, or for a closed one when `cause` is absent */
function outgoingOver(
  stream: Writable | WebWritable,
  toError: (cause: Error | undefined) => CtxsyncError,
): Outgoing {
  if (!('getWriter' in stream)) return new WritableOutgoing(stream, toError);
  const writer = lock('to', () => stream.getWriter());
  return new WebOutgoing(writer, toError);
}

/** @param toError the error for a broken stream */
function incomingOver(
  stream: Readable | WebReadable,
  toError: (cause: Error) => CtxsyncError,
): Incoming {
  if (!('getReader' in stream)) return new ReadableIncoming(stream, toError);
  const reader = lock('from', () => stream.getReader());
  return new WebIncoming(reader, toError);
}

function bothWays(stream: object): Connection | undefined {
  if (stream instanceof Duplex) {
    if (stream instanceof Transform) return undefined;
    return { incoming: fromStream(stream), outgoing: toStream(stream) };
  }
  if (!isPair(stream) || stream instanceof TransformStream) return undefined;
  return { incoming: fromStream(stream.readable), outgoing: toStream(stream.writable) };
}

/** Whoever has no types may pass anything. */
function isObject(it: unknown): boolean {
  return typeof it === 'object' && it !== null;
}

/** Node's own streams have properties of these names too, which are booleans. */
function isPair(it: object): it is StreamPair {
  const { readable, writable } = it as Partial<Record<'readable' | 'writable', unknown>>;
  return isObject(readable) && isObject(writable);
}

/** Not `instanceof Writable`: an HTTP request or response is a Writable in all but that. */
function isNodeWritable(it: object): it is Writable {
  return 'on' in it && 'write' in it;
}

function lock<T>(name: 'from' | 'to', get: () => T): T {
  try {
    return get();
  } catch (cause) {
    const message = `\`${name}\` is a stream that is in use: it is locked to another reader or writer`;
    throw new CtxsyncError('usage', message, { cause });
  }
}
