import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { fromText, type BytePath } from '../../src/disk/byte-path.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { sourceError } from '../../src/disk/system-error.ts';
import { ATTRIBUTE_BATCH_BYTES } from '../../src/limits.ts';
import { LostAttributes, type RunTool } from '../../src/tree/lost-attributes.ts';
import { walk, type WalkOptions } from '../../src/tree/walk.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { walkOptions } from '../helpers/cli/incremental.ts';

describe('what getfattr prints', () => {
  it('is reported once for each file that was added, with what else was lost', () => {
    const printed =
      '# file: /c/tool\nsecurity.capability\nsystem.posix_acl_access\nuser.a\nuser.b\n\n' +
      '# file: /c/new\\012line\\134\nuser.a\n\n' +
      '# file: /c/other\nuser.a\n\n';
    expect(report(['tool', 'new\nline\\', 'plain'], () => printed)).toEqual([
      [
        'tool',
        'setuid; file capabilities are dropped; the ACL is dropped; extended attributes are dropped',
      ],
      ['new\nline\\', 'setuid; extended attributes are dropped'],
      ['plain', 'setuid'],
    ]);
  });

  it('covers many files at a time, and as many as the bound allows', () => {
    const sizes: number[] = [];
    const names = Array.from({ length: 3_000 }, (_, at) => `${at}`.padStart(100, 'x'));
    const reported = report(names, (_, paths) => {
      sizes.push(paths.length);
      return '';
    });
    expect(reported).toHaveLength(names.length);
    expect(sizes).toHaveLength(5);
    expect(Math.max(...sizes)).toBeLessThan(ATTRIBUTE_BATCH_BYTES + 200);
  });
});

describe('if getfattr is not installed,', () => {
  it.each([
    ['getcap of today', '/c/tool cap_net_raw=ep\n/c/a b cap_net_raw,cap_chown=ep\n/c/all =ep\n'],
    [
      'an older getcap',
      '/c/tool = cap_net_raw+ep\n/c/a b = cap_net_raw,cap_chown+ep\n/c/all =ep\n',
    ],
  ])('file capabilities are reported by %s', (_, printed) => {
    const run: RunTool = ([tool]) => (tool === 'getcap' ? printed : undefined);
    const lost = 'setuid; file capabilities are dropped';
    expect(report(['tool', 'a', 'a b', 'all'], run)).toEqual([
      ['tool', lost],
      ['a', 'setuid'],
      ['a b', lost],
      ['all', lost],
    ]);
  });

  it('and neither is getcap, other losses are reported, and both are looked for once', () => {
    let runs = 0;
    const names = Array.from({ length: 3_000 }, (_, at) => `${at}`.padStart(100, 'x'));
    const reported = report(names, () => {
      runs += 1;
      return undefined;
    });
    expect(reported).toHaveLength(names.length);
    expect(runs).toBe(2);
  });
});

