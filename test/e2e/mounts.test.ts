import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BIN, recordSend, run } from '../helpers/cli/cli.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { expectExit, writeTree } from '../helpers/trees/sandbox.ts';

// Disks as in containers: layers of an image below OUT, volumes mounted in it, directories of another
// user. tar x and rsync can write to all of these.

const NOBODY = { uid: 65_534, gid: 65_534, cwd: '/' };

const whyNot =
  spawnSync('unshare', ['-rm', 'true']).status === 0
    ? undefined
    : 'this system lets us make no namespace of mounts';

interface Ended {
  code: number | null;
  stderr: string;
}

/** Runs a shell script with its own mounts, in a directory with `s`, the context, and `o`, the OUT. */
function inNamespace(script: string): Promise<Ended> {
  return withDirectory(
    (directory) =>
      new Promise((resolve) => {
        const begin = 'ctxsync() { "$NODE" "$BIN" "$@"; }; mkdir s o;';
        const env = { ...process.env, NODE: process.execPath, BIN };
        const child = spawn('unshare', ['-rm', 'bash', '-euc', `${begin}\n${script}`], {
          cwd: directory,
          env,
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let stderr = '';
        child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
        child.on('close', (code) => resolve({ code, stderr }));
      }),
  );
}

describe.each([
  ['a pipe', 'ctxsync send -q s | ctxsync receive -q'],
  ['a command', 'ctxsync send -q s -- "$NODE" "$BIN" receive -q'],
])('over %s', (_, transfer) => {
  test('a directory of an image, which cannot be renamed, can become a file and be deleted', async (task) => {
    task.skip(whyNot !== undefined, whyNot);
    const ended = await inNamespace(`
      set -o pipefail
      mkdir -p lower/src/old/sub lower/src/kind up m
      echo 1 > lower/src/old/sub/f; echo 2 > lower/src/kind/f; echo 3 > lower/src/same
      mount -t tmpfs t up; mkdir up/u up/w
      mount -t overlay o -o userxattr,lowerdir=lower,upperdir=up/u,workdir=up/w m
      echo 'a file now' > s/kind; echo new > s/new; echo 3 > s/same
      ${transfer} m/src
      [ "$(cat m/src/kind)" = 'a file now' ]; [ -e m/src/old/sub/f ]
      ${transfer} --delete m/src
      diff -r s m/src`);
    expectExit(ended, 0);
  });

  test('what the context has for a volume is written into it', async (task) => {
    task.skip(whyNot !== undefined, whyNot);
    const ended = await inNamespace(`
      set -o pipefail
      mkdir -p s/vol/sub o/vol; mount -t tmpfs t o/vol
      mkdir o/vol/sub; echo old > o/vol/sub/g; echo keep > o/vol/keep
      echo a > s/a; echo f > s/vol/f; echo g > s/vol/sub/g
      ${transfer} o
      [ "$(cat o/a o/vol/f o/vol/sub/g o/vol/keep | tr '\\n' ' ')" = 'a f g keep ' ]
      if ls -A o o/vol | grep ctxsync; then exit 98; fi
      ${transfer} --delete o
      diff -r s o`);
    expectExit(ended, 0);
  });

  test('--delete leaves a volume that the context does not have, and deletes the rest', async (task) => {
    task.skip(whyNot !== undefined, whyNot);
    const ended = await inNamespace(`
      set -o pipefail
      mkdir -p o/deep/vol o/old; mount -t tmpfs t o/deep/vol
      echo keep > o/deep/vol/keep; echo gone > o/deep/gone; echo a > s/a
      ${transfer.replaceAll(' -q', '')} --delete o
      [ "$(cat o/a o/deep/vol/keep | tr '\\n' ' ')" = 'a keep ' ]
      [ ! -e o/old ]; [ ! -e o/deep/gone ]`);
    expectExit(ended, 0);
    expect(ended.stderr).toMatch(/deep\/vol: left, as something is mounted on it/);
  });

  test('a file on which another is mounted gets the new content', async (task) => {
    task.skip(whyNot !== undefined, whyNot);
    const ended = await inNamespace(`
      set -o pipefail
      echo old > o/config; echo mounted > aside; mount --bind aside o/config
      echo new > s/config; echo a > s/a
      ${transfer} o
      [ "$(cat o/config aside o/a | tr '\\n' ' ')" = 'new new a ' ]`);
    expectExit(ended, 0);
  });

  test('a volume where the context has a file is named, and OUT is as it was', async (task) => {
    task.skip(whyNot !== undefined, whyNot);
    const ended = await inNamespace(`
      mkdir o/vol; mount -t tmpfs t o/vol; echo keep > o/vol/keep; echo old > o/a
      echo new > s/a; echo file > s/vol
      ${transfer} o && exit 99
      [ "$(cat o/a o/vol/keep | tr '\\n' ' ')" = 'old keep ' ]
      [ "$(ls -A o | tr '\\n' ' ')" = 'a vol ' ]`);
    expectExit(ended, 0);
    expect(ended.stderr).toMatch(/cannot put vol in place: something is mounted on it/);
  });
});

test('a writable directory of another user receives entries and keeps its mode and time', (task) => {
  task.skip(process.getuid?.() !== 0, 'only root makes directories of others');
  return withDirectory(async (directory) => {
    chmodSync(directory, 0o755);
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    writeTree(context, { 'cache/f': 'new' });
    writeTree(out, { 'cache/mine': 'kept' });
    for (const path of [out, join(out, 'cache')]) chmodSync(path, 0o777);
    const input = await recordSend([context]);
    const receive = await run(['receive', out], { ...NOBODY, input });
    expectExit(receive, 0);
    expect(receive.stderr).toMatch(
      /warning: .*cache: mode and time are left unchanged, as another user owns it/,
    );
    expect(readFileSync(join(out, 'cache/f'), 'utf8')).toBe('new');
    expect(statSync(join(out, 'cache')).mode & 0o777).toBe(0o777);
  });
});
