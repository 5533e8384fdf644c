import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { attempt, transfer, WAYS } from '../helpers/wire/both-ways.ts';
import { pipeline, recordSend, run, type Outcome } from '../helpers/cli/cli.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { streamOf } from '../helpers/wire/hand-made.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  unprivileged,
  withScene,
  writeTree,
  type Ended,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// --delete is for what the context does not have, not for a source that was not mounted, a rule that
// ignores everything, or another user's directory.

const EMPTY = ['--exclude', '**'];

test('a context without entries deletes nothing over a pipe', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    const { receive } = await pipeline([...EMPTY, context], ['--delete', '-q', out]);
    expectFailure(receive, 5, 'refused: the context has no entries', '--allow-empty');
    expectUntouched(sandbox);
  }));

test.each(WAYS)('a context without entries deletes nothing over %s', (way) =>
  withScene(async (sandbox) => {
    const { directory, context, out } = sandbox;
    const send = [...EMPTY, context];
    const ended = await attempt({ directory, way, send, receive: ['--delete', out] });
    expectFailure(ended.send, 9, 'refused: the context has no entries');
    expectUntouched(sandbox);
  }),
);

test('a context without entries among others deletes nothing', () =>
  withScene(async (sandbox) => {
    const { directory, context, out } = sandbox;
    writeTree(out, { 'web/mine': 'mine' });
    writeTree(directory, { 'empty/none': '' });
    const args = ['--exclude', 'none', `web=${join(directory, 'empty')}`, `app=${context}`];
    const { receive } = await pipeline(args, ['--delete', out]);
    expectFailure(receive, 5, 'refused: the context web has no entries');
    expect(readFileSync(join(out, 'web/mine'), 'utf8')).toBe('mine');
  }));

test('--allow-empty empties OUT, and is not needed where there is nothing to delete', () =>
  withScene(async ({ directory, context, out }) => {
    const allowed = await pipeline([...EMPTY, context], ['--delete', '--allow-empty', out]);
    expectExit(allowed.receive, 0);
    expect(treeState(out, { root: false })).toEqual({});
    const fresh = await pipeline([...EMPTY, context], ['--delete', join(directory, 'fresh')]);
    expectExit(fresh.receive, 0);
  }));

describe('--max-delete', () => {
  test.each(WAYS)('counts every entry before anything is changed, over %s', (way) =>
    withScene(async ({ directory, context, out }) => {
      writeTree(out, { 'mine/a': '', 'mine/b': '' });
      const before = treeState(out);
      const count = Object.keys(before).filter((path) => path.startsWith('mine')).length;
      const receive = ['--delete', `--max-delete=${count - 1}`, out];
      const ended = await attempt({ directory, way, send: [context], receive });
      expectFailure(
        ended.send,
        9,
        'the mirror would delete',
        `the limit is ${count - 1}`,
        '--max-delete',
      );
      expect(treeState(out)).toEqual(before);
    }),
  );

  test('allows up to its number of deletions, and the report names them', () =>
    withScene(async ({ directory, context }) => {
      const out = join(directory, 'fresh');
      await transfer({ directory, send: [context], receive: [out] });
      writeTree(out, { 'mine/a': '', 'mine/b': '' });
      const receive = ['--delete', '--max-delete=3', out];
      const { received } = await transfer({ directory, send: [context], receive });
      const reason = 'not in the context';
      const paths = ['mine', 'mine/a', 'mine/b'].map((path) => ({ path, reason }));
      expect(received.removed).toEqual({ count: 3, paths });
      expect(received.counts?.removed).toBe(3);
    }));

  const FULL = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`web/${i}`, '']));

  test.each(['a pipe', ...WAYS])(
    'counts what is in a directory that a file replaces, over %s',
    (way) =>
      withDirectory(async (directory) => {
        const [context, out] = [join(directory, 'context'), join(directory, 'out')];
        writeTree(context, { web: 'a file' });
        writeTree(out, FULL);
        const attemptTo = async (most: number): Promise<Ended> => {
          const receive = ['--delete', `--max-delete=${most}`, out];
          if (way === 'a pipe') return (await pipeline([context], receive)).receive;
          const one = way as (typeof WAYS)[number];
          return (await attempt({ directory, way: one, send: [context], receive })).receive;
        };
        const before = treeState(out);
        const refused = await attemptTo(4);
        expectFailure(refused, way === 'a command' ? 9 : 5, 'would delete 5 entries');
        expect(treeState(out)).toEqual(before);
        expectExit(await attemptTo(5), 0);
        expect(treeState(out)).toEqual(treeState(context));
      }),
  );

  test('counts deletions where the context has a directory that nobody may list', () =>
    withScene(async ({ directory, out }) => {
      const input = streamOf([
        { path: 'web', kind: 'directory', mode: 0, size: 0 },
        { path: 'web/img', kind: 'directory', size: 0 },
      ]);
      const options = { ...unprivileged(directory), input };
      const receive = (most: number): Promise<Outcome> =>
        run(['receive', '--delete', `--max-delete=${most}`, out], options);
      const gone = ['a.txt', 'kept.txt', 'web/app.js'];
      expectFailure(await receive(gone.length - 1), 5, `would delete ${gone.length} entries`);
      expectExit(await receive(gone.length), 0);
      const { mode } = statSync(join(out, 'web'));
      chmodSync(join(out, 'web'), 0o700);
      expect([mode & 0o777, readdirSync(join(out, 'web'))]).toEqual([0, ['img']]);
    }));

  test('refuses to delete what it cannot count', () =>
    withScene(async (sandbox) => {
      const { directory, context, out } = sandbox;
      writeTree(out, { 'mine/a': '' });
      const options = unprivileged(directory);
      chmodSync(join(out, 'mine'), 0o300);
      const before = treeState(out);
      const input = await recordSend([context], options);
      const refused = await run(['receive', '--delete', '--max-delete=9', out], {
        ...options,
        input,
      });
      expectFailure(refused, 5, /would delete mine, which may not be listed/);
      expect(treeState(out)).toEqual(before);
    }));

  test('is a usage error without --delete', async () => {
    const outcome = await run(['receive', '--max-delete=3', '/nowhere']);
    expectFailure(outcome, 2, 'give that too');
  });
});

test('the receiver names what it removed on a terminal or in a log', () =>
  withScene(async ({ context, out }) => {
    writeTree(out, { 'mine/a': '', 'mine/b': '', 'mine/c': '' });
    const { receive } = await pipeline([context], ['--delete', '--progress', 'plain', out]);
    expect(receive.stderr).toMatch(/removed kept\.txt, mine, mine\/a, and \d+ more/);
  }));

test('only the directories of named contexts are mirrored', () =>
  withScene(async ({ context, out }) => {
    writeTree(out, { 'assets/x': 'keep', 'app/old': 'old' });
    const { receive } = await pipeline([`app=${context}`], ['--delete', out]);
    expectExit(receive, 0);
    expect(treeState(join(out, 'app'))).toEqual(treeState(context));
    expect(readFileSync(join(out, 'assets/x'), 'utf8')).toBe('keep');
  }));

test('--delete refuses / as OUT', () =>
  withScene(async ({ context }) => {
    const { receive } = await pipeline([context], ['--delete', '/']);
    expectFailure(receive, 2, 'refused: OUT is /');
  }));
