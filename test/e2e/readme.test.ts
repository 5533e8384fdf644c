import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { BIN } from '../helpers/cli/cli.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

// Every command of the README's shell blocks runs here, except those that install (npm), which .ci/run
// runs. ssh, docker and kubectl are stand-ins that start their commands locally.

const SINGLE_FILE = fileURLToPath(new URL('../../dist/ctxsync.cjs', import.meta.url));
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const COMMANDS = [...README.matchAll(/```sh\n(.*?)```/gs)]
  .flatMap(([, block = '']) => block.split('\n'))
  .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('npm '));

const STAND_INS: Record<string, string> = {
  ctxsync: `exec "${process.execPath}" "${BIN}" "$@"`,
  ssh: 'shift; exec "$@"',
  docker: 'case $1 in exec) shift 3; exec "$@" ;; build) exec tar -tf - > listing ;; esac',
  kubectl: 'shift 4; exec "$@"',
};

function makeSandbox(directory: string): NodeJS.ProcessEnv {
  const bin = join(directory, 'bin');
  for (const name of ['bin', 'web', 'static', 'srv', 'tmp']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'web', 'app.js'), 'web');
  writeFileSync(join(directory, 'static', 'style.css'), 'static');
  for (const [name, script] of Object.entries(STAND_INS)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  copyFileSync(SINGLE_FILE, join(directory, 'ctxsync.cjs'));
  const path = [bin, dirname(process.execPath), process.env['PATH']].join(':');
  return { ...process.env, HOME: directory, PATH: path };
}

function runIn(directory: string, env: NodeJS.ProcessEnv, command: string): string {
  const { status, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', command], {
    cwd: directory,
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return status === 0 ? 'done' : `${status}: ${stderr}`;
}

describe.skipIf(spawnSync('bash', ['--version']).status !== 0)('the README', () => {
  test('has commands', () => {
    expect(COMMANDS.length).toBeGreaterThan(10);
  });

  test.each(COMMANDS)('has a command that works: %s', (command) =>
    withDirectory((directory) => {
      const env = makeSandbox(directory);
      if (command.startsWith('git ')) {
        const commit = 'git -c user.name=t -c user.email=t@localhost commit -qm t';
        expect(runIn(directory, env, `git init -q && git add web && ${commit}`)).toBe('done');
      }
      // Absolute paths belong to another machine or are shared: here they are in the sandbox.
      const here = command.replaceAll(/ \/(?=\w)/g, ` ${directory}/`);
      expect(runIn(directory, env, here)).toBe('done');
    }),
  );
});
