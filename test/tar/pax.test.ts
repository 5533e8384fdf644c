import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePax, decodePaxTime, encodePax, encodePaxTime } from '../../src/tar/pax.ts';

/** A record of `length` bytes, as defined by the specification. */
function recordOf(length: number): string {
  const rest = `${length} k=`.length + 1;
  return `${length} k=${'v'.repeat(length - rest)}\n`;
}

const encode = (records: Map<string, string>) =>
  Array.from(records, ([name, value]) => encodePax(name, value)).join('');

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const bytes = fc.string({ unit: byte, maxLength: 300 });
const key = fc.string({ unit: byte.filter((char) => char !== '='), maxLength: 20 });

describe('records', () => {
  test('any bytes are read back, including newlines, NUL and "=" in values', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, bytes), { maxLength: 5 }), (pairs) => {
        const records = new Map(pairs);
        expect(decodePax(encode(records))).toEqual(records);
      }),
    );
  });

  test.each([
    ['a newline', 'a\n12 path=evil\nb'],
    ['an equals sign', '=a=b='],
    ['nothing', ''],
    ['bytes that are no UTF-8', '\xff\xfe\x80'],
  ])('a value with %s is read back', (_, value) => {
    const records = new Map([
      ['path', value],
      ['mtime', '1'],
    ]);
    expect(decodePax(encode(records))).toEqual(records);
  });

  test.each([8, 9, 11, 12, 98, 99, 101, 102, 998, 999, 1_001, 1_002, 9_999, 10_001])(
    'a record of %i bytes contains its own length',
    (length) => {
      const record = recordOf(length);
      expect(record.length).toBe(length);
      const value = record.slice(record.indexOf('=') + 1, -1);
      expect(encodePax('k', value)).toBe(record);
      expect(decodePax(record)).toEqual(new Map([['k', value]]));
    },
  );

  test('an extra digit that changes the length is counted once', () => {
    for (const boundary of [10, 100, 1_000, 10_000]) {
      for (let length = Math.max(boundary - 5, 6); length < boundary + 5; length++) {
        const record = encodePax('k', 'v'.repeat(Math.max(length - 6, 0)));
        expect(Number.parseInt(record, 10)).toBe(record.length);
      }
    }
  });

  test('the later of two records with one key counts', () => {
    expect(decodePax('6 a=1\n6 a=2\n')).toEqual(new Map([['a', '2']]));
  });

  test.each([
    ['no length', 'path=a\n'],
    ['no space', '8path=a\n'],
    ['a length of zero', '0 a=b\n'],
    ['a leading zero', '06 a=b\n'],
    ['a negative length', '-6 a=b\n'],
    ['a length in hex', '0x6 a=b\n'],
    ['a fractional length', '6.0 a=b\n'],
    ['a length over the end', '7 a=b\n'],
    ['a length within the record', '5 a=b\n'],
    ['a length within its own digits', '1 a=b\n'],
    ['a length that has no end', `${'9'.repeat(30)} a=b\n`],
    ['no equals sign', '5 ab\n'],
    ['an equals sign of the next record', '5 ab\n6 a=b\n'],
    ['no newline', '6 a=bc'],
    ['zeros behind it', '6 a=b\n\0\0'],
    ['a second record that is cut', '6 a=b\n6 a='],
  ])('a record with %s is refused', (_, text) => {
    expect(decodePax(text)).toBeUndefined();
  });

  test('no bytes make the decoder throw', () => {
    fc.assert(fc.property(bytes, (text) => void decodePax(text)));
  });
});

describe('times', () => {
  test('every time that a double holds is read back to the microsecond', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (us) => {
        expect(decodePaxTime(encodePaxTime(us))).toBe(us);
      }),
    );
  });

  test.each([
    [0, '0'],
    [1, '0.000001'],
    [-1, '-0.000001'],
    [-500_000, '-0.5'],
    [-1_500_000, '-1.5'],
    [-2_000_000, '-2'],
    [1_700_000_000_123_456, '1700000000.123456'],
    [1_700_000_000_120_000, '1700000000.12'],
    [2_147_483_648_000_000, '2147483648'],
    [8_589_934_592_000_001, '8589934592.000001'],
  ])('%i microseconds are encoded as %s seconds', (us, text) => {
    expect(encodePaxTime(us)).toBe(text);
    expect(decodePaxTime(text)).toBe(us);
  });

  test.each([
    ['1.1234569', 1_123_456],
    ['1.123456000000', 1_123_456],
    ['-1.1234561', -1_123_457],
    ['-1.123456000', -1_123_456],
    ['-0.0000001', -1],
    ['0.0000009', 0],
    ['5.', 5_000_000],
    ['007', 7_000_000],
  ])('%s is rounded towards the past', (text, us) => {
    expect(decodePaxTime(text)).toBe(us);
  });

  test.each(['', '-', '.', '.5', '-.5', '+1', '1e3', '0x1', 'NaN', 'Infinity', ' 1', '1 ', '1,5'])(
    '%j is not a time',
    (text) => {
      expect(decodePaxTime(text)).toBeUndefined();
    },
  );

  test('a time that microseconds cannot hold exactly is refused', () => {
    expect(decodePaxTime('9007199254.740991')).toBe(Number.MAX_SAFE_INTEGER);
    expect(decodePaxTime('9007199254.740992')).toBeUndefined();
    expect(decodePaxTime('99999999999')).toBeUndefined();
    expect(decodePaxTime('123456789012')).toBeUndefined();
  });
});
