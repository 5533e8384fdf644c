import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Gauge } from '../../src/disk/gauge.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_IGNORE_FILE_BYTES } from '../../src/limits.ts';
import {
  readContextRules,
  type IgnoreOptions,
  type PatternOption,
} from '../../src/tree/context-rules.ts';
import { withFolder } from '../helpers/folder.ts';
import { writeTree } from '../helpers/scene.ts';

const NAMES = ['by-root', 'by-beside', 'by-other', 'by-file'];

describe('the ignore file of a context', () => {
  it('is .dockerignore in its root', async () => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n' });
      expect(ignored(root, {})).toEqual(['by-root']);
    });
  });

  it('is not needed', async () => {
    await withFolder((root) => {
      expect(ignored(root, {})).toEqual([]);
    });
  });

  it('is Dockerfile.dockerignore, if there is one, and not .dockerignore as well', async () => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': 'by-beside\n' });
      expect(ignored(root, {})).toEqual(['by-beside']);
    });
  });

  it("is Dockerfile.dockerignore also when that is empty: it's not merged", async () => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': '' });
      expect(ignored(root, {})).toEqual([]);
    });
  });

  it('is the one beside the Dockerfile that --file names, wherever that is', async () => {
    await withFolder((folder) => {
      const root = join(folder, 'context');
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': 'by-beside\n' });
      writeTree(folder, { 'build/web.Dockerfile': '' });
      writeTree(folder, { 'build/web.Dockerfile.dockerignore': 'by-other\n' });
      const dockerfile = join(folder, 'build/web.Dockerfile');
      expect(ignored(root, { dockerfile })).toEqual(['by-other']);
    });
  });

  it('is .dockerignore when the Dockerfile that --file names has none beside it', async () => {
    await withFolder((folder) => {
      const root = join(folder, 'context');
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': 'by-beside\n' });
      writeTree(folder, { 'other/Dockerfile': '' });
      expect(ignored(root, { dockerfile: join(folder, 'other/Dockerfile') })).toEqual(['by-root']);
    });
  });

  it('is the one that --ignore-file names, whatever else there is', async () => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n', 'Dockerfile.dockerignore': 'by-beside\n' });
      writeTree(root, { 'my rules': 'by-file\n' });
      expect(ignored(root, { ignoreFile: join(root, 'my rules') })).toEqual(['by-file']);
    });
  });

  it('may be a symlink', async () => {
    await withFolder((root) => {
      writeTree(root, { rules: 'by-root\n' });
      symlinkSync('rules', join(root, '.dockerignore'));
      expect(ignored(root, {})).toEqual(['by-root']);
    });
  });

  it('is not read with --no-ignore, whichever it would be', async () => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': '[', 'Dockerfile.dockerignore': '[' });
      expect(ignored(root, { noIgnore: true })).toEqual([]);
      const patterns = [exclude('by-root')];
      expect(ignored(root, { noIgnore: true, patterns })).toEqual(['by-root']);
    });
  });
});

describe('--exclude and --include', () => {
  it.each<[patterns: PatternOption[], ignored: string[]]>([
    [[exclude('by-file')], ['by-root', 'by-file']],
    [[include('by-root')], []],
    [
      [exclude('by-*'), include('by-other')],
      ['by-root', 'by-beside', 'by-file'],
    ],
    [[include('by-other'), exclude('by-*')], NAMES],
  ])('are rules after the file, in the order given: %j', async (patterns, expected) => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n' });
      expect(ignored(root, { patterns })).toEqual(expected);
    });
  });

  it.each<[PatternOption, string]>([
    [exclude('a['), '--exclude'],
    [include('a\\'), '--include'],
  ])('are refused when the pattern is bad: %j', async (option, name) => {
    await withFolder((root) => {
      expect(failure(root, { patterns: [option] })).toMatchObject({
        code: 'bad-ignore-rule',
        message: expect.stringContaining(name),
      });
    });
  });
});

describe('an ignore file that cannot be used', () => {
  it('is named with the line of its bad pattern', async () => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': 'fine\n\n# note\na[\n' });
      const { code, message } = failure(root, {});
      expect(code).toBe('bad-ignore-rule');
      expect(message).toContain(`${join(root, '.dockerignore')}:4: `);
    });
  });

  it('is an error when --ignore-file names it and it is not there', async () => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': 'by-root\n' });
      expect(failure(root, { ignoreFile: join(root, 'nowhere') })).toMatchObject({
        code: 'bad-ignore-rule',
        message: `--ignore-file ${join(root, 'nowhere')}: no such file`,
      });
    });
  });

  it('has a Dockerfile that is not there', async () => {
    await withFolder((root) => {
      writeTree(root, { file: '' });
      expect(failure(root, { dockerfile: join(root, 'Dockerfile') })).toMatchObject({
        code: 'usage',
        message: `--file ${join(root, 'Dockerfile')}: no such file`,
      });
      expect(failure(root, { dockerfile: join(root, 'file/Dockerfile') })).toMatchObject({
        code: 'usage',
        message: expect.stringContaining('not a directory (ENOTDIR)'),
      });
    });
  });

  it('is a folder, or a FIFO, which is not opened', async () => {
    await withFolder((root) => {
      mkdirSync(join(root, '.dockerignore'));
      execFileSync('mkfifo', [join(root, 'fifo')]);
      for (const options of [{}, { ignoreFile: join(root, 'fifo') }]) {
        expect(failure(root, options)).toMatchObject({
          code: 'bad-ignore-rule',
          message: expect.stringMatching(/(\.dockerignore|fifo) is not a file$/),
        });
      }
    });
  });

  it('is too large, and is not read', async () => {
    await withFolder((root) => {
      writeTree(root, { '.dockerignore': '#'.repeat(MAX_IGNORE_FILE_BYTES + 1) });
      expect(failure(root, {})).toMatchObject({
        code: 'bad-ignore-rule',
        message: expect.stringContaining(`has ${MAX_IGNORE_FILE_BYTES + 1} bytes`),
      });
    });
  });

  it('leads in a circle', async () => {
    await withFolder((root) => {
      symlinkSync('.dockerignore', join(root, '.dockerignore'));
      expect(failure(root, {})).toMatchObject({
        code: 'bad-ignore-rule',
        message: expect.stringContaining('(ELOOP)'),
      });
    });
  });
});

function exclude(pattern: string): PatternOption {
  return { option: '--exclude', pattern };
}

function include(pattern: string): PatternOption {
  return { option: '--include', pattern };
}

/** Which of NAMES the rules ignore. */
function ignored(root: string, options: IgnoreOptions): string[] {
  const rules = readContextRules(root, options, new Gauge());
  return NAMES.filter((name) => rules.decide(name, rules.root()).ignored);
}

function failure(root: string, options: IgnoreOptions): CtxsyncError {
  try {
    readContextRules(root, options, new Gauge());
  } catch (error) {
    return CtxsyncError.from(error);
  }
  throw new Error('the rules were read');
}
