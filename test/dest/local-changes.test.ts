import { mkdirSync, readFileSync, rmdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  LocalChangeWriter,
  readLocalChanges,
  type LocalChange,
} from '../../src/dest/local-changes.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { held } from '../helpers/disk/held.ts';

const CHANGES: LocalChange[] = [
  { kind: 'remove', path: 'a' },
  { kind: 'link', path: 'b/new\nline', link: 'caf\xe9/\xff' },
  { kind: 'remove', path: 'remove' },
  { kind: 'link', path: 'link', link: 'remove' },
  { kind: 'remove', path: 'x'.repeat(3_800) },
  { kind: 'metadata', path: 'm', mode: 0o1777, mtimeUs: -1, version: '1:2 3 4 5' },
  { kind: 'metadata', path: 'z', mode: 0, mtimeUs: Number.MAX_SAFE_INTEGER, version: '' },
];

describe('local changes', () => {
  it('are stored in a file that only its owner can read, and read back unchanged', async () => {
    await withDirectory((directory) => {
      const path = join(directory, 'localChanges');
      write(directory, CHANGES);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect([...readLocalChanges(held(directory), ['localChanges'])]).toEqual(CHANGES);
    });
  });

  it('are read back whether there are none or many', async () => {
    await withDirectory((directory) => {
      write(directory, [], 'none');
      expect([...readLocalChanges(held(directory), ['none'])]).toEqual([]);
      const many = Array.from({ length: 5_000 }, (_, i) => CHANGES[i % CHANGES.length]!);
      write(directory, many, 'many');
      expect([...readLocalChanges(held(directory), ['many'])]).toEqual(many);
    });
  });

  it('are refused as corrupt if their file is truncated', async () => {
    await withDirectory((directory) => {
      const path = join(directory, 'localChanges');
      write(directory, CHANGES.slice(0, 1));
      truncateSync(path, readFileSync(path).length - 1);
      expect(() => [...readLocalChanges(held(directory), ['localChanges'])]).toThrow(
        expect.objectContaining({
          code: 'corrupt',
          message: expect.stringContaining('ends too early'),
        }),
      );
    });
  });

  it('never overwrite an existing file or follow a symlink', async () => {
    await withDirectory((directory) => {
      const path = join(directory, 'localChanges');
      write(directory, CHANGES);
      expect(() => new LocalChangeWriter(held(directory), 'localChanges')).toThrow(
        expect.objectContaining({ code: 'not-writable', message: expect.stringContaining(path) }),
      );
      expect([...readLocalChanges(held(directory), ['localChanges'])]).toEqual(CHANGES);
    });
  });

  it('fail as not writable, with path and cause, if they cannot be written or read', async () => {
    await withDirectory((directory) => {
      const failure = expect.objectContaining({
        code: 'not-writable',
        message: expect.stringContaining('/localChanges: no such file or directory (ENOENT)'),
      });
      const stage = held(directory);
      expect(() => [...readLocalChanges(stage, ['localChanges'])]).toThrow(failure);
      rmdirSync(directory);
      expect(() => new LocalChangeWriter(stage, 'localChanges')).toThrow(failure);
      mkdirSync(directory);
    });
  });
});

function write(stage: string, localChanges: readonly LocalChange[], name = 'localChanges'): void {
  const writer = new LocalChangeWriter(held(stage), name);
  for (const change of localChanges) writer.add(change);
  writer.close();
}
