import { describe, expect, test } from 'vitest';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { manifestBytes, wantBytes } from '../helpers/cli/incremental.ts';
import { aListed, anEntry, MemorySource, writeTree } from '../helpers/trees/archive-io.ts';
import { encodeTar, encodeTarMember, TAR_END } from '../helpers/trees/plain-tar.ts';
import {
  encodeControl,
  encodeFrame,
  FRAME,
  MAGIC,
  parseFrames,
  SessionEncoder,
} from '../helpers/wire/independent-encoder.ts';
import { encodeManifest, encodeTree, encodeWants } from '../helpers/wire/independent-records.ts';
import { receiveAll, recordTransfer, someBytes } from '../helpers/wire/harness.ts';

// An encoder that tests use for attacks must be correct unless it is told otherwise.

describe('an encoder that shares no code with src', () => {
  test('encodes a session that the demux accepts completely, whatever the frames', () => {
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

  test('parses our frames', () => {
    const frames = parseFrames(Buffer.from(recordTransfer({ a: someBytes(10) })));
    expect(frames.map(({ type }) => type)).toContain(FRAME.FIN);
    expect(frames.find(({ type }) => type === FRAME.DATA)?.payload).toEqual(
      Buffer.from(someBytes(10)),
    );
  });

  test('encodes a tar, including long names', () => {
    const long = 'd'.repeat(120);
    const members = [
      { path: 'a', content: 'text', mode: 0o600 },
      { path: long, type: '2', link: 'ä' },
    ];
    const tar = encodeTar(members);
    const root = encodeTarMember({ path: './', type: '5', mode: 0o755 });
    expect(tar).toEqual(Buffer.concat([root, ...members.map(encodeTarMember), TAR_END]));
    const reader = new TarReader(new MemorySource(tar));
    const read = [reader.next(), reader.next(), reader.next(), reader.next()];
    expect(read).toMatchObject([
      { path: './', type: '5', mode: 0o755 },
      { path: 'a', size: 4, mode: 0o600, mtimeUs: 17e14 },
      { path: long, type: '2', link: Buffer.from('ä').toString('latin1') },
      undefined,
    ]);
  });

  const sha256 = 'ab'.repeat(32);

  test('encodes a tree like src, byte for byte', () => {
    const root = anEntry({ path: '', kind: 'directory', mode: 0o755 });
    const file = { path: 'dir/ab', size: 5, mode: 0o600, mtimeUs: -1_500_000, linked: true };
    const omitted = { path: 'dir/ac', size: 2 ** 40, contentOmitted: true };
    const link = { path: 'dir/l', kind: 'symlink', link: '../x' } as const;
    const name = { path: 'dir/m', kind: 'hardlink', link: 'dir/ab' } as const;
    const ours = writeTree([
      { entry: root, content: new Uint8Array(0) },
      { entry: anEntry(file), content: Buffer.from('12345') },
      ...[omitted, link, name].map((each) => ({
        entry: anEntry(each),
        content: new Uint8Array(0),
      })),
    ]);
    const theirs = encodeTree([
      { kind: 'file', ...file, content: '12345' },
      { kind: 'file', ...omitted },
      link,
      name,
    ]);
    expect(theirs.toString('hex')).toBe(ours.toString('hex'));
  });

  test('encodes a manifest and wants like src, byte for byte', () => {
    const listed = [
      aListed({ path: '', kind: 'directory', mode: 0o755 }),
      aListed({ path: 'ab', size: 3, sha256 }),
      aListed({ path: 'ac', kind: 'hardlink', link: 'ab' }),
    ];
    const manifest = encodeManifest([
      { kind: 'directory', path: '', stamp: '0badcafe' },
      { kind: 'file', path: 'ab', size: 3, stamp: '0badcafe', sha256 },
      { kind: 'hardlink', path: 'ac', link: 'ab', stamp: '0badcafe' },
    ]);
    expect(manifest.toString('hex')).toBe(manifestBytes(listed).toString('hex'));
    const wants = encodeWants([
      { kind: 'directory', path: '' },
      { kind: 'file', path: 'ab', stamp: '0badcafe', sha256 },
    ]);
    const ours = wantBytes([
      { kind: 'directory', path: '', stamp: 0 },
      { kind: 'file', path: 'ab', stamp: 0x0badcafe, sha256 },
    ]);
    expect(wants.toString('hex')).toBe(ours.toString('hex'));
  });

  test('encodes wrong fields where it is told to', () => {
    const control = encodeControl(FRAME.HELLO, 0, '{}', { crc: 1 });
    const frame = encodeFrame(FRAME.HELLO, 0, Buffer.from('{}'), { crc: 1 });
    expect(control).toEqual(frame);
    expect(receiveAll([MAGIC, frame]).error).toMatchObject({ code: 'corrupt' });
  });
});
