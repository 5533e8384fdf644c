import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toText } from '../../src/disk/byte-path.ts';
import { RING_BYTES } from '../../src/limits.ts';
import { pipeline, run } from '../helpers/cli/cli.ts';
import { overSocket, receiveCommand } from '../helpers/cli/duplex.ts';
import { rounds, SEED, SEEDED } from '../helpers/proofs.ts';
import { changeRandomly, withRandomPair } from '../helpers/trees/random-tree.ts';
import { expectExit, expectFailure, withScene } from '../helpers/trees/sandbox.ts';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';

const SEEDS = Array.from({ length: rounds(60) }, (_, index) => SEED + index);
const ITEM = /^(?:[>ch.][fdL][.+c][.+s][.+t][.+p][.+]{5}|\*deleting {2}) /;

/** The lines of -i. */
function itemsIn(stderr: string): string[] {
  return stderr.split('\n').filter((line) => ITEM.test(line));
}

/** On a busy machine no run is too short for them. */
function withoutPhases(stderr: string): string {
  return stderr.replaceAll(/^ctxsync send: (?:comparing|sending|committing)\n/gm, '');
}

/**
 * What a comparison of OUT before and after has to find.
 * @param staysInPlace content that the sender has too does not arrive
 */
function expectedItems(before: TreeState, after: TreeState, staysInPlace: boolean): string[] {
  const lines: string[] = [];
  for (const path of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[path]?.split(' '), after[path]?.split(' ')];
    const code = is === undefined ? '*deleting  ' : codeOf(was, is, staysInPlace);
    const slash = (is ?? was)?.[0] === 'directory' ? '/' : '';
    if (code !== undefined) lines.push(`${code} ${path === '' ? '.' : toText(path)}${slash}`);
  }
  return lines;
}

/** The words of treeState(). */
function codeOf(
  was: string[] | undefined,
  [kind, ...is]: string[],
  staysInPlace: boolean,
): string | undefined {
  const letter = { file: 'f', directory: 'd', symlink: 'L' }[kind ?? ''];
  if (was?.[0] !== kind) return `${kind === 'file' ? '>f' : `c${letter}`}+++++++++`;
  const differs = (at: number): boolean => was?.[at + 1] !== is[at];
  const mark = (isOther: boolean, sign: string): string => (isOther ? sign : '.');
  if (kind === 'symlink') {
    // time -> text
    const isOther = was?.slice(3).join(' ') !== is.slice(2).join(' ');
    const code = `${mark(isOther, 'c')}.${mark(differs(0), 't')}......`;
    return isOther || differs(0) ? `${isOther ? 'c' : '.'}L${code}` : undefined;
  }
  const [p, t] = [differs(0), differs(1)];
  if (kind === 'directory') return p || t ? `.d..${mark(t, 't')}${mark(p, 'p')}.....` : undefined;
  const s = differs(2);
  const stays = staysInPlace && !s && !differs(3);
  if (p || t || s)
    return `${stays ? '.' : '>'}f.${mark(s, 's')}${mark(t, 't')}${mark(p, 'p')}.....`;
  if (differs(3)) return '>fc........';
  // Only what it is a hard link of has changed.
  return was?.length === is.length + 1 && was.at(-1) === is.at(-1) ? undefined : '>f.........';
}

/**
 * Whether a file became a hard link of another, or none, and with that whether its content stayed, depends on
 * the others.
 */
function withoutLinks(lines: string[], linked: ReadonlySet<string> = new Set()): string[] {
  return lines
    .map((line) => (linked.has(line.slice(12)) ? line.replace(/^[h.]f/, '>f') : line))
    .filter((line) => !line.startsWith('>f......... '))
    .toSorted();
}

/** Files that have several names, as -i prints them. */
function linkedIn(...trees: TreeState[]): Set<string> {
  const entries = trees.flatMap((tree) => Object.entries(tree));
  const linked = entries.filter(([, words]) => words.startsWith('file ') && words.includes(' = '));
  return new Set(linked.map(([path]) => toText(path)));
}

