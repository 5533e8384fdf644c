import type { Socket } from 'node:net';
import { Transform } from 'node:stream';
import { Demux } from '../../../src/wire/demux.ts';
import { startProxy, type Between } from './proxy.ts';
import { Recorder } from '../wire/harness.ts';

export interface HoldingOptions extends Between {
  /** Called once the context was listed, before the sender knows which entries are wanted. */
  onListed: () => void;
}

/** A socket for one sender, which gets the receiver's wants only after `onListed` has run. */
export function holdWants(options: HoldingOptions): Promise<void> {
  return startProxy(options, carry(options));
}

function carry({ onListed }: HoldingOptions) {
  return async (sender: Socket, receiver: Socket): Promise<void> => {
    sender.on('error', () => {}); // it has ended, and reports why itself
    receiver.on('error', () => {});
    const listed = whenListed();
    sender.pipe(listed.passing).pipe(receiver);
    let released = false;
    for await (const chunk of receiver as AsyncIterable<Buffer>) {
      if (!released && chunk.includes('"kind":"want"')) {
        await listed.done;
        onListed();
        released = true;
      }
      sender.write(chunk);
    }
    sender.end();
  };
}

/** Passes everything on, and settles when a manifest has ended. */
function whenListed(): { passing: Transform; done: Promise<void> } {
  const recorder = new Recorder();
  const demux = new Demux(recorder);
  let settle = (): void => {};
  const done = new Promise<void>((resolve) => (settle = resolve));
  recorder.end = ({ kind }) => kind === 'manifest' && settle();
  const passing = new Transform({
    transform(chunk: Buffer, _encoding, passOn) {
      void demux.push(chunk);
      passOn(null, chunk);
    },
  });
  return { passing, done };
}
