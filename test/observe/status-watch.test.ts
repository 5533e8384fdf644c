import { expect, test } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { StatusWatch } from '../../src/observe/status-watch.ts';

test('a call is as old as the time since it was first seen', () => {
  const status = new WorkerStatus();
  const watch = new StatusWatch(status);
  status.enter('reading', 'a/b');
  expect(watch.look(5_000).pendingMs).toBe(0);
  expect(watch.look(5_100).pendingMs).toBe(100);
  const { snapshot, pendingMs } = watch.look(17_000);
  expect(pendingMs).toBe(12_000);
  expect(snapshot).toMatchObject({ state: 'reading', path: 'a/b' });
});

test('the same state, entered again, is a new call', () => {
  const status = new WorkerStatus();
  const watch = new StatusWatch(status);
  status.enter('reading', 'a/b');
  watch.look(0);
  status.enter('reading', 'a/b');
  expect(watch.look(9_000).pendingMs).toBe(0);
  expect(watch.look(9_500).pendingMs).toBe(500);
});
