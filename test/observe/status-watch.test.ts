import { expect, test } from 'vitest';
import { Gauge } from '../../src/disk/worker-status.ts';
import { GaugeWatch } from '../../src/observe/status-watch.ts';

test('a call is as old as the time since it was first seen', () => {
  const gauge = new Gauge();
  const watch = new GaugeWatch(gauge);
  gauge.enter('reading', 'a/b');
  expect(watch.look(5_000).pendingMs).toBe(0);
  expect(watch.look(5_100).pendingMs).toBe(100);
  const { snapshot, pendingMs } = watch.look(17_000);
  expect(pendingMs).toBe(12_000);
  expect(snapshot).toMatchObject({ state: 'reading', path: 'a/b' });
});

test('the same state entered again is a new call', () => {
  const gauge = new Gauge();
  const watch = new GaugeWatch(gauge);
  gauge.enter('reading', 'a/b');
  watch.look(0);
  gauge.enter('reading', 'a/b');
  expect(watch.look(9_000).pendingMs).toBe(0);
  expect(watch.look(9_500).pendingMs).toBe(500);
});
