import { chmodSync, linkSync, mkdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { run } from '../helpers/cli/cli.ts';
import { socketOf } from '../helpers/cli/duplex.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { copyTree, transfer, WAYS } from '../helpers/wire/both-ways.ts';
import { unprivileged, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// Modes keep a user who is not root out of directories, even out of their own.

/** Directories to be shut; files in them will be new, gone, different, or hardlinked. */
function makeShut(root: string): void {
  writeTree(root, {
    'shut/changed': 'old',
    'shut/gone': 'gone',
    'shut/same': 'same',
    'shut/sub/changed': 'old',
    'gone/sub/file': 'gone',
    'became/file': 'x',
    'one/a': 'one',
  });
  linkSync(join(root, 'one/a'), join(root, 'one/b'));
}

function change(root: string): void {
  writeFileSync(join(root, 'shut/changed'), 'another');
  writeFileSync(join(root, 'shut/sub/changed'), 'another');
  unlinkSync(join(root, 'shut/gone'));
  rmSync(join(root, 'gone'), { recursive: true });
  rmSync(join(root, 'became'), { recursive: true });
  writeFileSync(join(root, 'became'), 'a file');
  mkdirSync(join(root, 'shut/new/sub'), { recursive: true });
  linkSync(join(root, 'one/a'), join(root, 'one/c'));
}

const SHUT = ['shut/new/sub', 'shut/new', 'shut/sub', 'shut', 'gone/sub', 'gone', 'one'];

function shut(root: string, exists: (path: string) => boolean): void {
  for (const path of SHUT.filter(exists)) chmodSync(join(root, path), 0o555);
}

test.each(WAYS)('read-only directories are changed and then read-only again over %s', (way) =>
  withDirectory(async (directory) => {
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    makeShut(context);
    copyTree(context, out);
    change(context);
    shut(out, (path) => !path.includes('new'));
    shut(context, (path) => !path.startsWith('gone'));
    const options = unprivileged(directory);
    const before = treeState(out);
    const { sent } = await transfer({
      directory,
      way,
      send: [context],
      receive: [out, '--delete'],
      options,
    });
    expect(treeState(out)).toEqual(treeState(context));
    expect(sent.counts?.unchanged).toBeGreaterThan(0);
    expect(sent.counts?.removed).toBe(5);
    expect(before['shut']).toMatch(/^directory 555 /);
    const again = await transfer({ directory, way, send: [context], receive: [out], options });
    expect(again.sent).toMatchObject({ bytes: 0, counts: { written: 0 } });
  }),
);

test('a second transfer of all modes that can be read back sends nothing', () =>
  withDirectory(async (directory) => {
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    // Called before the directory has symlinks that lead elsewhere.
    const options = unprivileged(directory);
    asNobody(directory, () => makeExoticTree(context, { readable: true }));
    copyTree(context, out);
    const { sent } = await transfer({ directory, send: [context], receive: [out], options });
    expect(treeState(out)).toEqual(treeState(context));
    expect(sent).toMatchObject({ bytes: 0, counts: { written: 0 } });
  }));

// A sender that is root may read what the receiver may not, and the first send puts it there.
test.runIf(process.getuid?.() === 0)(
  'a receiver copes with entries that it may not read, with and without --checksum and --delete',
  () =>
    withDirectory(async (directory) => {
      const [context, out] = [join(directory, 'context'), join(directory, 'out')];
      mkdirSync(out);
      const options = unprivileged(directory);
      makeExoticTree(context);
      const socket = socketOf({ directory });
      const send = async (sendArgs: string[], receiveArgs: string[]): Promise<void> => {
        const receiving = run(['receive', out, '--socket', socket, ...receiveArgs], options);
        const args = ['--socket', socket, '--socket-owner', String(options.uid), ...sendArgs];
        const sent = await run(['send', context, ...args]);
        expectDone({ send: sent, receive: await receiving });
        expect(treeState(out)).toEqual(treeState(context));
      };
      await send([], []);
      await send([], []);
      await send(['--checksum'], []);
      unlinkSync(join(context, 'modes/0/file'));
      writeFileSync(join(context, 'modes/1/new'), 'new');
      await send([], ['--delete']);
    }),
);
