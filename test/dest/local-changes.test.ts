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
];

describe('local changes', () => {
  it('are kept in a file that only we can read, and come back as they were', async () => {
    await withDirectory((directory) => {
      const path = join(directory, 'localChanges');
      write(directory, CHANGES);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect([...readLocalChanges(held(directory), 'localChanges')]).toEqual(CHANGES);
    });
  });

  it('may be none, and may be many', async () => {
    await withDirectory((directory) => {
      write(directory, [], 'none');
      expect([...readLocalChanges(held(directory), 'none')]).toEqual([]);
      const many = Array.from({ length: 5_000 }, (_, i) => CHANGES[i % CHANGES.length]!);
      write(directory, many, 'many');
      expect([...readLocalChanges(held(directory), 'many')]).toEqual(many);
    });
  });

  it('that are not all there are not read as if they were', async () => {
    await withDirectory((directory) => {
      const path = join(directory, 'localChanges');
      write(directory, CHANGES.slice(0, 1));
      truncateSync(path, readFileSync(path).length - 1);
      expect(() => [...readLocalChanges(held(directory), 'localChanges')]).toThrow(
        expect.objectContaining({
          code: 'corrupt',
          message: expect.stringContaining('ends too early'),
        }),
      );
    });
  });

  it('never take the place of a file that is there, or go where a symlink leads', async () => {
    await withDirectory((directory) => {
      const path = join(directory, 'localChanges');
      write(directory, CHANGES);
      expect(() => new LocalChangeWriter(held(directory), 'localChanges')).toThrow(
        expect.objectContaining({ code: 'not-writable', message: expect.stringContaining(path) }),
      );
      expect([...readLocalChanges(held(directory), 'localChanges')]).toEqual(CHANGES);
    });
  });

  it('that cannot be written or read fail as not writable, with path and cause', async () => {
    await withDirectory((directory) => {
      const failure = expect.objectContaining({
        code: 'not-writable',
        message: expect.stringContaining('/localChanges: no such file or directory (ENOENT)'),
      });
      const stage = held(directory);
      expect(() => [...readLocalChanges(stage, 'localChanges')]).toThrow(failure);
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
