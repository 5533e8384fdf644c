import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  RecordBuffer,
  RecordReader,
  RecordWriter,
  type RecordCursor,
} from '../../src/entry/record-io.ts';
import { FLUSH_AFTER_MS, MAX_RECORD_BYTES, MAX_RECORD_TEXT_BYTES } from '../../src/limits.ts';
import { MemorySink, MemorySource } from '../helpers/trees/archive-io.ts';
import { encodeText, encodeVarint, END_OF_RECORDS } from '../helpers/wire/independent-records.ts';

const number = fc.oneof(
  fc.maxSafeNat(),
  fc.constantFrom(...Array.from({ length: 53 }, (_, bits) => [2 ** bits - 1, 2 ** bits]).flat()),
);
const text = fc.oneof(
  fc.array(fc.nat(255), { maxLength: 300 }).map((codes) => String.fromCharCode(...codes)),
  fc.constantFrom('', '\xff'.repeat(MAX_RECORD_TEXT_BYTES)),
);
const pieces = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 });

/** Reads all records of the list. */
function readWith<Item>(
  bytes: Uint8Array,
  decode: (cursor: RecordCursor) => Item,
  slices?: readonly number[],
): Item[] {
  const reader = new RecordReader(new MemorySource(bytes, slices), 'the list');
  const items: Item[] = [];
  for (let item = reader.next(decode); item !== undefined; item = reader.next(decode)) {
    items.push(item);
  }
  return items;
}

describe('a field of a record', () => {
  it('is encoded as documented, and read back unchanged however its bytes are sliced', () => {
    const field = fc.record({ byte: fc.nat(0x7f), number, text, uint32: fc.nat(2 ** 32 - 1) });
    fc.assert(
      fc.property(fc.array(field, { maxLength: 4 }), pieces, (fields, slices) => {
        const buffer = new RecordBuffer(5 * MAX_RECORD_BYTES);
        for (const each of fields) {
          const from = buffer.length;
          buffer.byte(each.byte);
          buffer.varint(each.number);
          buffer.text(each.text);
          const stated = Buffer.concat([
            Buffer.from([each.byte]),
            encodeVarint(each.number),
            encodeText(each.text),
          ]);
          expect(Buffer.compare(buffer.bytes().subarray(from), stated)).toBe(0);
          buffer.uint32(each.uint32);
        }
        buffer.byte(0x80);
        const decode = (cursor: RecordCursor) => ({
          byte: cursor.byte(),
          number: cursor.varint(),
          text: cursor.text(),
          uint32: cursor.uint32(),
        });
        for (const given of [[1], [Infinity], slices]) {
          expect(readWith(buffer.bytes(), decode, given)).toEqual(fields);
        }
      }),
    );
  });

  it.each<[what: string, bytes: Buffer]>([
    ['2^53', encodeVarint(2n ** 53n)],
    ['2^64 - 1', encodeVarint(2n ** 64n - 1n)],
    ['nothing but ones', Buffer.alloc(100, 0xff)],
    ['0 in two bytes', encodeVarint(0, 1)],
    ['1 in nine bytes', encodeVarint(1, 8)],
    ['300 with a group of zeros behind it', encodeVarint(300, 1)],
  ])('is refused as a bad number: %s', (_, bytes) => {
    for (const slices of [[1], [Infinity]]) {
      const record = Buffer.concat([encodeText(''), bytes]);
      const read = () => readWith(record, (cursor) => [cursor.text(), cursor.varint()], slices);
      expect(read).toThrow(
        expect.objectContaining({ code: 'corrupt', message: 'the list has a bad number' }),
      );
    }
  });

  it('is refused as a text that is too long before its bytes are collected', () => {
    const length = encodeVarint(MAX_RECORD_TEXT_BYTES + 1);
    const bytes = Buffer.concat([encodeText(''), length, Buffer.alloc(10)]);
    const read = () => readWith(bytes, (cursor) => [cursor.text(), cursor.text()], [1]);
    expect(read).toThrow(
      expect.objectContaining({ code: 'corrupt', message: 'the list has a text of 4097 bytes' }),
    );
  });
});

describe('a list of records', () => {
  const decode = (cursor: RecordCursor) => ({ it: cursor.text() });
  const record = encodeText('record');
  const [small, large] = [[1], [Infinity]];

  it.each([
    ['is not there at all', Buffer.alloc(0), 'ends too early'],
    ['has no end', record, 'ends too early'],
    ['ends in a record', record.subarray(0, 3), 'ends in the middle of an entry'],
    ['goes on', Buffer.concat([record, END_OF_RECORDS, record]), 'goes on after its end'],
    ['ends twice', Buffer.concat([END_OF_RECORDS, END_OF_RECORDS]), 'goes on after its end'],
  ])('that %s is corrupt', (_, bytes, words) => {
    for (const slices of [small, large]) {
      expect(() => readWith(bytes, decode, slices)).toThrow(
        expect.objectContaining({ code: 'corrupt', message: `the list ${words}` }),
      );
    }
  });

  it('stays at its end once it has ended', () => {
    const reader = new RecordReader(new MemorySource(END_OF_RECORDS), 'the list');
    expect([reader.next(decode), reader.next(decode)]).toEqual([undefined, undefined]);
  });
});

describe('a writer of records', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function write(records: RecordWriter, word: string): void {
    records.buffer.text(word);
    records.written();
  }

  it('passes on records in batches if they come fast', () => {
    const sink = new MemorySink();
    const records = new RecordWriter(sink);
    for (let i = 0; i < 100; i++) write(records, 'record');
    expect(sink.bytes()).toHaveLength(0);
    for (let i = 0; i < 10_000; i++) write(records, 'record');
    expect(sink.bytes().length).toBeGreaterThan(50_000);
    records.end();
    const all = Array.from({ length: 10_100 }, () => encodeText('record'));
    expect(Buffer.compare(sink.bytes(), Buffer.concat([...all, END_OF_RECORDS]))).toBe(0);
  });

  it('passes on records in time if they come slowly, so that slow does not look stalled', () => {
    const sink = new MemorySink();
    const records = new RecordWriter(sink);
    for (let i = 1; i <= 3; i++) {
      vi.advanceTimersByTime(FLUSH_AFTER_MS / 2);
      write(records, 'a');
      vi.advanceTimersByTime(FLUSH_AFTER_MS / 2);
      write(records, 'b');
      expect(sink.bytes().toString()).toBe('\x01a\x01b'.repeat(i));
    }
  });
});
