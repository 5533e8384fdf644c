import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { HELLO_TIMEOUT_MS } from '../../src/limits.ts';
import { DestinationQueue, WHOLE } from '../../src/serve/destination-queue.ts';
import type { ServeEvent } from '../../src/serve/serve-options.ts';
import { ServedTransfer } from '../../src/serve/served-transfer.ts';
import { fromStream, toStream } from '../../src/transport/to-transport.ts';
import { FakeDiskThread } from '../helpers/disk/fake-disk-thread.ts';
import { until } from '../helpers/until.ts';
import { SessionEncoder } from '../helpers/wire/independent-encoder.ts';
import { encodeTreeRecords, END_OF_RECORDS } from '../helpers/wire/independent-records.ts';

const started: FakeDiskThread[] = [];
vi.mock('../../src/worker/disk-thread.ts', () => ({
  startDiskThread: () => {
    const thread = new FakeDiskThread();
    started.push(thread);
    return thread;
  },
}));

afterEach(() => {
  started.length = 0;
  vi.useRealTimers();
});

/** A server's queue, and the senders that come. */
class Server {
  readonly turns = new DestinationQueue<ServedTransfer>();
  readonly events: ServeEvent[] = [];
  #count = 0;

  /** @param contexts that its HELLO names; absent: it says nothing */
  connect(contexts?: string[]) {
    const [there, back] = [new PassThrough(), new PassThrough()];
    back.resume();
    const options = {
      socket: '/unused',
      to: { directory: '/out' },
      onEvent: (event: ServeEvent) => void this.events.push(event),
    };
    const transfer = new ServedTransfer((this.#count += 1), options, this.turns);
    const running = transfer.run({ incoming: fromStream(there), outgoing: toStream(back) });
    const credit = Number.MAX_SAFE_INTEGER;
    const encoder = new SessionEncoder({ mode: 'duplex', credit, contexts: contexts ?? [] });
    if (contexts !== undefined) there.write(encoder.start());
    return { transfer, running, there, back, encoder };
  }

  ends(): (string | undefined)[] {
    return this.events.flatMap((event) =>
      event.type === 'end' ? [event.report.error?.code ?? event.report.result] : [],
    );
  }
}

/** Settles when this many transfers have begun to prepare their destinations. */
async function prepared(count: number): Promise<void> {
  await until(`${count} have begun`, () => started.length === count);
}

describe('a sender', () => {
  test('is received when its turn comes, into a directory of its name', async () => {
    const server = new Server();
    const { running, there, encoder } = server.connect(['web']);
    await prepared(1);
    started[0]!.finish({ out: '/out/web', stage: '/out/web/.stage', warnings: [] });
    const { id, frame } = encoder.open('tree', 'web');
    for (const bytes of [
      frame,
      encoder.data(id, encodeTreeRecords([{ kind: 'directory', path: '' }])),
      encoder.data(id, END_OF_RECORDS),
      encoder.end(id),
      encoder.fin(),
    ]) {
      there.write(bytes);
    }
    await until('it is unpacked', () => started[0]!.jobs.includes('unpack'));
    started[0]!.finish({ root: undefined, arrived: undefined });
    await until('it is committed', () => started[0]!.jobs.includes('commit'));
    started[0]!.finish({ removed: { count: 0, paths: [] }, warnings: [] });
    there.end();
    expect(await running).toBe(true);
    expect(server.ends()).toEqual(['done']);
    expect(server.events.at(-1)).toMatchObject({ transfer: 1, destination: '/out/web' });
  });

  test('waits without a thread while another one works on the same destination', async () => {
    const server = new Server();
    const first = server.connect(['web']);
    await prepared(1);
    const second = server.connect(['web']);
    const whole = server.connect(['a', 'b']);
    const beside = server.connect(['docs']);
    await until('the second waits', () =>
      server.events.some((event) => event.type === 'phase' && event.phase === 'queued'),
    );
    expect([first, second, whole].map(({ transfer }) => transfer.begun)).toEqual([
      true,
      false,
      false,
    ]);
    // It came after one that works on all of OUT, and does not overtake it.
    expect(beside.transfer.begun).toBe(false);
    expect(started).toHaveLength(1);
    first.transfer.interrupt();
    first.there.end();
    await prepared(2);
    expect(second.transfer.begun).toBe(true);
    for (const { transfer, there } of [second, whole, beside]) {
      transfer.interrupt();
      there.end();
    }
    const all = [first, second, whole, beside].map(({ running }) => running);
    expect(await Promise.all(all)).toEqual([false, false, false, false]);
    expect(server.ends()).toEqual(['interrupted', 'interrupted', 'interrupted', 'interrupted']);
  });

  test("with a receiver's own name for a context is refused, and takes no turn", async () => {
    const server = new Server();
    const { running, there } = server.connect(['.ctxsync-lock']);
    there.end();
    expect(await running).toBe(false);
    expect(server.ends()).toEqual(['unsafe-entry']);
    expect(server.turns.ask(WHOLE, undefined as never).before).toBe(0);
  });

  test('that leaves while it waits gives up its place', async () => {
    const server = new Server();
    const turn = server.turns.ask(WHOLE, new ServedTransfer(0, {} as never, server.turns));
    const { running, there, back } = server.connect(['web']);
    await until('it is asked for', () => turn.awaited);
    // Nothing is read of it meanwhile: that it left shows when it takes no beat.
    back.destroy();
    there.end();
    expect(await running).toBe(false);
    expect(server.ends()).toEqual(['peer-gone']);
    expect(turn.awaited).toBe(false);
  });

  test('that sends no HELLO is dropped', async () => {
    vi.useFakeTimers();
    const server = new Server();
    const { running, there } = server.connect();
    await vi.advanceTimersByTimeAsync(HELLO_TIMEOUT_MS + 1);
    there.end();
    expect(await running).toBe(false);
    expect(server.ends()).toEqual(['stalled']);
  });
});
