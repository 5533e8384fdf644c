import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Budget } from '../../../src/entry/budget.ts';
import { EntryValidator } from '../../../src/entry/entry-validator.ts';
import { TarReader } from '../../../src/tar/tar-reader.ts';
import { unpackTar } from '../../../src/tar/unpack-tar.ts';
import { EntryCopy } from '../../../src/entry/entry-copy.ts';
import { TreeReader } from '../../../src/entry/tree-reader.ts';
import { TreeWriter } from '../../../src/entry/tree-writer.ts';
import { unpack } from '../../../src/entry/unpack.ts';
import { StageWriter } from '../../../src/dest/stage-writer.ts';
import { WorkerStatus } from '../../../src/disk/worker-status.ts';
import type { EntrySink } from '../../../src/entry/entry.ts';
import { CtxsyncError, type ErrorCode } from '../../../src/errors.ts';
import { MemorySink, MemorySource } from './archive-io.ts';
import { withDirectory } from './temporary-directory.ts';
import { treeState, type TreeState } from './tree-state.ts';
import { held } from '../disk/held.ts';

const BLOCK = 512;

export interface EvilMember {
  /** As latin1; truncated at 100 bytes. */
  path?: string;
  /** The typeflag of ustar: '0' by default. */
  type?: string;
  link?: string;
  content?: string;
  mode?: number;
  /** The size field: by default the length of the content. Text is written as it is. */
  size?: number | string;
  /** Records of a pax header before the member, each with its correct length. */
  pax?: readonly (readonly [key: string, value: string])[];
  /** Added to the checksum. */
  checksumOff?: number;
}

/** An archive written from the description of the format alone, whatever its members contain. */
export function evilTar(...members: EvilMember[]): Buffer {
  return Buffer.concat([...members.map(evilMember), Buffer.alloc(2 * BLOCK)]);
}

/** One member: its pax header, its header and its content. */
export function evilMember(member: EvilMember): Buffer {
  const content = padded(Buffer.from(member.content ?? '', 'latin1'));
  const parts = [evilHeader(member), content];
  if (member.pax !== undefined) parts.unshift(evilExtra('x', paxBody(member.pax)));
  return Buffer.concat(parts);
}

/** A header about the next member: 'x' and 'g' are from pax, 'L' and 'K' from GNU. */
export function evilExtra(type: string, body: string): Buffer {
  return evilMember({ path: '././@Extra', type, content: body });
}

export function paxBody(records: readonly (readonly [string, string])[]): string {
  return records.map(([key, value]) => paxRecord(key, value)).join('');
}

/** GNU's encoding of a number that octal digits cannot hold (base 256), including negative ones. */
export function base256(value: bigint, length = 12): string {
  const bytes: number[] = [];
  for (let left = value; bytes.length < length; left >>= 8n) {
    bytes.unshift(Number(left & 0xffn));
  }
  bytes[0]! |= 0x80;
  return String.fromCharCode(...bytes);
}

export function evilHeader(member: EvilMember): Buffer {
  const { path = 'a', type = '0', link = '', mode = 0o644, content = '', checksumOff = 0 } = member;
  const { size = content.length } = member;
  const block = Buffer.alloc(BLOCK);
  const put = (text: string, at: number, length: number) =>
    block.write(text.slice(0, length), at, 'latin1');
  put(path, 0, 100);
  put(octal(mode, 8), 100, 8);
  put(octal(0, 8), 108, 8);
  put(octal(0, 8), 116, 8);
  put(typeof size === 'string' ? size : octal(size, 12), 124, 12);
  put(octal(1_700_000_000, 12), 136, 12);
  put(type, 156, 1);
  put(link, 157, 100);
  put('ustar\x0000', 257, 8);
  put(' '.repeat(8), 148, 8);
  put(octal(block.reduce((a, b) => a + b, 0) + checksumOff, 8), 148, 8);
  return block;
}

function paxRecord(key: string, value: string): string {
  for (let length = key.length + value.length; ; length++) {
    const record = `${length} ${key}=${value}\n`;
    if (record.length === length) return record;
  }
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}

export interface EvilOptions {
  /** Goes through a tree stream; the name of the context, which becomes a directory in OUT. */
  name?: string;
  maxEntries?: number;
  maxBytes?: number;
}

/** As `send -` reads it; and as a receiver gets it from there, in OUT and in a directory of it. */
export const WAYS: EvilOptions[] = [{}, { name: '' }, { name: 'web' }];

export interface EvilOutcome {
  error: CtxsyncError | undefined;
  /** What is in the stage, without its root. */
  stage: TreeState;
  skipped: string[];
}

/**
 * Unpacks an archive into a stage, as a receiver does. Fails when anything outside of the stage was
 * created or changed: beside and above the stage are a directory with a file, and symlinks to them.
 */
export function unpackEvil(tar: Uint8Array, options: EvilOptions = {}): Promise<EvilOutcome> {
  return withDirectory((directory) => {
    const stage = join(directory, 'work', 'stage');
    mkdirSync(stage, { recursive: true });
    for (const at of [directory, join(directory, 'work')]) {
      mkdirSync(join(at, 'outside'));
      writeFileSync(join(at, 'outside', 'victim'), 'untouched');
      symlinkSync('outside', join(at, 'to-outside'));
    }
    const before = outsideOf(directory);
    const skipped: string[] = [];
    const error = attempt(() => unpackInto(stage, tar, options, skipped));
    expect(outsideOf(directory)).toEqual(before);
    return { error, stage: treeState(stage, { root: false }), skipped };
  });
}

/** The archive is refused with this code. */
export async function expectRefused(
  tar: Uint8Array,
  code: ErrorCode,
  options: EvilOptions & { message?: RegExp } = {},
): Promise<EvilOutcome> {
  const outcome = await unpackEvil(tar, options);
  expect(outcome.error).toMatchObject({ code });
  if (options.message !== undefined) expect(outcome.error?.message).toMatch(options.message);
  return outcome;
}

function unpackInto(
  stage: string,
  tar: Uint8Array,
  { name, maxEntries = 10_000, maxBytes = 2 ** 40 }: EvilOptions,
  skipped: string[],
): void {
  const status = new WorkerStatus();
  const writer = new StageWriter(held(stage), 0o022, status);
  const limits = { maxEntries, maxBytes };
  const readInto = (sink: EntrySink): void =>
    unpackTar(new TarReader(new MemorySource(tar)), sink, {
      validator: new EntryValidator(Budget.create(limits)),
      onSkipped: (path) => skipped.push(path),
      onChanged: () => {},
      onEntry: () => {},
    });
  if (name === undefined) return readInto(writer);
  const tree = new MemorySink();
  readInto(new EntryCopy(new TreeWriter(tree), status));
  unpack(new TreeReader(new MemorySource(tree.bytes()), { unordered: true }), writer, {
    name,
    validator: new EntryValidator(Budget.create(limits)),
    takesOmitted: false,
    onEntry: () => {},
  });
}

/** The error thrown on purpose; any other is a bug of ours, and fails the test. */
function attempt(run: () => void): CtxsyncError | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof CtxsyncError && error.code !== 'internal') return error;
    throw error;
  }
  return undefined;
}

/** The state without the stage itself, whose time may change. */
function outsideOf(directory: string): TreeState {
  const state = treeState(directory);
  const outside = Object.entries(state).filter(([path]) => !path.startsWith('work/stage'));
  expect(lstatSync(join(directory, 'work', 'stage')).isDirectory()).toBe(true);
  return Object.fromEntries(outside);
}
