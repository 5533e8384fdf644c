import { describe, expect, it } from 'vitest';
import { fromText, joinPath, toFsPath, toText } from '../../src/disk/byte-path.ts';

describe('a path as bytes', () => {
  it('goes to node:fs as a string where that is the same bytes, else as a Buffer', () => {
    expect(toFsPath('src/a b.ts')).toBe('src/a b.ts');
    expect(toFsPath('caf\xe9')).toEqual(Buffer.from([0x63, 0x61, 0x66, 0xe9]));
    expect(toFsPath('\x80')).toEqual(Buffer.from([0x80]));
  });

  it.each(['plain', 'café', '日本', '🚢'])('keeps the text "%s" through both ways', (text) => {
    const path = fromText(text);
    expect(path).toBe(Buffer.from(text).toString('latin1'));
    expect(Buffer.from(toFsPath(path)).toString()).toBe(text);
    expect(toText(path)).toBe(text);
  });

  it('compares as its bytes do, where text would not', () => {
    const texts = ['\u{1f332}', '\uff5e'];
    expect(texts.toSorted()).toEqual(texts);
    expect(texts.map(fromText).toSorted()).toEqual(texts.toReversed().map(fromText));
  });

  it('joins a name to its folder, and to the root without a slash', () => {
    expect(joinPath('', 'a')).toBe('a');
    expect(joinPath('a/b', 'c')).toBe('a/b/c');
  });
});

describe('a path as text for people', () => {
  it.each<[path: string, text: string]>([
    ['a\nb', 'a\\nb'],
    ['\x1b[31mred', '\\x1b[31mred'],
    ['tab\there\r', 'tab\\x09here\\x0d'],
    ['nul\0', 'nul\\x00'],
    ['del\x7f', 'del\\x7f'],
    ['c1\xc2\x9b2J', 'c1\\x9b2J'],
    ['line\xe2\x80\xa8end\xe2\x80\xa9', 'line\\u2028end\\u2029'],
    ['quote\' " \\', 'quote\' " \\'],
  ])('escapes what could garble a terminal: %j', (path, text) => {
    expect(toText(path)).toBe(text);
  });

  it('shows bytes that are not UTF-8 as replacement characters', () => {
    expect(toText('caf\xe9.txt')).toBe('caf\uFFFD.txt');
    expect(toText('\xff\xfe')).toBe('\uFFFD\uFFFD');
  });

  it('leaves no control character, whatever the bytes', () => {
    for (let byte = 0; byte < 256; byte++) {
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      expect(toText(`x${String.fromCharCode(byte)}y`)).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
    }
  });
});
