import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_STREAMS } from '../../src/limits.ts';
import { pipeline, recordSend, run, start } from '../helpers/cli/cli.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { expectFailure, expectUntouched, withScene, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

describe('several contexts', () => {
  it('are sent in parallel, each into its own directory, and the unnamed one into OUT', async () => {
    await withDirectory(async (directory) => {
      const at = (name: string): string => join(directory, name);
      writeTree(at('main'), { 'src/index.js': 'main', 'big.bin': Buffer.alloc(3_000_000, 1) });
      writeTree(at('x'), { 'one/big.bin': Buffer.alloc(3_000_000, 2), two: 'x' });
      writeTree(at('y'), { one: 'y' });
      linkSync(at('x/two'), at('x/deux'));
      utimesSync(at('main'), 1_000_000_000, 1_000_000_000.25);
      const report = at('report.json');
      const sent = await pipeline(
        [at('main'), `a=${at('x')}`, `b=${at('y')}`, `c c=${at('y')}`],
        ['--report', report, at('out')],
      );
      expectDone(sent);
      expect(treeState(at('out/a'))).toEqual(treeState(at('x')));
      expect(treeState(at('out/b'))).toEqual(treeState(at('y')));
      expect(treeState(at('out/c c'))).toEqual(treeState(at('y')));
      const out = treeState(at('out'));
      for (const [path, state] of Object.entries(treeState(at('main')))) {
        expect(out[path]).toBe(state);
      }
      expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
        result: 'done',
        contexts: [
          { name: '', entries: 3 },
          { name: 'a', entries: 4, bytes: 3_000_001 },
          { name: 'b', entries: 1 },
          { name: 'c c', entries: 1 },
        ],
      });
    });
  });

  it("may be more than are sent at once, and OUT gets the unnamed one's mode and time", async () => {
    await withDirectory(async (directory) => {
      const names = Array.from({ length: 12 }, (_, i) => `context-${i}`);
      for (const [i, name] of names.entries()) {
        writeTree(join(directory, name), { [`only-in-${i}`]: name, 'sub/same': 'same' });
      }
      writeTree(join(directory, 'main'), { file: 'main' });
      utimesSync(join(directory, 'main'), 1_000_000_000, 1_000_000_000.25);
      const named = names.map((name) => `${name}=${join(directory, name)}`);
      const out = join(directory, 'out');
      expectDone(await pipeline([join(directory, 'main'), ...named], [out]));
      for (const name of names) {
        expect(treeState(join(out, name))).toEqual(treeState(join(directory, name)));
      }
      expect(treeState(out)['']).toBe(treeState(join(directory, 'main'))['']);
      expect(readdirSync(out).toSorted()).toEqual([...names, 'file'].toSorted());
    });
  });

  it.runIf(existsSync('/proc/self/task'))(
    'do not take one thread each, however many there are',
    async () => {
      await withDirectory(async (directory) => {
        const names = Array.from({ length: 30 }, (_, i) => `c${i}`);
        for (const name of names) writeTree(join(directory, name), { file: name });
        const sender = start(['send', ...names.map((name) => `${name}=${join(directory, name)}`)]);
        const receiver = start(['receive', join(directory, 'out')]);
        sender.child.stdout?.pipe(receiver.child.stdin!);
        let ended = false;
        void Promise.allSettled([sender.done, receiver.done]).then(() => (ended = true));
        let most = 0;
        await until('both have ended', () => {
          for (const { child } of [sender, receiver]) most = Math.max(most, threadsOf(child.pid));
          return ended;
        });
        expect([(await sender.done).code, (await receiver.done).code]).toEqual([0, 0]);
        expect(readdirSync(join(directory, 'out'))).toHaveLength(names.length);
        // Node itself has about eleven.
        expect(most).toBeGreaterThan(MAX_STREAMS);
        expect(most).toBeLessThan(names.length);
      });
    },
  );

  it('each use their own ignore file; options apply to all, and --file to the unnamed one', async () => {
    await withDirectory(async (directory) => {
      const files = { one: '', two: '', three: '', four: '' };
      writeTree(join(directory, 'main'), { ...files, '.dockerignore': 'one' });
      writeTree(join(directory, 'main'), {
        'x.Dockerfile': '',
        'x.Dockerfile.dockerignore': 'two',
      });
      writeTree(join(directory, 'named'), { ...files, '.dockerignore': 'three' });
      const out = join(directory, 'out');
      const send = [join(directory, 'main'), `n=${join(directory, 'named')}`, '--exclude', 'four'];
      expectDone(await pipeline(['--file', join(directory, 'main/x.Dockerfile'), ...send], [out]));
      expect(visible(out)).toEqual(['n', 'one', 'three', 'x.Dockerfile']);
      expect(visible(join(out, 'n'))).toEqual(['one', 'two']);
    });
  });

  it.each<[what: string, files: Record<string, string>]>([
    ['a directory', { 'a/file': 'x' }],
    ['a file', { a: 'x' }],
  ])(
    'are refused when the unnamed one has %s with the name of another, and OUT is as it was',
    async (_, files) => {
      await withScene(async (sandbox) => {
        const other = join(sandbox.directory, 'other');
        writeTree(other, files);
        const { receive } = await pipeline([other, `a=${sandbox.context}`], [sandbox.out]);
        expectFailure(receive, 5, 'refused a', 'another context');
        expectUntouched(sandbox);
      });
    },
  );

  it('are refused when a symlink in the unnamed one would lead a named one elsewhere', async () => {
    await withScene(async (sandbox) => {
      const other = join(sandbox.directory, 'other');
      mkdirSync(other);
      symlinkSync(sandbox.directory, join(other, 'a'));
      const before = readdirSync(sandbox.directory);
      for (const contexts of [
        [other, `a=${sandbox.context}`],
        [`a=${sandbox.context}`, other],
      ]) {
        const { receive } = await pipeline(contexts, [sandbox.out]);
        expectFailure(receive, 5, 'refused a');
      }
      expectUntouched(sandbox);
      expect(readdirSync(sandbox.directory)).toEqual(before);
    });
  });

  it('fail together when one is missing, and none is committed', async () => {
    await withScene(async (sandbox) => {
      const missing = join(sandbox.directory, 'missing');
      const { send, receive } = await pipeline([sandbox.context, `b=${missing}`], [sandbox.out]);
      expectFailure(send, 3, missing, 'ENOENT');
      expectFailure(receive, 9, missing);
      expectUntouched(sandbox);
    });
  });

  it.each([
    [['x', 'y'], 'several contexts without a name'],
    [['a=x', 'a=y'], 'several contexts are named a'],
    [['..=x'], '".." cannot be the name'],
    [['.ctxsync-lock=x'], 'cannot be the name'],
    [['=x'], '"=x" is not of the form name=directory'],
    [['a='], '"a=" is not of the form name=directory'],
    [['a=-'], 'a tar on stdin cannot have a name'],
    [[''], 'a context is empty'],
  ])('%j are refused before anything is sent', async (args, words) => {
    const outcome = await run(['send', ...args]);
    expectFailure(outcome, 2, words);
  });
});

