import { mkdirSync, readFileSync, rmdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EditWriter, readEdits, type Edit } from '../../src/dest/local-changes.ts';
import { withFolder } from '../helpers/trees/temporary-directory.ts';
import { held } from '../helpers/disk/held.ts';

const EDITS: Edit[] = [
  { kind: 'remove', path: 'a' },
  { kind: 'link', path: 'b/new\nline', link: 'caf\xe9/\xff' },
  { kind: 'remove', path: 'remove' },
  { kind: 'link', path: 'link', link: 'remove' },
  { kind: 'remove', path: 'x'.repeat(3_800) },
];

describe('edits', () => {
  it('are kept in a file that only we can read, and come back as they were', async () => {
    await withFolder((folder) => {
      const path = join(folder, 'edits');
      write(folder, EDITS);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect([...readEdits(held(folder), 'edits')]).toEqual(EDITS);
    });
  });

  it('may be none, and may be many', async () => {
    await withFolder((folder) => {
      write(folder, [], 'none');
      expect([...readEdits(held(folder), 'none')]).toEqual([]);
      const many = Array.from({ length: 5_000 }, (_, i) => EDITS[i % EDITS.length]!);
      write(folder, many, 'many');
      expect([...readEdits(held(folder), 'many')]).toEqual(many);
    });
  });

  it('that are not all there are not read as if they were', async () => {
    await withFolder((folder) => {
      const path = join(folder, 'edits');
      write(folder, EDITS.slice(0, 1));
      truncateSync(path, readFileSync(path).length - 1);
      expect(() => [...readEdits(held(folder), 'edits')]).toThrow('in the middle of a record');
    });
  });

  it('never take the place of a file that is there, or go where a symlink leads', async () => {
    await withFolder((folder) => {
      const path = join(folder, 'edits');
      write(folder, EDITS);
      expect(() => new EditWriter(held(folder), 'edits')).toThrow(
        expect.objectContaining({ code: 'not-writable', message: expect.stringContaining(path) }),
      );
      expect([...readEdits(held(folder), 'edits')]).toEqual(EDITS);
    });
  });

  it('that cannot be written or read fail as not writable, with path and cause', async () => {
    await withFolder((folder) => {
      const failure = expect.objectContaining({
        code: 'not-writable',
        message: expect.stringContaining('/edits: no such file or directory (ENOENT)'),
      });
      const stage = held(folder);
      expect(() => [...readEdits(stage, 'edits')]).toThrow(failure);
      rmdirSync(folder);
      expect(() => new EditWriter(stage, 'edits')).toThrow(failure);
      mkdirSync(folder);
    });
  });
});

function write(stage: string, edits: readonly Edit[], name = 'edits'): void {
  const writer = new EditWriter(held(stage), name);
  for (const edit of edits) writer.add(edit);
  writer.close();
}
