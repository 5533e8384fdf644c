import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyTree } from '../helpers/wire/both-ways.ts';
import { start } from '../helpers/cli/cli.ts';
import { socketOf, startReceiver } from '../helpers/cli/duplex.ts';
import { holdWants } from '../helpers/cli/holding-relay.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  writeTree,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// What is packed is checked against what was listed: nothing else may take its place in OUT.

interface Changed {
  what: string;
  /** Applied to the context after it was listed, before the sender knows what is wanted. */
  change: (context: string) => void;
  words: RegExp;
}

const CHANGES: Changed[] = [
  {
    what: 'a file becomes a directory',
    change: (at) => swap(at, 'a.txt', (path) => mkdirSync(path)),
    words: /a\.txt was a file and became a directory while the context was read/,
  },
  {
    what: 'a file becomes a symlink',
    change: (at) => swap(at, 'a.txt', (path) => symlinkSync('web', path)),
    words: /a\.txt was a file and became a symlink/,
  },
  {
    what: 'a file becomes a hardlink',
    change: (at) => swap(at, 'web/app.js', (path) => linkSync(join(at, 'a.txt'), path)),
    words: /web\/app\.js was a file and became a hardlink/,
  },
  {
    what: 'a file becomes a FIFO',
    change: (at) => swap(at, 'a.txt', (path) => execFileSync('mkfifo', [path])),
    words: /a\.txt was replaced/,
  },
  {
    what: 'a file becomes another one with the same size and time',
    change: (at) => swap(at, 'a.txt', (path) => copyTree(join(at, '../aside'), path)),
    words: /a\.txt was replaced or written to/,
  },
  {
    what: 'a file is written to',
    change: (at) => writeFileSync(join(at, 'a.txt'), 'newer'),
    words: /a\.txt was replaced or written to/,
  },
  {
    what: 'a file vanishes',
    change: (at) => unlinkSync(join(at, 'web/app.js')),
    words: /web\/app\.js vanished/,
  },
  {
    what: 'a symlink becomes a directory',
    change: (at) => swap(at, 'link', (path) => writeTree(path, { x: 'x' })),
    words: /link was a symlink and became a directory/,
  },
  {
    what: 'a symlink becomes another one',
    change: (at) => swap(at, 'link', (path) => symlinkSync('/etc/passwd', path)),
    words: /link was replaced/,
  },
  {
    what: 'a directory becomes a file',
    change: (at) => swap(at, 'web', (path) => writeFileSync(path, 'x')),
    words: /web was a directory and became a file/,
  },
  {
    what: 'a directory becomes a symlink to one with the same in it',
    change: (at) => swap(at, 'web', (path) => symlinkSync('../aside', path)),
    words: /web was a directory and became a symlink/,
  },
  {
    what: 'a directory becomes another one with the same in it',
    change: (at) => swap(at, 'web', (path) => copyTree(join(at, '../aside'), path)),
    words: /web was replaced/,
  },
  {
    what: 'a name of a hardlink group becomes a file of its own',
    change: (at) => swap(at, 'twin-b', (path) => writeFileSync(path, 'twin')),
    words: /twin-b was a hardlink and became a file/,
  },
  {
    what: 'the first name of a hardlink group vanishes',
    change: (at) => unlinkSync(join(at, 'twin-a')),
    words: /twin-a vanished/,
  },
  {
    what: 'a name of a hardlink group becomes one of another',
    change: (at) => swap(at, 'twin-b', (path) => linkSync(join(at, 'a.txt'), path)),
    words: /twin-b was replaced/,
  },
  {
    what: 'the root becomes another directory with the same in it',
    change: (at) => {
      renameSync(at, `${at}~`);
      copyTree(`${at}~`, at);
    },
    words: /\.\/ was replaced/,
  },
  {
    what: 'the root vanishes',
    change: (at) => rmSync(at, { recursive: true }),
    words: /vanished/,
  },
  {
    what: 'the ignore file now ignores what was listed',
    change: (at) => writeFileSync(join(at, '.dockerignore'), 'a.txt\n'),
    words: /\.dockerignore was replaced or written to/,
  },
];

describe('a context that was listed and is not packed yet', () => {
  test.each(CHANGES)('fails the transfer when $what', ({ change, words }) =>
    withScene(async (sandbox) => {
      const { context } = sandbox;
      symlinkSync('a.txt', join(context, 'link'));
      writeTree(context, { 'twin-a': 'twin', '.dockerignore': '# nothing\n' });
      linkSync(join(context, 'twin-a'), join(context, 'twin-b'));
      const { send, receive } = await sendHeld(sandbox, () => change(context));
      expectFailure(send, 3, words);
      expectFailure(receive, 9, words);
      expectUntouched(sandbox);
    }),
  );

  test('arrives when it does not change', () =>
    withScene(async (sandbox) => {
      const { send, receive } = await sendHeld(sandbox, () => {});
      expectExit(send, 0);
      expectExit(receive, 0);
      expect(treeState(sandbox.out)).toMatchObject(treeState(sandbox.context));
    }));

  test('is not affected by new ignore rules, because they are read once', () =>
    withScene(async (sandbox) => {
      const rules = join(sandbox.context, '.dockerignore');
      writeFileSync(rules, '.dockerignore\n');
      const { send } = await sendHeld(sandbox, () => writeFileSync(rules, '*\n'));
      expectExit(send, 0);
      expect(treeState(sandbox.out)).toMatchObject({
        'a.txt': treeState(sandbox.context)['a.txt'],
      });
    }));

  test('may gain an entry in a listed directory, which is not sent', () =>
    withScene(async (sandbox) => {
      const { send } = await sendHeld(sandbox, () =>
        writeTree(sandbox.context, { 'web/later': 'later' }),
      );
      expectExit(send, 0);
      expect(treeState(sandbox.out)).not.toHaveProperty('web/later');
    }));
});

async function sendHeld(
  { directory, context, out }: { directory: string; context: string; out: string },
  onListed: () => void,
) {
  const path = join(directory, 'held.sock');
  const to = socketOf({ directory });
  const receiver = await startReceiver(to, [out]);
  await holdWants({ path, to, onListed });
  const sender = start(['send', context, '--socket', path]);
  return { send: await sender.done, receive: await receiver.done };
}

/** Moves an entry aside and makes something else in its place. */
function swap(context: string, name: string, make: (path: string) => void): void {
  renameSync(join(context, name), join(context, '../aside'));
  make(join(context, name));
}
