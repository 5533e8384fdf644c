import { expect, test } from 'vitest';
import { STRAY_BYTES } from '../../src/limits.ts';
import { Demux } from '../../src/wire/demux.ts';
import { MAGIC } from '../../src/wire/frame.ts';
import { receiveAll, Recorder } from '../helpers/wire/harness.ts';

const BANNER = 'Welcome to build-7!\nlast login: today\n';
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));

test('text in place of the magic is shown, with its usual meaning', () => {
  const { error } = receiveAll([bytesOf(BANNER)]);
  expect(error?.code).toBe('not-ctxsync');
  expect(error?.message).toContain('"Welcome to build-7! last login: today"');
  expect(error?.message).toContain('shell profile');
});

test('text is shown however few bytes came before the end', () => {
  expect(receiveAll([bytesOf('sh')]).error?.message).toContain('"sh"');
  expect(receiveAll([bytesOf('s'), bytesOf('h')]).error?.code).toBe('not-ctxsync');
});

test('text after a part of the magic is detected too', () => {
  const { error } = receiveAll([MAGIC.subarray(0, 3), bytesOf('no such command')]);
  expect(error?.code).toBe('not-ctxsync');
  expect(error?.message).toContain('no such command');
});

test('the first bytes are shown and no more, however they are sliced', () => {
  const text = Array.from({ length: 200 }, (_, i) => 'abcdefghij'[i % 10]).join('');
  const bytes = bytesOf(`${text}${'MORE'.repeat(STRAY_BYTES)}`);
  const whole = receiveAll([bytes]).error;
  const single = receiveAll(Array.from(bytes, (b) => Uint8Array.of(b))).error;
  expect(whole?.message).toContain(JSON.stringify(text));
  expect(single?.message).toBe(whole?.message);
});

test('the demux fails as soon as it has seen enough, without waiting for the end', () => {
  const demux = new Demux(new Recorder());
  expect(() => demux.push(new Uint8Array(STRAY_BYTES).fill(0x61))).toThrow(
    expect.objectContaining({ code: 'not-ctxsync' }),
  );
});

test('the text so far is available before the demux has seen enough', () => {
  const demux = new Demux(new Recorder());
  expect(demux.push(MAGIC.subarray(0, 4))).toBeUndefined();
  expect(demux.stray).toBeUndefined();
  expect(demux.push(bytesOf('password: '))).toBeUndefined();
  expect(demux.stray?.message).toContain('password:');
});

test('control characters of a peer are kept out of the message', () => {
  const { error } = receiveAll([bytesOf('\u001b]0;title\u0007hi\u202e')]);
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  expect(error?.message).not.toMatch(/[\0-\x1f\u202e]/);
  expect(error?.message).toContain('hi');
});

test('bytes without a printable one are shown in hex', () => {
  expect(receiveAll([Uint8Array.of(0x1f, 0x8a, 0x08, 0)]).error?.message).toContain('1f 8a 08 00');
});

test.each([
  ['a tar', Buffer.concat([Buffer.alloc(257, 'a'), Buffer.from('ustar  '), Buffer.alloc(400)])],
  ['gzip data', Buffer.from([0x1f, 0x8b, 0x08, 0])],
])('%s is named as what it is, with what sends a tar', (kind, bytes) => {
  const { error } = receiveAll([bytes]);
  expect(error).toMatchObject({ code: 'not-ctxsync', remedy: 'send-tar' });
  expect(error?.message).toBe(`what arrives is ${kind}, not the stream of a ctxsync sender`);
});

test('a magic that a terminal changed is reported as such', () => {
  const mangled = Uint8Array.from([...MAGIC].flatMap((b) => (b === 10 ? [13, 10] : [b])));
  expect(receiveAll([mangled]).error?.message).toContain('without -t');
});

test('an empty input is reported as such', () => {
  expect(receiveAll([]).error).toMatchObject({
    code: 'truncated',
    message: expect.stringContaining('nothing arrived'),
  });
});
