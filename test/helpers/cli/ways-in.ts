import type { Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { EXIT_CODES } from '../../../src/cli/exit-code.ts';
import { joinByPipe, run, startInTest } from './cli.ts';
import { connectTo } from './connect-to.ts';
import { socketOf, startReceiver } from './duplex.ts';
import {
  expectExit,
  expectUntouched,
  withScene,
  writeTree,
  type Ended,
  type Sandbox,
} from '../trees/sandbox.ts';
import { treeState } from '../trees/tree-state.ts';
import { encodeTar, type TarMember } from '../trees/plain-tar.ts';
import { FRAME, parseFrames, SessionEncoder, type Frame } from '../wire/independent-encoder.ts';
import {
  encodeManifest,
  encodeTree,
  type RecordKind,
  type TreeRecord,
} from '../wire/independent-records.ts';

/** A way in which entries that somebody else wrote reach a receiver. */
export interface WayIn {
  name: string;
  /** @param args of `ctxsync receive`. @returns how the receiver ended, and the stderr of both sides */
  carry: (
    sandbox: Sandbox,
    members: readonly TarMember[],
    args: readonly string[],
  ) => Promise<Ended>;
}

export const WAYS_IN: readonly WayIn[] = [
  { name: 'a raw stream on stdin', carry: byStream },
  {
    name: 'a raw connection',
    carry: (sandbox, members, args) => byConnection(sandbox, recordsOf(members), args),
  },
  { name: 'a manifest, and a tree like it', carry: byManifest },
  { name: 'a tar on the stdin of `send -`', carry: byTar },
];

/** For an entry or a limit (5), for an inconsistent stream (6), for a bad tar (3). */
const REFUSED = [5, 6, 3];

/**
 * The receiver refuses these members in this way, names the reason, and nothing has changed: neither
 * OUT, nor a directory beside it that attacks may target as `../victim`.
 */
export function expectRefusedBy(
  way: WayIn,
  members: readonly TarMember[],
  words: string | RegExp,
  args: readonly string[] = [],
): Promise<void> {
  return withVictim(async (sandbox, expectVictimUntouched) => {
    const ended = await way.carry(sandbox, members, args);
    expectExit(ended, ...REFUSED);
    expect(ended.stderr).toMatch(words);
    expect(ended.stderr).not.toMatch(/^\s+at .*:\d+/m);
    expectUntouched(sandbox);
    expectVictimUntouched();
  });
}

/** Runs with something beside OUT that must not change. */
export function withVictim<T>(
  use: (sandbox: Sandbox, expectVictimUntouched: () => void) => Promise<T>,
): Promise<T> {
  return withScene((sandbox) => {
    const victim = join(sandbox.directory, 'victim');
    writeTree(victim, { keys: 'precious', 'sub/keys': 'precious' });
    const before = treeState(victim);
    return use(sandbox, () => expect(treeState(victim)).toEqual(before));
  });
}

async function byStream({ out }: Sandbox, members: readonly TarMember[], args: readonly string[]) {
  const tree = encodeTree(recordsOf(members));
  const session = new SessionEncoder({ contexts: [''] });
  const input = session.whole(['tree', '', tree, { unordered: true }]);
  return run(['receive', out, '--progress', 'none', ...args], { input });
}

async function byTar({ out }: Sandbox, members: readonly TarMember[], args: readonly string[]) {
  const sender = startInTest(['send', '-', '--progress', 'none']);
  const receiver = startInTest(['receive', out, '--progress', 'none', ...args]);
  joinByPipe(sender, receiver);
  sender.child.stdin?.end(encodeTar(members));
  const [sent, received] = await Promise.all([sender.done, receiver.done]);
  // The sender refuses a tar: its receiver only passes that on.
  if (sent.code !== 0) expect(received.code).toBe(EXIT_CODES['peer-failed']);
  const code = sent.code === 0 ? received.code : sent.code;
  return { code, stderr: sent.stderr + received.stderr };
}

function byManifest(sandbox: Sandbox, members: readonly TarMember[], args: readonly string[]) {
  const records = recordsOf(inWalkOrder(members));
  const root: TreeRecord = { kind: 'directory', path: '' };
  const manifest = encodeManifest([root, ...records.map(withSize)]);
  return byConnection(sandbox, records, args, manifest);
}

async function byConnection(
  sandbox: Sandbox,
  records: readonly TreeRecord[],
  args: readonly string[],
  manifest?: Uint8Array,
): Promise<Ended> {
  const socket = socketOf(sandbox);
  const receiver = await startReceiver(socket, [sandbox.out, '--progress', 'none', ...args]);
  const session = new SessionEncoder({ mode: 'duplex', contexts: [''] });
  const peer = await RawPeer.connect(socket);
  peer.write(session.start());
  await peer.heard(FRAME.HELLO);
  if (manifest !== undefined) {
    peer.write(session.stream('manifest', '', manifest));
    await peer.heard(FRAME.END);
  }
  const unordered = manifest === undefined;
  peer.write(session.stream('tree', '', encodeTree(records), { unordered }), session.fin());
  await peer.heard(FRAME.RECEIPT);
  peer.end();
  return receiver.done;
}

/** Sorts the members; entries that come twice stay adjacent. */
function inWalkOrder(members: readonly TarMember[]): TarMember[] {
  const key = ({ path }: TarMember): string => path.replace(/\/$/, '').replaceAll('/', '\0');
  return members.toSorted((a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b))));
}

/** A type that records do not have becomes an invalid head byte. */
function recordsOf(members: readonly TarMember[]): TreeRecord[] {
  return members.map((member): TreeRecord => {
    const { type = '0', path, link, mode = 0o644, content, size } = member;
    const record: TreeRecord = {
      kind: KINDS[type] ?? 'file',
      path: bytesOf(path.replace(/(.)\/$/, '$1')),
      mode,
      flip: KINDS[type] === undefined ? 0x40 : 0,
    };
    if (content !== undefined) record.content = content;
    if (size !== undefined) record.size = size;
    if (type === '0') record.linked = true;
    if (type === '1' || type === '2') record.link = bytesOf(link ?? '');
    return record;
  });
}

function withSize({ content = '', ...record }: TreeRecord): TreeRecord {
  return { size: Buffer.from(content).length, ...record };
}

/** As latin1, because records are bytes. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

const KINDS: Record<string, RecordKind> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
};

/** One end of a connection that sends what the test wants; the other end may close it. */
export class RawPeer {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #gone = false;
  #wake = (): void => {};

  static async connect(path: string): Promise<RawPeer> {
    return new RawPeer(await connectTo(path));
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {}); // the other end reports why
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#wake();
    });
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#gone = true;
        this.#wake();
      });
    }
  }

  get frames(): Frame[] {
    return parseFrames(this.#bytes);
  }

  /** Everything that was received. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  write(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.#socket.write(part);
  }

  end(): void {
    this.#socket.end();
  }

  /** Waits for a frame of this type, or until the other side fails or is gone. */
  async heard(type: number): Promise<void> {
    const done = (): boolean =>
      this.#gone || this.frames.some((frame) => frame.type === type || frame.type === FRAME.ERROR);
    while (!done()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
