import { expect, test } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { Answers } from '../../src/receive/answers.ts';
import type { Outgoing } from '../../src/transport/transport.ts';
import { FrameType } from '../../src/wire/frame.ts';
import { HELLO, settle, until } from '../helpers/wire/harness.ts';
import { parseFrames } from '../helpers/wire/independent-encoder.ts';

/** A transport that takes everything at once. */
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

test('whoever says ERROR goes on reading until the peer has ended: closing could take it away', async () => {
  const to = new Memory();
  const answers = new Answers(to, { ...HELLO, mode: 'duplex' });
  let endOfPeer = (): void => {};
  const ended = new Promise<void>((resolve) => (endOfPeer = resolve));
  let isDone = false;
  void answers.fail(new CtxsyncError('locked', 'held'), ended).then(() => (isDone = true));
  await until(() => to.ended);
  for (let turn = 0; turn < 10; turn++) await settle();
  expect({ types: to.types(), isDone }).toEqual({
    types: [FrameType.hello, FrameType.error],
    isDone: false,
  });
  endOfPeer();
  await until(() => isDone);
});
