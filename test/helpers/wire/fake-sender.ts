import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { Ring } from '../../../src/flow/ring.ts';
import { Demux, type IncomingStream } from '../../../src/wire/demux.ts';
import type { End, Hello } from '../../../src/wire/messages.ts';
import { Mux } from '../../../src/wire/mux.ts';
import { connectTo } from '../cli/connect-to.ts';
import { allFrames, fullRing, HELLO, Recorder } from './harness.ts';

const ROOM_BYTES = 2 ** 20;

/** What a sender of the test offers of its contexts, and what it sends when asked. */
export interface Story {
  /** Changes to its HELLO. */
  hello?: Partial<Hello>;
  manifests: { name: string; bytes: Uint8Array }[];
  /** Sent when the receiver has sent all its wants. */
  trees: { name: string; bytes: Uint8Array }[];
}

export interface Told {
  /** What the receiver sent. */
  recorder: Recorder;
  socket: Socket;
}

/** A sender that the test controls, connected to a receiver. */
export async function fakeSender(path: string, story: Story): Promise<Told> {
  const { hello = {}, manifests, trees } = story;
  const socket = await connectTo(path, { allowHalfOpen: false });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => {}); // the receiver reports why
  const mux = new Mux({
    ...HELLO,
    mode: 'duplex',
    credit: ROOM_BYTES,
    contexts: manifests.map(({ name }) => name),
    ...hello,
  });
  const flush = (): void => {
    for (const frame of allFrames(mux)) socket.write(frame);
  };
  let answers = 0;
  const recorder = new (class extends Recorder {
    override hello({ credit }: Hello): void {
      mux.setFirstCredit(credit);
      for (const { name, bytes } of manifests)
        mux.open({ kind: 'manifest', name: name }, fullRing(bytes));
      flush();
    }

    override end(stream: IncomingStream, end: End): void {
      super.end(stream, end);
      answers += 1;
      if (answers < manifests.length) return;
      for (const { name, bytes } of trees) mux.open({ kind: 'tree', name: name }, fullRing(bytes));
      mux.finish();
      flush();
    }

    raised(id: number, limit: number): void {
      mux.grant(id, limit);
      flush();
    }

    readonly answers = {
      credit: (id: number, { limit }: { limit: number }): boolean => {
        const taken = mux.raiseLimit(id, limit);
        flush();
        return taken;
      },
      receipt: () => {},
    };
  })(() => Ring.create(ROOM_BYTES));
  const demux = new Demux(recorder);
  socket.on('data', (chunk: Buffer) => void demux.push(chunk));
  flush();
  return { recorder, socket };
}
