import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * What each room of src may import from, beside itself and the leaves. It is an allow list: a room
 * that is not entered here may import nothing. Every room stands below those that import it, so a
 * list from the bottom up leaves no way to point upwards or round in a circle.
 */
const ROOMS: [room: string, mayImport: string[]][] = [
  ['disk', []],
  ['flow', []],
  ['wire', ['flow']],
  ['observe', ['disk']],
  ['transport', ['disk']],
  ['bootstrap', ['transport']],
  ['entry', ['disk']],
  ['ignore', ['disk']],
  ['pool', ['disk']],
  ['tree', ['disk', 'entry', 'ignore', 'pool']],
  ['survey', ['disk', 'entry', 'ignore', 'tree']],
  ['tar', ['disk', 'entry']],
  ['dest', ['disk', 'entry', 'pool']],
  ['worker', ['dest', 'disk', 'entry', 'flow', 'ignore', 'pool', 'survey', 'tar', 'tree']],
  ['transfer', ['dest', 'disk', 'entry', 'flow', 'observe', 'pool', 'transport', 'wire', 'worker']],
  [
    'send',
    [
      'disk',
      'entry',
      'flow',
      'ignore',
      'observe',
      'survey',
      'tar',
      'transfer',
      'transport',
      'wire',
      'worker',
    ],
  ],
  [
    'receive',
    ['dest', 'disk', 'entry', 'flow', 'observe', 'transfer', 'transport', 'wire', 'worker'],
  ],
  ['serve', ['entry', 'observe', 'receive', 'transfer', 'transport']],
  ['explain', ['disk', 'flow', 'observe', 'send', 'survey', 'transfer', 'transport', 'worker']],
  ['cli/completion', []],
  ['cli/view', ['bootstrap', 'disk', 'explain', 'observe', 'serve', 'survey']],
  [
    'cli',
    [
      'bootstrap',
      'cli/completion',
      'cli/view',
      'disk',
      'explain',
      'ignore',
      'observe',
      'receive',
      'send',
      'serve',
      'transfer',
      'transport',
      'worker',
    ],
  ],
];

/** Files beside the rooms that every room may import; index.ts is the library's face. */
const LEAVES = new Set([
  'error-code.ts',
  'errors.ts',
  'limits.ts',
  'remedy.ts',
  'report.ts',
  'require-package.ts',
  'short-path.ts',
  'with-timeout.ts',
]);
const FACE = 'index.ts';

/** What the rooms that are sans-I/O may not take from Node: bytes in, bytes and events out. */
const SANS_IO = new Set(['flow', 'wire']);
const OUTER_WORLD =
  /^(?:node:)?(?:fs|net|process|timers|child_process|worker_threads|os|http|dgram)(?:\/|$)/u;

const SRC = join(dirname(fileURLToPath(import.meta.url)), '../src');

/** `from './x'`, `import './x'` and `import('./x')`, in types as well. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/gu;

/** What is wrong with the imports of one file, `file` being relative to src. */
function faults(file: string, source: string): string[] {
  const room = posix.dirname(file);
  const found: string[] = [];
  for (const [, target = ''] of source.matchAll(IMPORT)) {
    const fault = target.startsWith('.')
      ? faultOf(file, room, posix.normalize(posix.join(room, target)))
      : outside(room, target);
    if (fault) found.push(`${file} imports ${target}: ${fault}`);
  }
  return found;
}

function outside(room: string, target: string): string | undefined {
  return SANS_IO.has(room) && OUTER_WORLD.test(target) ? `${room} is sans-I/O` : undefined;
}

function faultOf(file: string, room: string, target: string): string | undefined {
  if (target.startsWith('..')) return 'it lies outside src';
  const targetRoom = posix.dirname(target);
  if (file === FACE) return undefined;
  if (targetRoom === '.') {
    return LEAVES.has(target) ? undefined : `${target} is not a leaf`;
  }
  if (room === '.') return 'a leaf imports no room';
  if (targetRoom === room) return undefined;
  const allowed = ROOMS.find(([name]) => name === room)?.[1];
  if (!allowed) return `${room} is not entered in the list`;
  return allowed.includes(targetRoom) ? undefined : `${room} may not import ${targetRoom}`;
}