describe('if getfattr fails and prints nothing,', () => {
  it('getcap checks these files, and getfattr the next ones', () => {
    const asked: string[] = [];
    const run: RunTool = ([tool = '']) => {
      asked.push(tool);
      if (tool === 'getcap') return '/c/tool cap_net_raw=ep\n';
      return asked.length === 1 ? false : '';
    };
    const reported: string[] = [];
    const attributes = new LostAttributes(
      '/c',
      (path) => reported.push(path),
      new WorkerStatus(),
      run,
    );
    for (let batch = 0; batch < 2; batch += 1) {
      attributes.add('tool', undefined);
      attributes.end();
    }
    expect(reported).toEqual(['tool']);
    expect(asked).toEqual(['getfattr', 'getcap', 'getfattr']);
  });

  it.skipIf(!canSet('capability'))(
    'getcap is also used if getfattr does not know our options',
    () =>
      withDirectory((root) => {
        const tools = join(root, 'tools');
        mkdirSync(tools);
        writeFileSync(join(tools, 'getfattr'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
        copyFileSync('/bin/true', join(root, 'tool'));
        execFileSync('setcap', ['cap_net_raw+ep', join(root, 'tool')]);
        vi.stubEnv('PATH', `${tools}:${process.env['PATH']}`);
        try {
          expect(walked(root)).toEqual([['tool', 'file capabilities are dropped']]);
        } finally {
          vi.unstubAllEnvs();
        }
      }),
  );
});

describe('a walk', () => {
  it.skipIf(!canSet('user'))('reports extended attributes of the executables that are sent', () =>
    withDirectory((root) => {
      for (const name of ['tool', 'ignored', 'data']) {
        writeFileSync(join(root, name), '');
        execFileSync('setfattr', ['-n', 'user.a', join(root, name)]);
        if (name !== 'data') chmodSync(join(root, name), 0o755);
      }
      expect(walked(root)).toEqual([['tool', 'extended attributes are dropped']]);
    }),
  );

  it.skipIf(!canSet('capability'))('reports file capabilities along with setuid', () =>
    withDirectory((root) => {
      const path = join(root, 'caf\u00e9');
      copyFileSync('/bin/true', path);
      chmodSync(path, 0o4755);
      execFileSync('setcap', ['cap_net_raw+ep', path]);
      const words = 'setuid and setgid are dropped; file capabilities are dropped';
      expect(walked(root)).toEqual([[fromText('caf\u00e9'), words]]);
    }),
  );
  it('that its reader abandons runs no tool', () =>
    withTool((root, options, ran) => {
      for (const entry of walk(root, options)) if (entry.path === 'tool') break;
      expect(ran()).toBe(0);
    }));

  it('that fails runs no tool, and throws the failure', () =>
    withTool((root, options, ran) => {
      const failed = sourceError(Object.assign(new Error(), { code: 'EIO' }), 'read', 'tool');
      options.unreadable.add(failed, 'tool');
      expect(() => Array.from(walk(root, options))).toThrow(failed);
      expect(ran()).toBe(0);
    }));

  it('that completes runs the tool once', () =>
    withTool((root, options, ran) => {
      Array.from(walk(root, options));
      expect(ran()).toBe(1);
    }));
});

/** A context with one executable, and how often a walk of it ran a tool. */
function withTool(
  use: (root: BytePath, options: WalkOptions, ran: () => number) => void,
): Promise<void> {
  return withDirectory((directory) => {
    writeFileSync(join(directory, 'tool'), '');
    chmodSync(join(directory, 'tool'), 0o755);
    let runs = 0;
    const run: RunTool = () => {
      runs += 1;
      return '';
    };
    const root = fromText(directory);
    const attributes = new LostAttributes(root, () => {}, new WorkerStatus(), run);
    use(root, { ...walkOptions(), attributes }, () => runs);
  });
}

/** What is reported about files that all lost their setuid bit. */
function report(names: string[], run: RunTool): [string, string][] {
  const reported: [string, string][] = [];
  const onChanged = (path: string, reason: string): void => void reported.push([path, reason]);
  const attributes = new LostAttributes('/c', onChanged, new WorkerStatus(), run);
  for (const name of names) attributes.add(name, 'setuid');
  attributes.end();
  return reported;
}

function walked(root: string): [string, string][] {
  const reported: [string, string][] = [];
  const onChanged = (path: string, reason: string): void => void reported.push([path, reason]);
  const attributes = new LostAttributes(fromText(root), onChanged, new WorkerStatus());
  const options = { ...walkOptions('ignored\n'), onChanged, attributes };
  Array.from(walk(fromText(root), options));
  return reported;
}

/** Whether the tools exist, and the disk and the user permit it. */
function canSet(what: 'user' | 'capability'): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'ctxsync-attributes-'));
  const path = join(directory, 'a');
  const [command, ...args] =
    what === 'user' ? ['setfattr', '-n', 'user.a', path] : ['setcap', 'cap_net_raw+ep', path];
  try {
    writeFileSync(path, '');
    execFileSync('getfattr', ['--version'], { stdio: 'ignore' });
    execFileSync(command ?? '', args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
