import { describe, expect, test } from 'vitest';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { readManifest } from '../../src/entry/manifest.ts';
import { WantReader } from '../../src/entry/wants.ts';
import { MemorySource, ORIGIN } from '../helpers/trees/archive-io.ts';
import {
  encodeControl,
  encodeFrame,
  encodeManifest,
  encodeTar,
  encodeTarMember,
  encodeWants,
  FRAME,
  MAGIC,
  parseFrames,
  SessionEncoder,
  TAR_END,
} from '../helpers/wire/independent-encoder.ts';
import { receiveAll, recordTransfer, someBytes } from '../helpers/wire/harness.ts';

// An encoder that tests attack with has to be right where it is not told to lie.

describe('an encoder that shares no code with ours says what ours says', () => {
  test('a session: the demux takes all of it, whatever the frames', () => {
    const bytes = someBytes(300_000);
    const session = new SessionEncoder({ contexts: ['', 'web'] });
    const whole = session.stream('tree', '', bytes);
    const { id, frame } = session.open('tree', 'web');
    const cut = [frame, session.data(id, bytes, 1_000), session.end(id)];
    const parts = [session.start(), whole, ...cut, session.fin()];
    const { clean, error, recorder } = receiveAll([Buffer.concat(parts)]);
    expect({ clean, error }).toEqual({ clean: true, error: undefined });
    for (const each of recorder.received.keys()) {
      expect(Buffer.compare(recorder.content(each), bytes)).toBe(0);
    }
  });

  test('frames of ours', () => {
    const frames = parseFrames(Buffer.from(recordTransfer({ a: someBytes(10) })));
    expect(frames.map(({ type }) => type)).toContain(FRAME.FIN);
    expect(frames.find(({ type }) => type === FRAME.DATA)?.payload).toEqual(
      Buffer.from(someBytes(10)),
    );
  });

  test('a tar, its long names too', () => {
    const long = 'd'.repeat(120);
    const members = [
      { path: 'a', content: 'text', mode: 0o600 },
      { path: long, type: '2', link: 'ä' },
    ];
    const tar = encodeTar(members);
    const root = encodeTarMember({ path: './', type: '5', mode: 0o755 });
    expect(tar).toEqual(Buffer.concat([root, ...members.map(encodeTarMember), TAR_END]));
    const reader = new TarReader(new MemorySource(tar), ORIGIN);
    const read = [reader.next(), reader.next(), reader.next(), reader.next()];
    expect(read).toMatchObject([
      { path: './', type: '5', mode: 0o755 },
      { path: 'a', size: 4, mode: 0o600, mtimeUs: 17e14 },
      { path: long, type: '2', link: Buffer.from('ä').toString('latin1') },
      undefined,
    ]);
  });

  test('a manifest and wants', () => {
    const sha256 = 'ab'.repeat(32);
    const manifest = encodeManifest([
      { kind: 'd', path: '', mode: '755' },
      { kind: 'f', path: 'ab', size: 3, stamp: '0badcafe', sha256 },
      { kind: 'h', path: 'ac', link: 'ab', shared: 1 },
    ]);
    expect([...readManifest(new MemorySource(manifest))]).toMatchObject([
      { path: '', kind: 'directory', mode: 0o755, mtimeUs: 17e14 },
      { path: 'ab', kind: 'file', size: 3, stamp: '0badcafe', sha256 },
      { path: 'ac', kind: 'hardlink', link: 'ab' },
    ]);
    const want = { path: 'a', stamp: '0badcafe', sha256 };
    const wants = new WantReader(new MemorySource(encodeWants([{ kind: 'f', ...want }])));
    expect(wants.peek()).toEqual({ kind: 'file', ...want });
  });

  test('and lies where it is told to', () => {
    const control = encodeControl(FRAME.HELLO, 0, '{}', { crc: 1 });
    const frame = encodeFrame(FRAME.HELLO, 0, Buffer.from('{}'), { crc: 1 });
    expect(control).toEqual(frame);
    expect(receiveAll([MAGIC, frame]).error).toMatchObject({ code: 'corrupt' });
  });
});
