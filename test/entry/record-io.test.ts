import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FLUSH_AFTER_MS } from '../../src/limits.ts';
import { RecordWriter } from '../../src/entry/record-io.ts';
import { MemorySink } from '../helpers/trees/archive-io.ts';

describe('records', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('go on by the batch where they come fast', () => {
    const sink = new MemorySink();
    const records = new RecordWriter(sink);
    for (let i = 0; i < 100; i++) records.write('record');
    expect(sink.bytes()).toHaveLength(0);
    for (let i = 0; i < 10_000; i++) records.write('record');
    expect(sink.bytes().length).toBeGreaterThan(50_000);
    records.flush();
    expect(sink.bytes().toString()).toBe('record\0'.repeat(10_100));
  });

  it('go on in time where they come slowly, so that slow is not stalled', () => {
    const sink = new MemorySink();
    const records = new RecordWriter(sink);
    for (let i = 1; i <= 3; i++) {
      vi.advanceTimersByTime(FLUSH_AFTER_MS / 2);
      records.write('a');
      vi.advanceTimersByTime(FLUSH_AFTER_MS / 2);
      records.write('b');
      expect(sink.bytes().toString()).toBe('a\0b\0'.repeat(i));
    }
  });
});
