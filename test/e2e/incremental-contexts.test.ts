import {
  readdirSync,
  appendFileSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAX_HELLO_CONTEXTS } from '../../src/limits.ts';
import { attempt, copyTree, transfer, WAYS, type Reports } from '../helpers/wire/both-ways.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { expectFailure, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';

// Several contexts, each compared with the directory that it becomes.

interface Site {
  directory: string;
  main: string;
  docs: string;
  /** Has both of them. */
  out: string;
}

function withSite<T>(use: (site: Site) => Promise<T>): Promise<T> {
  return withDirectory((directory) => {
    const [main, docs, out] = ['main', 'docs', 'out'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const files = (of: string): [string, string][] =>
      Array.from({ length: 50 }, (_, i) => [`sub/${i}.txt`, `${of} ${i}`]);
    writeTree(main, { 'a.txt': 'main', 'z.txt': 'main', ...Object.fromEntries(files('main')) });
    writeTree(docs, { 'a.txt': 'docs', 'z.txt': 'docs', ...Object.fromEntries(files('docs')) });
    copyTree(main, out);
    copyTree(docs, join(out, 'docs'));
    return use({ directory, main, docs, out });
  });
}

/** What OUT is to become: its own mode and time are those of the main context. */
function joined({ main, docs }: Site): TreeState {
  const inDocs = Object.entries(treeState(docs)).map(([path, state]) => [
    path === '' ? 'docs' : `docs/${path}`,
    state,
  ]);
  return { ...treeState(main), ...(Object.fromEntries(inDocs) as TreeState) };
}

describe.each(WAYS)('a main context and a named one, over %s', (way) => {
  const send = (site: Site, receive: string[] = []): Promise<Reports> =>
    transfer({
      directory: site.directory,
      way,
      send: [site.main, `docs=${site.docs}`],
      receive: [site.out, ...receive],
    });

  test('send nothing that OUT already has', () =>
    withSite(async (site) => {
      const { sent } = await send(site, ['--delete']);
      expect(treeState(site.out)).toEqual(joined(site));
      expect(sent.bytes).toBe(0);
      expect(sent.counts).toMatchObject({ written: 0, unchanged: 2 * 53, removed: 0 });
    }));

  test('are compared each, and only differences are sent', () =>
    withSite(async (site) => {
      appendFileSync(join(site.main, 'sub/7.txt'), '!');
      writeFileSync(join(site.docs, 'sub/new'), 'new');
      const { sent } = await send(site);
      expect(treeState(site.out)).toEqual(joined(site));
      expect(sent.bytes).toBe('main 7!'.length + 'new'.length);
      expect(sent.contexts).toMatchObject([
        { name: '', bytes: 'main 7!'.length },
        { name: 'docs', bytes: 'new'.length },
      ]);
      // The directory has another time.
      expect(sent.counts).toMatchObject({ written: 2, metadataOnly: 1, unchanged: 104 });
    }));

  test('delete with --delete what neither has, and nothing of each other', () =>
    withSite(async (site) => {
      for (const root of [site.main, site.docs]) {
        for (let i = 0; i < 10; i++) unlinkSync(join(root, `sub/${i}.txt`));
      }
      writeTree(site.out, { 'extra/file': 'x', 'docs/extra/file': 'x' });
      const { sent } = await send(site, ['--delete']);
      expect(treeState(site.out)).toEqual(joined(site));
      expect(sent.counts?.removed).toBe(24);
      expect(sent.bytes).toBe(0);
    }));
});

test('--delete with only named contexts keeps what lies beside them', () =>
  withSite(async ({ directory, main, docs, out }) => {
    writeFileSync(join(docs, 'new'), 'new');
    const beside = (root: string): string[] =>
      readdirSync(root).filter((name) => name !== 'docs' && name !== 'main');
    const before = beside(out);
    expect(before.length).toBeGreaterThan(0);
    const send = [`docs=${docs}`, `main=${main}`];
    const { sent } = await transfer({ directory, send, receive: [out, '--delete'] });
    expect(beside(out)).toEqual(before);
    expect(treeState(join(out, 'docs'))).toEqual(treeState(docs));
    expect(treeState(join(out, 'main'))).toEqual(treeState(main));
    // All of main is sent, because OUT has no directory of this name.
    expect(sent.counts).toMatchObject({ written: 54, unchanged: 53, removed: 0 });
  }));

test('a symlink in OUT at the name of a context is replaced and not followed', () =>
  withSite(async (site) => {
    const { directory, main, docs, out } = site;
    const outside = join(directory, 'outside');
    copyTree(docs, outside);
    writeFileSync(join(outside, 'precious'), 'precious');
    const before = treeState(outside);
    rmSync(join(out, 'docs'), { recursive: true });
    symlinkSync(outside, join(out, 'docs'));
    await transfer({ directory, send: [main, `docs=${docs}`], receive: [out, '--delete'] });
    expect(treeState(out)).toEqual(joined(site));
    expect(treeState(outside)).toEqual(before);
  }));

test.each<[what: string, make: (path: string) => void]>([
  ['a directory', (path) => writeTree(path, { file: 'x' })],
  ['an empty directory', (path) => mkdirSync(path)],
  ['a file', (path) => writeFileSync(path, 'x')],
  ['a symlink', (path) => symlinkSync('..', path)],
])('%s in the main context that has the name of another context is refused and named', (_, make) =>
  withSite(async ({ directory, main, docs, out }) => {
    make(join(main, 'docs'));
    const before = treeState(out);
    for (const contexts of [
      [main, `docs=${docs}`],
      [`docs=${docs}`, main],
    ]) {
      const { send, receive } = await attempt({ directory, send: contexts, receive: [out] });
      expectFailure(receive, 5, 'refused docs', 'another context');
      expectFailure(send, 9, 'refused docs');
      expect(treeState(out)).toEqual(before);
    }
  }),
);

test('more contexts than HELLO can name are all sent whole', () =>
  withDirectory(async (directory) => {
    const out = join(directory, 'out');
    const names = Array.from({ length: MAX_HELLO_CONTEXTS + 1 }, (_, i) => `c${i}`);
    for (const name of names) writeTree(join(directory, name), { file: name, 'sub/file': name });
    const contexts = names.map((name) => `${name}=${join(directory, name)}`);
    const expectThere = (some: string[]): void => {
      for (const name of some) {
        expect(treeState(join(out, name))).toEqual(treeState(join(directory, name)));
      }
    };
    await transfer({ directory, send: contexts, receive: [out] });
    expectThere(names);
    const again = await transfer({ directory, send: contexts, receive: [out, '--delete'] });
    expectThere(names);
    expect(again.sent.counts).toMatchObject({
      written: 3 * names.length,
      unchanged: 0,
      removed: 0,
    });
    expect(again.sent.bytes).toBe(2 * names.join('').length);

    const most = contexts.slice(1);
    const fewer = await transfer({ directory, send: most, receive: [out] });
    expectThere(names);
    expect(fewer.sent.counts).toMatchObject({ written: 0, unchanged: 3 * most.length, removed: 0 });
  }));

describe('a transfer of several contexts fails and names the cause', () => {
  test.each([
    ['that is missing', () => {}],
    ['that is a file', (path: string) => writeFileSync(path, '')],
  ])('with a context %s', (_, make) =>
    withSite(async ({ directory, main, docs, out }) => {
      const bad = join(directory, 'bad');
      make(bad);
      writeFileSync(join(main, 'new'), 'new');
      const before = treeState(out);
      for (const contexts of [
        [main, `bad=${bad}`, `docs=${docs}`],
        [`bad=${bad}`, main],
        [bad, `docs=${docs}`],
      ]) {
        const { send, receive } = await attempt({ directory, send: contexts, receive: [out] });
        expectFailure(send, 3, bad);
        expectFailure(receive, 9, 'the sender failed', bad);
        expect(treeState(out)).toEqual(before);
      }
    }),
  );

  test('with a limit of the receiver', () =>
    withSite(async ({ directory, main, docs, out }) => {
      writeFileSync(join(docs, 'new'), 'new');
      const before = treeState(out);
      const limit = '--max-entries=80';
      const { send, receive } = await attempt({
        directory,
        send: [main, `docs=${docs}`],
        receive: [out, limit],
      });
      const remedy = '("receive --max-entries" raises the limit)';
      expectFailure(receive, 5, remedy);
      expectFailure(send, 9, remedy);
      expect(treeState(out)).toEqual(before);
    }));
});