/** An option of ctxsync, or one of its commands with "-", in what is not a comment. */
function optionsNamed(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gmu, '');
  const words = [...code.matchAll(/(?<![\w-])--[a-z][a-z-]*|\b(?:send|receive) -(?=[\s"'`])/gu)];
  return words.map(([word]) => word).filter((word) => !word.startsWith('--') || OPTIONS.has(word));
}

/** What the commands and their common parts define. */
const OPTIONS = new Set(
  [
    'send-command.ts',
    'receive-command.ts',
    'explain-command.ts',
    'common-options.ts',
    'ignore-options.ts',
    'warn-above-option.ts',
  ].flatMap((file) =>
    [...readFileSync(join(SRC, 'cli', file), 'utf8').matchAll(/'(?:-\w, )?(--[a-z-]+)/gu)].map(
      ([, option = '']) => option,
    ),
  ),
);

describe('the names of options', () => {
  it('are known to the command line alone', () => {
    expect(OPTIONS.size).toBeGreaterThan(20);
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.startsWith('cli/'),
    );
    const found = files.flatMap((file) =>
      optionsNamed(readFileSync(join(SRC, file), 'utf8')).map((option) => `${file}: ${option}`),
    );
    expect(found).toEqual([]);
  });

  it.each([
    ["throw usage('refused; use --max-bytes');", ['--max-bytes']],
    ['`--socket ${path}: no such file`', ['--socket']],
    ['\'a tar for "receive -" only\'', ['receive -']],
    ["spawn('getfattr', ['--match=x']) // --delete", []],
    ['/** With --delete. */', []],
  ])('are seen in %s', (source, found) => {
    expect(optionsNamed(source)).toEqual(found);
  });
});

describe('the rooms of src', () => {
  it('import downwards only, and only what the list allows', () => {
    const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => relative(SRC, join(entry.parentPath, entry.name)));
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap((file) => faults(file, readFileSync(join(SRC, file), 'utf8')))).toEqual(
      [],
    );
  });

  it('import from every room that the list allows them: what is not needed is not allowed', () => {
    const unused = ROOMS.flatMap(([room, mayImport]) => {
      const files = readdirSync(join(SRC, room)).filter((file) => file.endsWith('.ts'));
      const targets = files.flatMap((file) =>
        [...readFileSync(join(SRC, room, file), 'utf8').matchAll(IMPORT)].map(([, target = '']) =>
          posix.dirname(posix.normalize(posix.join(room, target))),
        ),
      );
      const needed = new Set(targets);
      return mayImport
        .filter((target) => !needed.has(target))
        .map((target) => `${room} imports nothing of ${target}`);
    });
    expect(unused).toEqual([]);
  });

  it('are listed from the bottom up', () => {
    const below = new Set<string>();
    for (const [room, mayImport] of ROOMS) {
      expect({ room, above: mayImport.filter((target) => !below.has(target)) }).toEqual({
        room,
        above: [],
      });
      below.add(room);
    }
  });

  it.each([
    ['disk/a.ts', `import { send } from '../send/send.ts';`],
    ['cli/view/a.ts', `import type { X } from '../../send/send.ts';`],
    ['cli/view/a.ts', `import '../main.ts';`],
    ['new-room/a.ts', `import { x } from '../disk/mtime.ts';`],
    ['disk/deeper/a.ts', `import { x } from '../mtime.ts';`],
    ['disk/a.ts', `export * from '../index.ts';`],
    ['disk/a.ts', `const x = await import('../worker/jobs.ts');`],
    ['disk/a.ts', `import {\n  x,\n} from "../../test/helpers/until.ts";`],
    ['limits.ts', `import { x } from './disk/mtime.ts';`],
    ['wire/a.ts', `import { readSync } from 'node:fs';`],
    ['flow/a.ts', `import { setTimeout } from 'timers/promises';`],
  ])('may not do this: %s, %s', (file, source) => {
    expect(faults(file, source)).toHaveLength(1);
  });
});