describe.each(['a pipe', 'a socket', 'a command'] as const)('-i over %s', (way) => {
  test.each(SEEDS)(`lists exactly what changed in OUT, tree %d ${SEEDED}`, (seed: number) =>
    withRandomPair(seed, async ({ directory, context, out, random }) => {
      changeRandomly(context, random, 12);
      changeRandomly(out, random, 6);
      const receive = [out, ...(seed % 3 === 0 ? [] : ['--delete'])];
      const send = [context, ...(way !== 'a pipe' && seed % 2 === 0 ? ['--checksum'] : [])];
      const before = treeState(out);
      const said: string[] = [];
      if (way === 'a pipe') said.push((await pipeline(send, ['-i', ...receive])).receive.stderr);
      else if (way === 'a command') {
        said.push((await run(['send', '-i', ...send, ...receiveCommand(...receive)])).stderr);
      } else {
        const both = await overSocket({ directory }, ['-i', ...send], ['-i', ...receive]);
        said.push(both.send.stderr, both.receive.stderr);
      }
      const after = treeState(out);
      const linked = linkedIn(before, after);
      const expected = withoutLinks(expectedItems(before, after, way !== 'a pipe'), linked);
      for (const stderr of said) expect(withoutLinks(itemsIn(stderr), linked)).toEqual(expected);
    }),
  );
});

describe('-i', () => {
  test('prints rsync lines, without a prefix, and names what garbles a terminal as elsewhere', () =>
    withScene(async ({ directory }) => {
      const context = join(directory, 'ctx');
      mkdirSync(join(context, 'sub'), { recursive: true });
      writeFileSync(join(context, 'a\nb'), 'x');
      symlinkSync('a', join(context, 'link'));
      const out = join(directory, 'fresh');
      const first = await run(['send', '-i', context, ...receiveCommand(out)]);
      expectExit(first, 0);
      expect(withoutPhases(first.stderr).split('\n').slice(0, 4)).toEqual([
        'cd+++++++++ ./',
        '>f+++++++++ a\\x0ab',
        'cL+++++++++ link',
        'cd+++++++++ sub/',
      ]);
      utimesSync(join(context, 'sub'), 1, 1);
      const second = await run(['send', '-i', context, ...receiveCommand(out)]);
      expect(withoutPhases(second.stderr)).toMatch(
        /^\.d\.\.t\.{6} sub\/\nctxsync send: 1 only in mode or time, /,
      );
      const third = await run(['send', '-i', context, ...receiveCommand(out)]);
      expect(withoutPhases(third.stderr)).toMatch(/^ctxsync send: up to date, .*\n$/);
    }));

  test('loses no line of a list that is longer than any buffer', () =>
    withScene(async ({ directory }) => {
      const context = join(directory, 'ctx');
      const deep = join(context, ...Array.from({ length: 3 }, () => 'd'.repeat(240)));
      mkdirSync(deep, { recursive: true });
      const count = Math.ceil(RING_BYTES / 1_000) + 1_500;
      for (let i = 0; i < count; i++) writeFileSync(join(deep, `${'f'.repeat(240)}-${i}`), '');
      const out = join(directory, 'fresh');
      const { send, receive } = await overSocket({ directory }, ['-i', context], ['-i', out]);
      for (const { code, stderr } of [send, receive]) {
        expect(code).toBe(0);
        expect(itemsIn(stderr).toSorted()).toEqual(
          expectedItems({}, treeState(out), true).toSorted(),
        );
        expect(stderr.length).toBeGreaterThan(1.2 * RING_BYTES);
      }
    }));

  test('is an event each in JSON, and nothing when quiet', () =>
    withScene(async ({ directory, context }) => {
      const out = join(directory, 'fresh');
      const json = await run(['send', '-i', '--progress=json', context, ...receiveCommand(out)]);
      const events = json.stderr
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as object);
      expect(events).toContainEqual({
        type: 'item',
        side: 'sender',
        code: 'cd+++++++++',
        path: './',
      });
      const quiet = await run([
        'send',
        '-iq',
        context,
        ...receiveCommand(join(directory, 'again')),
      ]);
      expect(quiet).toMatchObject({ code: 0, stderr: '' });
    }));

  test('lists nothing of a transfer that fails', () =>
    withScene(async ({ context, out }) => {
      const failed = await run([
        'send',
        '-i',
        context,
        ...receiveCommand('--max-entries', '0', '-i', out),
      ]);
      expectFailure(failed, 9, 'more than 0 entries');
      expect(itemsIn(failed.stderr)).toEqual([]);
    }));

  test.each([
    [['send', '-i', 'CONTEXT'], 'needs a receiver that answers'],
    [['receive', '-i', '-'], '--itemize is for a directory'],
    [['receive', '-i', 'OUT', '--serve', '--socket', 'S'], '--itemize is for one transfer'],
  ])('is refused where there is no such list: %j', (args, words) =>
    withScene(async ({ context, out, directory }) => {
      const named = args.map((arg) => arg.replace('CONTEXT', context).replace('OUT', out));
      expectFailure(await run(named, { cwd: directory }), 2, words);
    }),
  );
});
