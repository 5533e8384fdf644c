import { lstatSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pipeline, recordSend, run } from '../helpers/cli/cli.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { expectFailure, expectUntouched, withScene, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

describe('a context', () => {
  it('is laid over OUT, and what it does not have stays, as with tar x', async () => {
    await withScene(async ({ context, out, before }) => {
      expectDone(await pipeline([context], [out]));
      expect(treeState(out)).toEqual({ ...treeState(context), 'kept.txt': before['kept.txt'] });
    });
  });

  it('is mirrored into OUT with --delete', async () => {
    await withScene(async ({ context, out }) => {
      writeTree(out, { 'web/old/deep.js': 'old', 'web/img/old.svg': 'old' });
      expectDone(await pipeline([context], ['--delete', out]));
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('is mirrored with --delete only into its own directory when it has a name', async () => {
    await withScene(async ({ context, out }) => {
      const before = readdirSync(out);
      writeTree(out, { 'a/old': 'old' });
      expectDone(await pipeline([`a=${context}`, `b=${context}`], ['--delete', out]));
      expect(readdirSync(out).toSorted()).toEqual(['a', 'b', ...before].toSorted());
      expect(treeState(join(out, 'a'))).toEqual(treeState(context));
    });
  });

  it('does not follow a symlink in OUT, to a file or to a directory', async () => {
    await withScene(async ({ directory, context }) => {
      const [out, elsewhere] = [join(directory, 'linked'), join(directory, 'elsewhere')];
      writeTree(elsewhere, { 'a.txt': 'elsewhere', 'web/app.js': 'elsewhere' });
      const before = treeState(elsewhere);
      mkdirSync(out);
      symlinkSync('../elsewhere/web', join(out, 'web'));
      symlinkSync('../elsewhere/a.txt', join(out, 'a.txt'));
      expectDone(await pipeline([context], [out]));
      expect(treeState(elsewhere)).toEqual(before);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });
});

describe('OUT', () => {
  it('is created with its parents, and may be a relative path', async () => {
    await withScene(async ({ directory, context }) => {
      expectDone(await pipeline([context], ['new/deeper/out/'], { cwd: directory }));
      expect(treeState(join(directory, 'new/deeper/out'))).toEqual(treeState(context));
    });
  });

  it('may be a symlink to a directory, which stays a symlink', async () => {
    await withScene(async ({ directory, context, out }) => {
      symlinkSync('out', join(directory, 'link'));
      expectDone(await pipeline([context], ['--delete', join(directory, 'link')]));
      expect(lstatSync(join(directory, 'link')).isSymbolicLink()).toBe(true);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it.each(['-out', ' ', 'a=b', "it's", 'ünï\n'])('may be named %j', async (name) => {
    await withScene(async ({ directory, context }) => {
      expectDone(await pipeline([context], ['--', name], { cwd: directory }));
      expect(treeState(join(directory, name))).toEqual(treeState(context));
    });
  });

  it('may be inside the context, whose copy then lacks only what is being received', async () => {
    await withDirectory(async (context) => {
      writeTree(context, { 'a/file': 'x', z: 'z' });
      const out = join(context, 'm/out');
      mkdirSync(out, { recursive: true });
      expectDone(await pipeline([context], [out]));
      expect(Object.keys(treeState(out))).toEqual(['', 'a', 'a/file', 'm', 'm/out', 'z']);
    });
  });

  it('is refused when it is a file', async () => {
    await withScene(async (sandbox) => {
      const out = join(sandbox.out, 'kept.txt');
      const outcome = await run(['receive', out], { input: await recordSend([sandbox.context]) });
      expectFailure(outcome, 4, `${realpathSync(out)} is not a directory; choose another OUT`);
      expectUntouched(sandbox);
    });
  });

  it('is refused when it is empty', async () => {
    expectFailure(await run(['receive', '']), 2, 'OUT is empty');
  });

  it('stays as it was when the context exceeds the limits of the receiver', async () => {
    await withScene(async (sandbox) => {
      const input = await recordSend([sandbox.context]);
      for (const [option, words] of [
        ['--max-entries=2', 'the context has more than 2 entries; stopped at'],
        ['--max-bytes=3', 'the context has more than 3 bytes; stopped at'],
      ] as const) {
        const outcome = await run(['receive', option, sandbox.out], { input });
        expectFailure(outcome, 5, words);
        expectUntouched(sandbox);
      }
    });
  });
});
