import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BIN } from '../helpers/cli/cli.ts';
import { expectUntouched, withScene } from '../helpers/trees/sandbox.ts';

/** Runs a script in a shell whose directory was removed, as by a CI step that cleaned up. */
function inRemoved(directory: string, script: string): { status: number | null; stderr: string } {
  const removed = join(directory, 'removed');
  const shell = `set -o pipefail; mkdir ${removed}; cd ${removed}; rmdir ${removed}; ${script}`;
  return spawnSync('bash', ['-c', shell], { encoding: 'utf8' });
}

describe('in a directory that was removed', () => {
  test('absolute paths work as usual', () =>
    withScene(async ({ directory, context, out }) => {
      const { status } = inRemoved(
        directory,
        `${BIN} send -q ${context} | ${BIN} receive -q ${out}`,
      );
      expect(status).toBe(0);
      expect(existsSync(join(out, 'a.txt'))).toBe(true);
    }));

  test.each([
    ['send .', '"."'],
    ['send app=sub', '"sub"'],
    ['send / --report r.json', '"r.json"'],
    ['receive out', '"out"'],
  ])('%s is refused, and no other directory is used instead', (args, named) =>
    withScene(async (sandbox) => {
      const { status, stderr } = inRemoved(
        sandbox.directory,
        `${BIN} ${args} < /dev/null > /dev/null`,
      );
      expect(status).toBe(2);
      expect(stderr).toContain(`the working directory was removed: ${named} leads nowhere`);
      expectUntouched(sandbox);
    }),
  );
});
