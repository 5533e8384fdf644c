import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../src/transfer/semaphore.ts';

describe('slots of a semaphore', () => {
  it('let a limited number work at a time, and the others in the order in which they came', async () => {
    const turns = new Semaphore(2);
    const working: string[] = [];
    const come = async (name: string): Promise<void> => {
      await turns.take();
      working.push(name);
    };
    const all = ['a', 'b', 'c', 'd'].map(come);
    await Promise.all(all.slice(0, 2));
    expect(working).toEqual(['a', 'b']);
    expect(turns.awaited).toBe(true);
    turns.done();
    await all[2];
    expect(working).toEqual(['a', 'b', 'c']);
    turns.done();
    await all[3];
    expect(working).toEqual(['a', 'b', 'c', 'd']);
    expect(turns.awaited).toBe(false);
  });

  it('are free again when they were returned', async () => {
    const turns = new Semaphore(1);
    await turns.take();
    turns.done();
    await turns.take();
    expect(turns.awaited).toBe(false);
  });

  it('signal when nobody waits any more', async () => {
    const turns = new Semaphore(1);
    await turns.noneWaiting();
    await turns.take();
    const others = [turns.take(), turns.take()];
    let told = false;
    const none = turns.noneWaiting().then(() => (told = true));
    turns.done();
    await others[0];
    expect(told).toBe(false);
    turns.done();
    await others[1];
    await none;
    expect(told).toBe(true);
  });
});
