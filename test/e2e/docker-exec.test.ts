import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installIn } from '../helpers/cli/bare-root.ts';
import { run, type Outcome } from '../helpers/cli/cli.ts';
import { dockerClients, Dockerd, whyNoDockerd } from '../helpers/cli/dockerd.ts';
import { makeDirectory, removeDirectory } from '../helpers/trees/temporary-directory.ts';
import { expectExit, expectFailure, withScene } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

const FILE = fileURLToPath(new URL('../../dist/ctxsync.cjs', import.meta.url));
/** Runs for ever, in a container that has nothing but Node. */
const WAIT = ['node', '-e', 'setInterval(() => {}, 1e6)'];

const why = whyNoDockerd();
if (why !== undefined) process.stderr.write(`docker-exec.test.ts is skipped: ${why}\n`);

describe.skipIf(why !== undefined)('docker exec into a container that has nothing but Node', () => {
  let docker: Dockerd;
  let base = '';
  const client = dockerClients()[0] ?? 'docker';

  function runDocker(...args: string[]): string {
    const env = { ...process.env, ...docker.env };
    return execFileSync(client, args, { env, encoding: 'utf8', stdio: 'pipe' });
  }

  /** @param exec everything after `docker exec` */
  function send(context: string, exec: readonly string[], ...options: string[]): Promise<Outcome> {
    const env = { ...process.env, ...docker.env };
    return run(['send', ...options, context, '--', client, 'exec', ...exec], { env });
  }

  beforeAll(async () => {
    base = makeDirectory();
    const root = join(base, 'root');
    installIn(root, process.execPath, '/bin/node');
    copyFileSync(FILE, join(root, 'ctxsync.cjs'));
    mkdirSync(join(root, 'tmp'));
    docker = new Dockerd();
    await docker.ready();
    const tar = join(base, 'root.tar');
    execFileSync('tar', ['-cf', tar, '-C', root, '.']);
    runDocker('import', tar, 'bare');
    const options = ['--detach', '--network', 'none', '--env', 'HOME=/home'];
    runDocker('run', ...options, '--name', 'builder', 'bare', ...WAIT);
    runDocker(
      'run',
      ...options,
      '--name',
      'sealed',
      '--read-only',
      '--tmpfs',
      '/out',
      'bare',
      ...WAIT,
    );
  });

  afterAll(async () => {
    await docker.stop();
    removeDirectory(base);
  });

  function received(container: string): unknown {
    const out = makeDirectory();
    runDocker('cp', `${container}:/out/.`, out);
    const state = Object.keys(treeState(out));
    removeDirectory(out);
    return state;
  }

  test('receives with the single file', () =>
    withScene(async ({ context }) => {
      const exec = ['-i', 'builder', 'node', '/ctxsync.cjs', 'receive', '/out'];
      expectExit(await send(context, exec), 0);
      expect(received('builder')).toEqual(Object.keys(treeState(context)));
    }));

  test('gets ctxsync by --bootstrap, once', () =>
    withScene(async ({ context }) => {
      const exec = ['-i', 'builder', 'ctxsync', 'receive', '--delete', '/out'];
      for (const copied of [true, false]) {
        const outcome = await send(context, exec, '--bootstrap');
        expectExit(outcome, 0);
        expect(outcome.stderr.includes('copied ctxsync')).toBe(copied);
      }
      expect(received('builder')).toEqual(Object.keys(treeState(context)));
    }));

  test('runs ctxsync from memory in a container that is read-only', () =>
    withScene(async ({ context }) => {
      const exec = ['-i', 'sealed', 'ctxsync', 'receive', '/out'];
      const outcome = await send(context, exec, '--bootstrap');
      expectExit(outcome, 0);
      expect(outcome.stderr).toMatch(/copied ctxsync .* for this run only, .* (EROFS|ENOENT)/);
    }));

  test('reports that there is no Node', () =>
    withScene(async ({ context }) => {
      const exec = ['-i', '--env', 'PATH=/nowhere', 'builder', 'ctxsync', 'receive', '/out'];
      const outcome = await send(context, exec, '--bootstrap');
      expectFailure(outcome, 7, 'there is no "node" in its PATH', 'executable file not found');
    }));
});
