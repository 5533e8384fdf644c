import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BIN } from '../helpers/cli/cli.ts';
import { dockerClients, Dockerd, hasBuildKit, whyNoDockerd } from '../helpers/cli/dockerd.ts';
import {
  makeDirectory,
  removeDirectory,
  withDirectory,
} from '../helpers/trees/temporary-directory.ts';
import { expectExit, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

/**
 * docker detects a tar on stdin by its first blocks (docker/cli#1459, docker/cli#2525, moby/moby#41496).
 * Needs no network: only `FROM scratch` and COPY.
 */

const why = whyNoDockerd();
const builders = why === undefined ? findBuilders() : [];
let docker: Dockerd;
let directory = '';

describe.skipIf(why !== undefined)(`receive - | docker (${why ?? 'as it is'})`, () => {
  beforeAll(async () => {
    directory = makeDirectory();
    makeContext(join(directory, 'context'));
    docker = new Dockerd();
    await docker.ready();
  });

  afterAll(async () => {
    await docker.stop();
    removeDirectory(directory);
  });

  describe.each(builders)('build - of $client, BuildKit: $buildKit', (builder) => {
    test.each([
      ['the Dockerfile of the context', [], 'app'],
      ['another one, by -f', ['-f', 'docker/other.Dockerfile'], 'other'],
    ])('takes %s, and the whole context', async (_, options, copy) => {
      const image = await build(builder, ['context'], options);
      expect(await contentOf(image, copy)).toEqual(plainState(join(directory, 'context')));
    });

    test.each([
      ['ascii', ['ascii=context']],
      ['that needs a pax header', ['ü=context']],
    ])('takes a named context, with a name %s', async (_, contexts) => {
      const name = contexts[0]!.split('=')[0]!;
      const image = await build(builder, contexts, ['-f', `${name}/Dockerfile`]);
      expect(await contentOf(image, `app/${name}`)).toEqual(plainState(join(directory, 'context')));
    });

    test('takes the output of git archive through send -', async () => {
      const image = await build(builder, ['-'], [], gitArchive());
      expect(Object.keys(await contentOf(image, 'app'))).toEqual(['Dockerfile', 'a']);
    });
  });

  test('the output of docker export is read as tar reads it', async () => {
    const image = await build(builders[0]!, ['context'], []);
    await withDirectory((out) => {
      const [client, container] = [dockerClients()[0]!, create(image)];
      mkdirSync(join(out, 'by-tar'));
      const script = `"$1" export "$2" > "$3/exported.tar"
        tar -xpf "$3/exported.tar" -C "$3/by-tar"
        "$NODE" "$BIN" send -q - < "$3/exported.tar" | "$NODE" "$BIN" receive -q "$3/by-us"`;
      const env = { ...process.env, ...docker.env, NODE: process.execPath, BIN };
      execFileSync('sh', ['-ec', script, 'sh', client, container, out], { env, stdio: 'pipe' });
      const state = treeState(join(out, 'by-us'), { root: false });
      expect(Object.keys(state)).toContain('app/web/app.js');
      expect(state).toEqual(treeState(join(out, 'by-tar'), { root: false }));
    });
  });

  test('import - takes the tar as the file system of an image', async () => {
    const image = await pipeline(['context'], `"${dockerClients()[0]}" import -`);
    expect(await contentOf(image, '.')).toMatchObject(plainState(join(directory, 'context')));
  });
});

interface Builder {
  client: string;
  buildKit: boolean;
}

function findBuilders(): Builder[] {
  return dockerClients().flatMap((client) =>
    (hasBuildKit(client) ? [false, true] : [false]).map((buildKit) => ({ client, buildKit })),
  );
}

/** Has fractions of a second in every time, and long and strange names. */
function makeContext(context: string): void {
  writeTree(context, {
    Dockerfile: 'FROM scratch\nCOPY . /app/\n',
    'docker/other.Dockerfile': 'FROM scratch\nCOPY . /other/\n',
    'web/app.js': 'app()',
    'a b/ü/日本語': 'names',
    [`${'long/'.repeat(30)}${'name'.repeat(40)}`]: 'long',
    large: Buffer.alloc(1_234_567, 'large'),
    empty: '',
    run: '#!/bin/sh\n',
  });
  chmodSync(join(context, 'run'), 0o755);
  chmodSync(join(context, 'web'), 0o700);
  chmodSync(join(context, 'large'), 0o640);
  mkdirSync(join(context, 'empty.d'));
  symlinkSync('web/app.js', join(context, 'link'));
  symlinkSync('/nowhere', join(context, 'dangling'));
}

function gitArchive(): Buffer {
  const repository = join(directory, 'repository');
  writeTree(repository, { Dockerfile: 'FROM scratch\nCOPY . /app/\n', a: 'a' });
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args]);
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '--allow-empty', '--message', 'all');
  return git('archive', 'HEAD');
}

/** @returns the image's id */
function build(
  { client, buildKit }: Builder,
  contexts: readonly string[],
  options: readonly string[],
  input?: Buffer,
): Promise<string> {
  const command = ['build', '--quiet', ...options, '-'].join(' ');
  return pipeline(contexts, `DOCKER_BUILDKIT=${buildKit ? 1 : 0} "${client}" ${command}`, input);
}

/** `ctxsync send CONTEXTS | ctxsync receive - | DOCKER`, each of which has to succeed. */
async function pipeline(
  contexts: readonly string[],
  command: string,
  input?: Buffer,
): Promise<string> {
  const script = `"$NODE" "$BIN" send -q "$@" | "$NODE" "$BIN" receive -q - | ${command}`;
  const child = spawn('bash', ['-o', 'pipefail', '-c', script, 'bash', ...contexts], {
    cwd: directory,
    env: { ...process.env, ...docker.env, NODE: process.execPath, BIN },
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  child.stdin.on('error', () => {}); // the pipeline then reports what is wrong
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expectExit({ code, stderr: said.stderr }, 0);
  return said.stdout.trim();
}

/** What an image has below a path, according to `docker export`. */
function contentOf(image: string, path: string): Promise<Record<string, string>> {
  return withDirectory((out) => {
    const [client, container] = [dockerClients()[0]!, create(image)];
    const env = { ...process.env, ...docker.env };
    const script = '"$1" export "$2" | tar -xp -C "$3"';
    execFileSync('sh', ['-c', script, 'sh', client, container, out], { env, stdio: 'pipe' });
    return plainState(join(out, path));
  });
}

/** Creates a container of an image, which is never run. */
function create(image: string): string {
  const env = { ...process.env, ...docker.env };
  const command = ['create', image, 'nothing'];
  return execFileSync(dockerClients()[0]!, command, { env, stdio: 'pipe' }).toString().trim();
}

/** Without times and hardlinks, which COPY does not keep, and without the root, which it makes. */
function plainState(root: string): Record<string, string> {
  const state = Object.entries(treeState(root, { root: false }));
  return Object.fromEntries(
    state.map(([path, is]) => [
      path,
      is.replace(/^(file \d+|directory \d+|symlink) -?\d+/, '$1').replace(/ = .*$/, ''),
    ]),
  );
}
