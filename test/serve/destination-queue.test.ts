import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DestinationQueue, WHOLE, type Turn } from '../../src/serve/destination-queue.ts';

interface Asker {
  name: string;
  turn: Turn<string>;
  granted: boolean;
}

/** Askers of the test, and which of them have their turn. */
class Queue {
  readonly turns = new DestinationQueue<string>();
  readonly askers: Asker[] = [];

  ask(name: string): Turn<string> {
    const turn = this.turns.ask(name, `${name}${this.askers.length}`);
    const asker = { name, turn, granted: false };
    this.askers.push(asker);
    void turn.granted.then(() => (asker.granted = true));
    return turn;
  }

  leave(index: number): void {
    const [asker] = this.askers.splice(index, 1);
    asker?.turn.leave();
  }

  /** Their names, in the order in which they came. */
  async atWork(): Promise<string[]> {
    await Promise.resolve();
    return this.askers.filter(({ granted }) => granted).map(({ name }) => name);
  }

  get before(): number[] {
    return this.askers.map(({ turn }) => turn.before);
  }
}

/** A queue in which the names are asked for in this order. */
function queueOf(...names: string[]): Queue {
  const queue = new Queue();
  for (const name of names) queue.ask(name);
  return queue;
}

describe('destinations', () => {
  test('with different names are worked on in parallel', async () => {
    const queue = queueOf('a', 'b', 'c');
    expect(await queue.atWork()).toEqual(['a', 'b', 'c']);
    expect(queue.before).toEqual([0, 0, 0]);
  });

  test('with the same name take turns, first come first served', async () => {
    const queue = queueOf('a', 'a', 'a');
    expect(await queue.atWork()).toEqual(['a']);
    expect(queue.before).toEqual([0, 1, 2]);
    queue.leave(0);
    expect(await queue.atWork()).toEqual(['a']);
    expect(queue.before).toEqual([0, 1]);
  });

  test('of the whole OUT wait for every name', async () => {
    const queue = queueOf('a', 'b', WHOLE);
    expect(await queue.atWork()).toEqual(['a', 'b']);
    expect(queue.before).toEqual([0, 0, 2]);
    queue.leave(0);
    expect(await queue.atWork()).toEqual(['b']);
    queue.leave(0);
    expect(await queue.atWork()).toEqual([WHOLE]);
  });

  test('with any name wait for the whole OUT, and then all start at once', async () => {
    const queue = queueOf(WHOLE, 'a', 'b');
    expect(await queue.atWork()).toEqual([WHOLE]);
    queue.leave(0);
    expect(await queue.atWork()).toEqual(['a', 'b']);
  });

  test('that come later do not overtake a waiting one for the whole OUT', async () => {
    const queue = queueOf('a', WHOLE, 'b');
    expect(await queue.atWork()).toEqual(['a']);
    queue.leave(0);
    expect(await queue.atWork()).toEqual([WHOLE]);
    queue.leave(0);
    expect(await queue.atWork()).toEqual(['b']);
  });

  test('that give up their place make room for those behind them', async () => {
    const queue = queueOf('a', WHOLE, 'b');
    queue.leave(1);
    expect(await queue.atWork()).toEqual(['a', 'b']);
  });

  test('may leave twice without effect', async () => {
    const queue = queueOf('a', 'a', 'a');
    const [first] = queue.askers;
    queue.leave(0);
    first!.turn.leave();
    expect(queue.before).toEqual([0, 1]);
  });
});

describe('an asker that others wait for', () => {
  test('has its turn and excludes one that waits', () => {
    const queue = queueOf('a', 'b', 'a');
    const [a, b, second] = queue.askers.map(({ turn }) => turn);
    expect([a!.awaited, b!.awaited, second!.awaited]).toEqual([true, false, false]);
    expect(second!.blockers).toEqual(['a0']);
    queue.leave(2);
    expect(a!.awaited).toBe(false);
  });

  test('is the one that a waiting asker waits for, and not that asker itself', () => {
    const queue = queueOf('a', WHOLE, 'b');
    const [a, whole, b] = queue.askers.map(({ turn }) => turn);
    expect([a!.awaited, whole!.awaited, b!.awaited]).toEqual([true, false, false]);
    expect(b!.before).toBe(2);
    expect(b!.blockers).toEqual(['a0']);
  });
});

test('whatever comes and goes, nobody shares, nobody who could work waits, and all get through', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.constantFrom(WHOLE, 'a', 'b', 'c'), fc.nat(5)), { maxLength: 30 }),
      async (steps) => {
        const queue = new Queue();
        for (const step of steps) {
          if (typeof step === 'string') queue.ask(step);
          else queue.leave(step);
          await expectFair(queue);
        }
        while (queue.askers.length > 0) {
          await expectFair(queue);
          queue.leave(queue.askers.findIndex(({ granted }) => granted));
        }
      },
    ),
  ));

/** Exactly those have their turn that no earlier asker excludes. */
async function expectFair(queue: Queue): Promise<void> {
  const names = queue.askers.map(({ name }) => name);
  const free = names.filter((name, at) =>
    names.slice(0, at).every((earlier) => earlier !== name && earlier !== WHOLE && name !== WHOLE),
  );
  expect(await queue.atWork()).toEqual(free);
}