describe('the same context sent twice', () => {
  it('gives the same tar, byte for byte, wherever it is and in whatever order it was made', async () => {
    await withDirectory(async (directory) => {
      const files = { 'a/b': '1', 'a!': '2', 'a-b/c': '3', 'z/y/x': '4', B: '5' };
      const [one, two] = [join(directory, 'one'), join(directory, 'deep/two')];
      writeTree(one, files);
      writeTree(two, Object.fromEntries(Object.entries(files).toReversed()));
      for (const root of [one, two]) {
        for (const path of Object.keys(treeState(root)).toReversed()) {
          utimesSync(join(root, path), 1_000_000_000, 1_000_000_000.5);
        }
      }
      const tars = await Promise.all(
        [one, two, one].map(async (root) => {
          const { code, stdout } = await run(['receive', '-'], { input: await recordSend([root]) });
          expect(code).toBe(0);
          return stdout;
        }),
      );
      expect(tars[0]!.length).toBeGreaterThan(5 * 512);
      expect(tars[1]!.equals(tars[0]!)).toBe(true);
      expect(tars[2]!.equals(tars[0]!)).toBe(true);
    });
  });
});

function threadsOf(pid: number | undefined): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0; // it has ended
  }
}

function visible(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => !name.includes('dockerignore'))
    .toSorted();
}
