import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import type { Finding } from '../../src/report.ts';
import { Findings, type FindingOptions } from '../../src/survey/findings.ts';
import { walk } from '../../src/tree/walk.ts';
import { captureError } from '../helpers/capture-error.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { rulesOf } from './survey-of.ts';

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n';

describe('found is', () => {
  it.each([
    ['deploy/id_ed25519', KEY, 'private-key'],
    ['server.key', '-----BEGIN RSA PRIVATE KEY-----', 'private-key'],
    ['server.pem', `certificate first\n${KEY}`, 'private-key'],
    ['store.p12', '\0', 'private-key'],
    ['.env', 'A=b', 'env-file'],
    ['app/.env.production', 'A=b', 'env-file'],
    ['.aws/credentials', '[default]', 'credentials'],
    ['home/.kube/config', 'users:', 'credentials'],
    ['.docker/config.json', '{"auths":{"x":{"auth":"eA=="}}}', 'credentials'],
    ['.npmrc', '//registry/:_authToken=npm_1', 'credentials'],
    ['my-service-account.json', '{"private_key": "x"}', 'credentials'],
    ['infra/terraform.tfstate', '{}', 'credentials'],
    ['.netrc', '', 'credentials'],
    ['.git/HEAD', '', 'version-control'],
    ['packages/a/node_modules/b/index.js', '', 'dependencies'],
  ])('%s', (path, content, kind) => {
    expect(findingsIn({ [path]: content }).map((each) => each.kind)).toEqual([kind]);
  });
});

describe('not found is', () => {
  it.each([
    ['ca.pem', '-----BEGIN CERTIFICATE-----'],
    ['slides.key', 'PK\x03\x04'],
    ['id_ed25519.pub', 'ssh-ed25519 AAAA'],
    ['.env.example', 'A='],
    ['environment.ts', ''],
    ['config', 'users:'],
    ['config.json', '{"auth": 1}'],
    ['.docker/config.json', '{"auths":{}}'],
    ['.npmrc', 'save-exact=true'],
    ['credentials', ''],
    ['.gitignore', ''],
    ['.git', 'gitdir: ../.git/worktrees/x'],
    ['data.json', '{"private_key": 1}'],
  ])('%s', (path, content) => {
    expect(findingsIn({ [path]: content })).toEqual([]);
  });

  it('a symlink, of which only the text is sent', () => {
    const root = directoryInTest((directory) =>
      symlinkSync('/etc/passwd', join(directory, '.env')),
    );
    expect(found(root)).toEqual([]);
  });

  it('an empty directory', () => {
    expect(findingsIn({ 'node_modules/x': '' }, '**/node_modules/**\n')).toEqual([]);
  });

  it('what is ignored', () => {
    const files = { '.env': '', 'node_modules/x': '', '.dockerignore': '' };
    expect(findingsIn(files, '.env\nnode_modules\n')).toEqual([]);
  });
});

describe('a finding', () => {
  it('counts all that belongs to it, and names the first few', () => {
    const files = Object.fromEntries(
      [1, 2, 3, 4, 5].map((n) => [`p${n}/node_modules/a/b`, 'four']),
    );
    expect(findingsIn(files)).toEqual([
      {
        kind: 'dependencies',
        count: 5,
        entries: 15,
        bytes: 20,
        examples: [1, 2, 3].map((n) => ({ path: `p${n}/node_modules`, bytes: 0 })),
      },
    ]);
  });

  it('does not count what is in another one: keys among dependencies are those of tests', () => {
    const files = { 'node_modules/a/test/server.key': KEY, 'z/id_rsa': KEY };
    expect(findingsIn(files).map(({ kind, count }) => [kind, count])).toEqual([
      ['private-key', 1],
      ['dependencies', 1],
    ]);
  });

  it('is that a receiver works in the context', () => {
    const root = directoryInTest((directory) => {
      writeTree(directory, { 'out/.ctxsync-lock': '' });
      mkdirSync(join(directory, 'out/.ctxsync-0123456789abcdef'));
    });
    expect(found(root)).toMatchObject([{ kind: 'out', count: 1, examples: [{ path: 'out' }] }]);
  });

  it('is that a context is large, with what is largest in it', () => {
    const files = { 'a/b/c': 'x'.repeat(50), 'a/d': 'x', dump: 'x'.repeat(40), e: 'x'.repeat(5) };
    expect(findingsIn(files, '', { largeBytes: 95 })).toEqual([
      {
        kind: 'large',
        count: 1,
        entries: 6,
        bytes: 96,
        examples: [
          { path: 'a/b', bytes: 50 },
          { path: 'dump', bytes: 40 },
          { path: 'e', bytes: 5 },
        ],
      },
    ]);
    expect(findingsIn(files, '', { largeBytes: 96 })).toEqual([]);
    expect(findingsIn(files, '', { largeBytes: 0 })).toEqual([]);
  });
});

describe('strict', () => {
  it.each([
    [{ 'a/.env': '' }, 'the context holds an environment file: a/.env'],
    [{ '.git/HEAD': '' }, 'the context holds a repository: .git'],
    [{ 'out/.ctxsync-lock': '' }, 'the context holds the OUT of a receiver: out'],
    [{ big: 'x'.repeat(11) }, 'the context has more than 10 bytes'],
  ])('refuses %s', (files, message) => {
    const error = captureError(() => findingsIn(files, '', { strict: true, largeBytes: 10 }));
    expect(error).toMatchObject({ code: 'context-refused', message, remedy: 'strict' });
  });
});

function findingsIn(
  files: Record<string, string>,
  rules = '',
  options: Partial<FindingOptions> = {},
): Finding[] {
  return found(
    directoryInTest((directory) => writeTree(directory, files)),
    rules,
    options,
  );
}

function found(root: string, rules = '', options: Partial<FindingOptions> = {}): Finding[] {
  const status = new WorkerStatus();
  const findings = new Findings({ largeBytes: 0, strict: false, ...options }, status);
  const entries = walk(root, {
    rules: rulesOf(rules),
    status,
    unreadable: new UnreadablePaths(),
    onSkipped: (path) => findings.addSkipped(path),
    onChanged: () => {},
  });
  for (const entry of entries) findings.add(entry);
  return findings.end();
}
