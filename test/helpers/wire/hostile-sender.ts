import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { connectTo } from '../cli/connect-to.ts';
import { until } from '../until.ts';
import { FRAME, parseFrames, SessionEncoder, type Frame } from './independent-encoder.ts';
import {
  encodeManifest,
  encodeTree,
  type ManifestRecord,
  type TreeRecord,
} from './independent-records.ts';

/** A context of a hostile sender. */
export interface HostileContext {
  name: string;
  /** What it lists; if absent, it is sent whole and nothing is listed. */
  listed?: readonly ManifestRecord[];
  /** What it sends once its list was answered. */
  sent: readonly TreeRecord[];
}

/**
 * Attacks a listening receiver: lists, waits until each list was answered, and sends anything it likes.
 * @returns how the receiver ended it: with RECEIPT or ERROR
 */
export async function attack(
  path: string,
  contexts: readonly HostileContext[],
): Promise<{ receipt: boolean; error: string }> {
  const socket = await connectTo(path, { allowHalfOpen: false });
  onTestFinished(() => void socket.destroy());
  const peer = listenTo(socket);
  const session = new SessionEncoder({
    mode: 'duplex',
    contexts: contexts.map(({ name }) => name),
  });
  socket.write(session.start());
  const listing = contexts.filter(({ listed }) => listed !== undefined);
  for (const { name, listed = [] } of listing) {
    const root: ManifestRecord = { kind: 'directory', path: '' };
    socket.write(session.stream('manifest', name, encodeManifest([root, ...listed])));
  }
  await until('the lists are answered', () => {
    const answers = peer.frames().filter(({ type }) => type === FRAME.END);
    return peer.ended() || answers.length === listing.length;
  });
  for (const { name, sent } of contexts)
    socket.write(session.stream('tree', name, encodeTree(sent)));
  socket.write(session.fin());
  await until('the receiver has ended it', () => peer.ended());
  const last = peer.frames().find(({ type }) => type === FRAME.RECEIPT || type === FRAME.ERROR);
  const receipt = last?.type === FRAME.RECEIPT;
  return { receipt, error: receipt ? '' : (last?.payload.toString() ?? '') };
}

function listenTo(socket: Socket): { frames: () => Frame[]; ended: () => boolean } {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.on('error', () => {}); // only how it ended matters
  return { frames: () => parseFrames(Buffer.concat(pieces)), ended: () => socket.closed };
}
