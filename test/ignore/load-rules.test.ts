import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_IGNORE_FILE_BYTES } from '../../src/limits.ts';
import { fromText } from '../../src/disk/byte-path.ts';
import { OpenDirectory } from '../../src/disk/open-directory.ts';
import { loadRules, type IgnoreOptions, type GivenRule } from '../../src/ignore/load-rules.ts';
import type { IgnoreRules } from '../../src/ignore/ignore-rules.ts';
import { findIgnoreFile, readGivenIgnoreFile } from '../../src/ignore/ignore-source.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';

const NAMES = ['by-root', 'by-beside', 'by-other', 'by-file'];

describe('the ignore file of a context', () => {
  it('is .dockerignore in its root', async () => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n' });
      expect(ignored(root, {})).toEqual(['by-root']);
    });
  });

  it('is optional', async () => {
    await withDirectory((root) => {
      expect(ignored(root, {})).toEqual([]);
    });
  });

  it('is Dockerfile.dockerignore if there is one, instead of .dockerignore', async () => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': 'by-beside\n' });
      expect(ignored(root, {})).toEqual(['by-beside']);
    });
  });

  it('is Dockerfile.dockerignore even if that is empty: the two are not merged', async () => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': '' });
      expect(ignored(root, {})).toEqual([]);
    });
  });

  it('is the one next to the Dockerfile that --file names, wherever that is', async () => {
    await withDirectory((directory) => {
      const root = join(directory, 'context');
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': 'by-beside\n' });
      writeTree(directory, { 'build/web.Dockerfile': '' });
      writeTree(directory, { 'build/web.Dockerfile.dockerignore': 'by-other\n' });
      const dockerfile = join(directory, 'build/web.Dockerfile');
      expect(ignored(root, { dockerfile })).toEqual(['by-other']);
    });
  });

  it('is .dockerignore if the Dockerfile that --file names has none next to it', async () => {
    await withDirectory((directory) => {
      const root = join(directory, 'context');
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': 'by-beside\n' });
      writeTree(directory, { 'other/Dockerfile': '' });
      expect(ignored(root, { dockerfile: join(directory, 'other/Dockerfile') })).toEqual([
        'by-root',
      ]);
    });
  });

  it('is the one that --ignore-file names, whatever else there is', async () => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': 'by-beside\n' });
      writeTree(root, { 'my rules': 'by-file\n' });
      expect(ignored(root, { ignoreFile: join(root, 'my rules') })).toEqual(['by-file']);
    });
  });

  it('may be a symlink', async () => {
    await withDirectory((root) => {
      writeTree(root, { rules: 'by-root\n' });
      symlinkSync('rules', join(root, '.dockerignore'));
      expect(ignored(root, {})).toEqual(['by-root']);
    });
  });

  it('may be a symlink through directories and symlinks of the context', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/b/rules': 'by-root\n' });
      symlinkSync('a/b', join(root, 'c'));
      symlinkSync(join(root, 'c/rules'), join(root, '.dockerignore'));
      expect(ignored(root, {})).toEqual(['by-root']);
    });
  });

  it('may be a symlink to anywhere if --file or --ignore-file names it outside the context', async () => {
    await withDirectory((directory) => {
      const root = join(directory, 'context');
      writeTree(root, { '.dockerignore': 'by-root\n' });
      writeTree(directory, { rules: 'by-other\n', 'build/Dockerfile': '' });
      symlinkSync('../rules', join(directory, 'build/Dockerfile.dockerignore'));
      expect(ignored(root, { dockerfile: join(directory, 'build/Dockerfile') })).toEqual([
        'by-other',
      ]);
      const ignoreFile = join(directory, 'build/Dockerfile.dockerignore');
      expect(ignored(root, { ignoreFile })).toEqual(['by-other']);
    });
  });

  it('is not read with --no-ignore, whichever it would be', async () => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': '[', 'Dockerfile.dockerignore': '[' });
      expect(ignored(root, { noIgnore: true })).toEqual([]);
      const patterns = [exclude('by-root')];
      expect(ignored(root, { noIgnore: true, rules: patterns })).toEqual(['by-root']);
    });
  });
});

describe('--exclude and --include', () => {
  it.each<[rules: GivenRule[], ignored: string[]]>([
    [[exclude('by-file')], ['by-root', 'by-file']],
    [[include('by-root')], []],
    [
      [exclude('by-*'), include('by-other')],
      ['by-root', 'by-beside', 'by-file'],
    ],
    [[include('by-other'), exclude('by-*')], NAMES],
  ])('add rules after the file, in the order given: %j', async (rules, expected) => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n' });
      expect(ignored(root, { rules })).toEqual(expected);
    });
  });

  it.each<[GivenRule, string]>([
    [exclude('a['), '--exclude'],
    [include('a\\'), '--include'],
  ])('are refused if the pattern is bad: %j', async (option, name) => {
    await withDirectory((root) => {
      expect(failure(root, { rules: [option] })).toMatchObject({
        code: 'bad-ignore-rule',
        message: expect.stringContaining(name),
      });
    });
  });
});

