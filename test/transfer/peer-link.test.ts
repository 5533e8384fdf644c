import { expect, test } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { PeerLink } from '../../src/transfer/peer-link.ts';
import type { Outgoing } from '../../src/transport/transport.ts';
import { FrameType } from '../../src/wire/frame.ts';
import { BEAT, HELLO, settle, until } from '../helpers/wire/harness.ts';
import { parseFrames } from '../helpers/wire/independent-encoder.ts';

/** A transport that accepts everything at once. */
class Memory implements Outgoing {
  readonly pieces: Uint8Array[] = [];
  readonly untakenBytes = 0;
  ended = false;

  write(pieces: readonly Uint8Array[]): Promise<void> {
    this.pieces.push(...pieces.map((piece) => Uint8Array.from(piece)));
    return Promise.resolve();
  }

  end(): Promise<void> {
    this.ended = true;
    return Promise.resolve();
  }

  destroy(): void {}

  types(): number[] {
    return parseFrames(Buffer.concat(this.pieces)).map(({ type }) => type);
  }
}

test('a side that sends ERROR reads until the peer has ended, or closing could lose the ERROR', async () => {
  const outgoing = new Memory();
  let endOfPeer = (): void => {};
  const ended = new Promise<void>((resolve) => (endOfPeer = resolve));
  const link = new PeerLink({
    role: 'receiver',
    incoming: { read: () => ended, destroy: () => {} },
    outgoing: () => outgoing,
    handler: {
      hello: () => {},
      open: unexpected,
      fin: unexpected,
      receipt: unexpected,
      failed: unexpected,
    },
    beat: () => BEAT,
  });
  void link.read();
  link.begin({ transferId: HELLO.transferId, capabilities: [], showsProgress: false });
  let isDone = false;
  void link.fail(new CtxsyncError('locked', 'held')).then(() => (isDone = true));
  await until(() => outgoing.ended);
  for (let turn = 0; turn < 10; turn++) await settle();
  expect({ types: outgoing.types(), isDone }).toEqual({
    types: [FrameType.hello, FrameType.error],
    isDone: false,
  });
  endOfPeer();
  await until(() => isDone);
});

function unexpected(): never {
  throw new Error('the peer says nothing here');
}
