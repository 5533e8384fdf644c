import { expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import {
  MAX_CONTROL_BYTES,
  MAX_MESSAGE_CHARS,
  MAX_PATH_BYTES,
  MAX_STATE_CHARS,
} from '../../src/limits.ts';
import {
  decodeBeat,
  decodeCredit,
  decodeEnd,
  decodeFin,
  decodeHello,
  decodeOpen,
  decodePeerError,
  decodeReceipt,
  encodeBeat,
  encodeCredit,
  encodeEnd,
  encodeFin,
  encodeHello,
  encodeOpen,
  encodePeerError,
  encodeReceipt,
  WIRE_CODES,
} from '../../src/wire/messages.ts';
import { REMEDIES } from '../../src/remedy.ts';
import { BEAT, FAILURE, HELLO } from '../helpers/wire/harness.ts';

const SHA = 'ab'.repeat(32);
const GMAC = 'cd'.repeat(16);
const END = { bytes: 7, gmac: GMAC };
const FIN = { streams: 1, bytes: 7, digest: SHA };
const OPEN = { kind: 'tree', name: 'web' } as const;

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const corrupt = (message: RegExp) =>
  expect.objectContaining({ code: 'corrupt', message: expect.stringMatching(message) });

test('every message is decoded as it was encoded', () => {
  expect(decodeHello(encodeHello(HELLO), 0)).toEqual(HELLO);
  expect(decodeOpen(encodeOpen(OPEN), 0)).toEqual(OPEN);
  expect(decodeEnd(encodeEnd(END), 0)).toEqual(END);
  expect(decodeFin(encodeFin(FIN), 0)).toEqual(FIN);
  expect(decodePeerError(encodePeerError(FAILURE), 0)).toEqual(FAILURE);
  expect(decodeCredit(encodeCredit({ limit: 2 ** 53 - 1 }), 0)).toEqual({ limit: 2 ** 53 - 1 });
  const receipt = { transferId: HELLO.transferId, digest: SHA };
  expect(decodeReceipt(encodeReceipt(receipt), 0)).toEqual(receipt);
  const beat = { ...BEAT, totalEntries: 10, totalBytes: 2 ** 40 };
  expect(decodeBeat(encodeBeat(beat), 0)).toEqual(beat);
  expect(decodeBeat(encodeBeat(BEAT), 0)).toEqual(BEAT);
});

test('unknown keys are ignored', () => {
  expect(decodeEnd(json({ ...END, later: { a: [1] } }), 0)).toEqual(END);
  expect(decodeHello(json({ ...HELLO, capabilities: ['later'] }), 0).capabilities).toEqual([
    'later',
  ]);
});

test.each(['', '[]', 'null', '1', '{"bytes":1', 'ÿ', '\uFEFF{}'])('%j is not a message', (text) => {
  expect(() => decodeEnd(Buffer.from(text, 'latin1'), 5)).toThrow(corrupt(/END .*at byte 5$/));
});

test('JSON that is not UTF-8 is not a message', () => {
  const payload = Buffer.from('{"kind":"tree","name":"\xff"}', 'latin1');
  expect(() => decodeOpen(payload, 0)).toThrow(corrupt(/OPEN is not JSON/));
});

test.each([-1, 1.5, 2 ** 53, 1e300, '7', null, true, undefined, [7]])(
  '%j is not a count',
  (bytes) => {
    expect(() => decodeEnd(json({ ...END, bytes }), 0)).toThrow(corrupt(/END: bytes/));
  },
);

test('inherited properties do not stand in for a missing key', () => {
  expect(() => decodeOpen(json({ kind: 'constructor', name: '' }), 0)).toThrow(corrupt(/kind/));
  expect(() => decodeEnd(Buffer.from(`{"__proto__":${JSON.stringify(END)}}`), 0)).toThrow(
    corrupt(/bytes/),
  );
});

test.each<[string, object]>([
  ['role', { role: 'observer' }],
  ['mode', { mode: 'triplex' }],
  ['transferId', { transferId: 'A'.repeat(32) }],
  ['transferId', { transferId: 'a'.repeat(31) }],
  ['credit', { credit: -1 }],
  ['beatIntervalMs', { beatIntervalMs: 0.5 }],
  ['showsProgress', { showsProgress: 1 }],
  ['capabilities', { capabilities: 'x' }],
  ['capabilities', { capabilities: [1] }],
  ['capabilities', { capabilities: ['UPPER'] }],
  ['capabilities', { capabilities: ['x'.repeat(65)] }],
  ['capabilities', { capabilities: Array.from({ length: 33 }, () => 'x') }],
  ['minVersion', { minVersion: '1' }],
])('a HELLO with a bad %s is refused: %j', (key, change) => {
  expect(() => decodeHello(json({ ...HELLO, ...change }), 0)).toThrow(
    corrupt(new RegExp(`HELLO: ${key}`)),
  );
});

test.each([
  [3, 4, /versions 3 to 4, this side version 2/],
  [0, 1, /versions 0 to 1, this side version 2/],
])(
  'a peer that supports only versions %i to %i is refused, whatever else it sends',
  (min, max, message) => {
    const payload = json({ minVersion: min, maxVersion: max, role: { changed: true } });
    expect(() => decodeHello(payload, 0)).toThrow(
      expect.objectContaining({
        code: 'version-mismatch',
        message: expect.stringMatching(message),
      }),
    );
  },
);

test('a peer whose range overlaps ours is accepted', () => {
  expect(decodeHello(json({ ...HELLO, minVersion: 0, maxVersion: 9 }), 0).maxVersion).toBe(9);
});

test.each(['.', '..', 'a/b', '/', 'a\0', 'x'.repeat(256), 'é'.repeat(128)])(
  '%j names no context, for either side',
  (name) => {
    expect(() => decodeOpen(json({ kind: 'tree', name }), 0)).toThrow(corrupt(/OPEN: name/));
    expect(() => encodeOpen({ kind: 'tree', name })).toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
  },
);

test('a name with an unpaired surrogate names no context', () => {
  const payload = Buffer.from('{"kind":"tree","name":"\\ud800"}');
  expect(() => decodeOpen(payload, 0)).toThrow(corrupt(/OPEN: name/));
});

test.each(['', 'web', '...', ' ', '.git', 'é'.repeat(127), 'x'.repeat(255)])(
  '%j names a context',
  (name) => {
    expect(decodeOpen(encodeOpen({ kind: 'tree', name }), 0).name).toBe(name);
  },
);

test.each([SHA.slice(1), `${SHA}0`, SHA.toUpperCase(), 'xy'.repeat(32), 7])(
  '%j is not a digest',
  (value) => {
    expect(() => decodeEnd(json({ ...END, gmac: value }), 0)).toThrow(corrupt(/gmac/));
    expect(() => decodeFin(json({ ...FIN, digest: value }), 0)).toThrow(corrupt(/digest/));
  },
);

test('an error of every code arrives with its code', () => {
  const numbers = new Set<number>(Object.values(WIRE_CODES));
  expect(numbers.size).toBe(Object.keys(WIRE_CODES).length);
  for (const code of Object.keys(WIRE_CODES) as ErrorCode[]) {
    expect(decodePeerError(encodePeerError({ ...FAILURE, code }), 0).code).toBe(code);
  }
});

test('an error with a code that only newer peers know keeps its number', () => {
  const error = decodePeerError(json({ ...FAILURE, code: 4_711 }), 0);
  expect(error.code).toBe('unknown-4711');
  expect(decodePeerError(encodePeerError(error), 0)).toEqual(error);
});

test('an error arrives with its remedy, and without one that only newer peers know', () => {
  for (const remedy of REMEDIES) {
    expect(decodePeerError(encodePeerError({ ...FAILURE, remedy }), 0).remedy).toBe(remedy);
  }
  const newer = decodePeerError(json({ ...FAILURE, code: 1, remedy: 'max-depth' }), 0);
  expect(newer).toEqual({ ...FAILURE, code: 'internal' });
});

test('long text of a peer is truncated, not refused', () => {
  const long = decodePeerError(json({ ...FAILURE, code: 1, message: 'x'.repeat(9_000) }), 0);
  expect(long.message).toBe('x'.repeat(MAX_MESSAGE_CHARS));
  const beat = decodeBeat(
    json({ ...BEAT, state: 's'.repeat(99), path: `${'d/'.repeat(900)}f` }),
    0,
  );
  expect(beat.state.length).toBe(MAX_STATE_CHARS);
  expect(beat.path.endsWith('d/d/f')).toBe(true);
  expect(beat.path.length).toBe(1_024);
});

test('text of a peer cannot control a terminal', () => {
  const nasty = 'a\u001b[2Jb\nc\u0085d\u2028e\u202ef\ud800g';
  const payload = json({ ...FAILURE, code: 1, message: nasty, path: nasty });
  const { message, path } = decodePeerError(payload, 0);
  expect([message, path]).toEqual(['a [2Jb c d e f g', 'a [2Jb c d e f g']);
});

test.each(['"', '\\', '\u0001', '語', '\ud800', '😀'])(
  'an error whose texts are too long and consist of %j still fits a control frame',
  (char) => {
    const text = char.repeat(20_000);
    const payload = encodePeerError({ ...FAILURE, message: text, path: text });
    expect(payload.length).toBeLessThanOrEqual(MAX_CONTROL_BYTES);
    expect(decodePeerError(payload, 0).path?.length).toBe(MAX_PATH_BYTES);
    expect(encodeBeat({ ...BEAT, state: text, path: text }).length).toBeLessThan(MAX_CONTROL_BYTES);
  },
);

test('fractions of a millisecond are rounded, so that the peer accepts them', () => {
  const beat = decodeBeat(encodeBeat({ ...BEAT, stateAgeMs: 1.6, waitedMs: 0.2 }), 0);
  expect(beat).toMatchObject({ stateAgeMs: 2, waitedMs: 0 });
});