describe('an ignore file is refused', () => {
  it('with the line of its bad pattern', async () => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': 'fine\n\n# note\na[\n' });
      const { code, message } = failure(root, {});
      expect(code).toBe('bad-ignore-rule');
      expect(message).toContain(`${join(root, '.dockerignore')}:4: `);
    });
  });

  it('if --ignore-file names it and it does not exist', async () => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n' });
      expect(failure(root, { ignoreFile: join(root, 'nowhere') })).toMatchObject({
        code: 'bad-ignore-rule',
        message: `the ignore file ${join(root, 'nowhere')}: no such file`,
      });
    });
  });

  it('if its Dockerfile does not exist', async () => {
    await withDirectory((root) => {
      writeTree(root, { file: '' });
      expect(failure(root, { dockerfile: join(root, 'Dockerfile') })).toMatchObject({
        code: 'usage',
        message: `the Dockerfile ${join(root, 'Dockerfile')}: no such file`,
      });
      expect(failure(root, { dockerfile: join(root, 'file/Dockerfile') })).toMatchObject({
        code: 'usage',
        message: expect.stringContaining('not a directory (ENOTDIR)'),
      });
    });
  });

  it('if it is a directory', async () => {
    await withDirectory((root) => {
      mkdirSync(join(root, '.dockerignore'));
      for (const options of [{}, { ignoreFile: root }]) {
        expect(failure(root, options)).toMatchObject({
          code: 'bad-ignore-rule',
          message: expect.stringMatching(/ is not a file$/),
        });
      }
    });
  });

  it('if it is a FIFO in the context or a symlink to one, which is not opened', async () => {
    await withDirectory((root) => {
      execFileSync('mkfifo', [join(root, '.dockerignore')]);
      expect(failure(root, {}).message).toMatch(/\.dockerignore is not a file$/);
      renameSync(join(root, '.dockerignore'), join(root, 'fifo'));
      symlinkSync('fifo', join(root, '.dockerignore'));
      expect(failure(root, {}).message).toMatch(/\.dockerignore is not a file$/);
    });
  });

  it('if it is too large, without being read', async () => {
    await withDirectory((root) => {
      writeTree(root, { '.dockerignore': '#'.repeat(MAX_IGNORE_FILE_BYTES + 1) });
      expect(failure(root, {})).toMatchObject({
        code: 'bad-ignore-rule',
        message: expect.stringContaining(`has ${MAX_IGNORE_FILE_BYTES + 1} bytes`),
      });
    });
  });

  it('if it is a dangling symlink, as a lack of rules would be a surprise', async () => {
    await withDirectory((root) => {
      symlinkSync('missing', join(root, '.dockerignore'));
      expect(failure(root, {}).message).toContain('is a dangling symlink');
    });
  });

  it.each<[what: string, name: string, link: string]>([
    ['.dockerignore', '.dockerignore', '../private'],
    ['.dockerignore, by an absolute path', '.dockerignore', '/etc/passwd'],
    ['.dockerignore, by way of a directory', '.dockerignore', 'out/private'],
    ['Dockerfile.dockerignore', 'Dockerfile.dockerignore', '../private'],
    ['the one beside a Dockerfile in the context', 'web/My.dockerignore', '../../private'],
    ['the root itself', '.dockerignore', '.'],
  ])('if it is a symlink that leads out of the context: %s', async (_, name, link) => {
    await withDirectory((directory) => {
      const root = join(directory, 'context');
      writeTree(root, { Dockerfile: '', 'web/My': '' });
      writeFileSync(join(directory, 'private'), 'hunter2[');
      symlinkSync('..', join(root, 'out'));
      symlinkSync(link, join(root, name));
      const dockerfile = name.startsWith('web') ? join(root, 'web/My') : undefined;
      const { code, message, forPeer } = failure(root, { dockerfile });
      expect(code).toBe('bad-ignore-rule');
      expect(message).toMatch(/is a symlink that leads out of the context|is not a file/);
      expect(`${message} ${forPeer}`).not.toContain('hunter2');
      expect(forPeer).toBe(`the ignore file ${basename(name)} cannot be used`);
    });
  });

  it('if it is a symlink loop', async () => {
    await withDirectory((root) => {
      symlinkSync('.dockerignore', join(root, '.dockerignore'));
      expect(failure(root, {})).toMatchObject({
        code: 'bad-ignore-rule',
        message: expect.stringContaining('(ELOOP)'),
      });
    });
  });
});

function exclude(pattern: string): GivenRule {
  return { rule: pattern, source: '--exclude' };
}

function include(pattern: string): GivenRule {
  return { rule: `!${pattern}`, source: '--include' };
}

/** The names in NAMES that the rules ignore. */
function ignored(root: string, options: IgnoreOptions): string[] {
  const rules = rulesOf(root, options);
  return NAMES.filter((name) => rules.decide(name, rules.root()).ignored);
}

/** Reads the rules as a disk worker does. */
function rulesOf(
  root: string,
  { dockerfile, ignoreFile, noIgnore, rules = [] }: IgnoreOptions,
): IgnoreRules {
  const status = new WorkerStatus();
  const opened = new OpenDirectory(fromText(root));
  try {
    if (noIgnore === true) return loadRules(undefined, rules);
    const file =
      ignoreFile === undefined
        ? findIgnoreFile(opened, fromText(root), dockerfile, status)
        : readGivenIgnoreFile(ignoreFile, status);
    return loadRules(file, rules);
  } finally {
    opened.close();
  }
}

function failure(root: string, options: IgnoreOptions): CtxsyncError {
  try {
    rulesOf(root, options);
  } catch (error) {
    return CtxsyncError.from(error);
  }
  throw new Error('the rules were read');
}
