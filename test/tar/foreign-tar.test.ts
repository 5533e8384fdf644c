import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';
import { EntryValidator } from '../../src/entry/entry-validator.ts';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { TarWriter } from '../../src/tar/tar-writer.ts';
import { unpackTar } from '../../src/tar/unpack-tar.ts';
import { StageWriter } from '../../src/dest/stage-writer.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { anEntry, MemorySink, MemorySource } from '../helpers/trees/archive-io.ts';
import {
  makeDirectory,
  removeDirectory,
  withDirectory,
} from '../helpers/trees/temporary-directory.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { someBytes } from '../helpers/wire/harness.ts';
import { held } from '../helpers/disk/held.ts';

/** Formats that hold names of any length, and those that do not. */
const FORMATS = { long: ['gnu', 'oldgnu', 'pax'], short: ['ustar', 'v7'] };
/** Other programs that write tars, in each of their formats, and whether that holds names of any length. */
const OTHER_TARS: [program: string, format: string, long: boolean][] = [
  ['bsdtar', 'pax', true],
  ['bsdtar', 'gnutar', true],
  ['bsdtar', 'ustar', false],
  ['bsdtar', 'v7', false],
  ['python3', 'PAX', true],
  ['python3', 'GNU', true],
  ['python3', 'USTAR', false],
  ['npm tar', 'pax', true],
];
const HAS_GNU_TAR = says('tar', 'GNU tar');
const HAS_GIT = says('git', 'git version');

let source = '';
beforeEach(() => (source = makeDirectory()));
afterEach(() => removeDirectory(source));

function says(program: string, what: string): boolean {
  try {
    return execFileSync(program, ['--version'], { stdio: 'pipe' }).includes(what);
  } catch {
    return false;
  }
}

function makeFile(path: string, size: number): void {
  const file = join(source, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, someBytes(size));
}

/** A tree that every format can hold. */
function makeTree(): void {
  for (const size of [0, 1, 511, 512, 513, 70_000]) makeFile(`sizes/${size}`, size);
  makeFile('first', 700);
  linkSync(join(source, 'first'), join(source, 'second'));
  symlinkSync('sizes/1', join(source, 'symlink'));
  symlinkSync('/nowhere', join(source, 'dangling'));
  mkdirSync(join(source, 'empty'));
}

/** Paths and link texts around the size limits of the fields in all formats. */
function makeLongNames(): void {
  for (const length of [97, 98, 99, 100, 101, 153, 155, 156, 255]) {
    makeFile('n'.repeat(length), length);
    makeFile(`${'d'.repeat(length)}/file`, length);
    makeFile(`deep/${'d'.repeat(100)}/${'e'.repeat(100)}/${'n'.repeat(length)}`, length);
    symlinkSync('t'.repeat(length), join(source, `to-${length}`));
  }
  linkSync(join(source, 'n'.repeat(156)), join(source, `h${'n'.repeat(156)}`));
}

/** Holes at the start, at the end, in between and throughout, in more pieces than fit into a header. */
function makeSparseFiles(): void {
  const makeSparse = (name: string, size: number, dataAt: number[]) => {
    makeFile(name, 0);
    const fd = openSync(join(source, name), 'r+');
    for (const at of dataAt) writeSync(fd, someBytes(700), 0, 700, at);
    closeSync(fd);
    truncateSync(join(source, name), size);
  };
  makeSparse('all-hole', 1_000_000, []);
  makeSparse('hole-behind', 1_000_001, [0]);
  makeSparse('hole-before', 1_000_700, [1_000_000]);
  makeSparse('n'.repeat(150), 3_000_000, [700_000, 1_500_000, 2_000_123]);
  makeSparse(
    'many',
    5_000_000,
    Array.from({ length: 100 }, (_, i) => i * 50_000),
  );
}

/** Whole seconds, which every format preserves; deepest paths first. */
function setTimes(): void {
  const seconds = Date.parse('2020-01-02T03:04:05Z') / 1000;
  for (const path of Object.keys(treeState(source)).toReversed()) {
    lutimesSync(join(source, path), seconds, seconds);
  }
}

function tar(...args: string[]): Buffer {
  return execFileSync('tar', ['-C', source, '-cf', '-', ...args], { maxBuffer: 2 ** 26 });
}

/** The tree that is unpacked from an archive. */
function unpacked(archive: Buffer): Promise<Record<string, string>> {
  return withDirectory((directory) => {
    unpackTar(
      new TarReader(new MemorySource(archive, [1_000])),
      new StageWriter(held(directory), 0o022, new WorkerStatus()),
      {
        validator: new EntryValidator(Budget.create({ maxEntries: 1_000, maxBytes: 2 ** 30 })),
        onSkipped: () => {},
        onChanged: () => {},
        onEntry: () => {},
      },
    );
    return treeState(directory, { root: false });
  });
}

describe('archives of GNU tar', () => {
  beforeEach((context) => {
    if (!HAS_GNU_TAR) context.skip('GNU tar is not on PATH');
    makeTree();
  });

  test.each([...FORMATS.long, ...FORMATS.short])(
    'in format %s are unpacked as they were',
    async (format) => {
      setTimes();
      expect(await unpacked(tar(`--format=${format}`, '.'))).toEqual(
        treeState(source, { root: false }),
      );
    },
  );

  test.each(FORMATS.long)(
    'with long names in format %s are unpacked as they were',
    async (format) => {
      makeLongNames();
      setTimes();
      expect(await unpacked(tar(`--format=${format}`, '.'))).toEqual(
        treeState(source, { root: false }),
      );
    },
  );

  test('with names that ustar splits are unpacked as they were', async () => {
    for (const length of [98, 99]) {
      makeFile(`${'d'.repeat(90)}/${'n'.repeat(length)}`, 5);
      makeFile(`${'d'.repeat(90)}/${'e'.repeat(60)}/${'n'.repeat(length)}`, 5);
    }
    setTimes();
    expect(await unpacked(tar('--format=ustar', '.'))).toEqual(treeState(source, { root: false }));
  });

  test('with times before 1970, after 2038 or with fractions are unpacked as they were', async () => {
    for (const [index, seconds] of [-1, -86_400.5, 4_102_444_800.25, 1.000001].entries()) {
      makeFile(`time-${index}`, 1);
      utimesSync(join(source, `time-${index}`), String(seconds), String(seconds));
    }
    const names = [0, 1, 2, 3].map((index) => `time-${index}`);
    const state = treeState(source);
    const inSource = Object.fromEntries(names.map((name) => [name, state[name]]));
    expect(await unpacked(tar('--format=pax', ...names))).toEqual(inSource);
  });

  test('without entries for their directories are unpacked with those directories', async () => {
    const state = await unpacked(tar('sizes/1', 'sizes/512'));
    expect(Object.keys(state)).toEqual(['sizes', 'sizes/1', 'sizes/512']);
  });

  test.each([
    ['gnu', []],
    ['oldgnu', []],
    ['pax', ['--sparse-version=0.0']],
    ['pax', ['--sparse-version=0.1']],
    ['pax', ['--sparse-version=1.0']],
  ])('with sparse files in format %s %j are unpacked as they were', async (format, options) => {
    makeSparseFiles();
    setTimes();
    const archive = tar('-S', '--hole-detection=raw', `--format=${format}`, ...options, '.');
    expect(archive.length).toBeLessThan(3_000_000);
    expect(await unpacked(archive)).toEqual(treeState(source, { root: false }));
  });

  test('with a file over 8 GiB contain its size', () => {
    const size = 2 ** 33 + 5;
    truncateSync(join(source, 'first'), size);
    for (const format of FORMATS.long) {
      const head = execFileSync(
        'sh',
        ['-c', `tar -C "$1" --format=${format} -cf - first 2>&- | head -c 4096`, 'sh', source],
        { maxBuffer: 2 ** 20 },
      );
      const reader = new TarReader(new MemorySource(head));
      expect(reader.next()).toMatchObject({ path: 'first', size });
    }
  });

  test('and ours are both unpacked by GNU tar', () =>
    withDirectory((directory) => {
      const sink = new MemorySink();
      const ours = new TarWriter(sink);
      ours.begin(anEntry({ path: '', kind: 'directory' }));
      ours.finish();
      const names = ['plain', `${'d'.repeat(98)}/${'n'.repeat(200)}`, 'new\nline', 'caf\xe9'];
      for (const path of names) {
        ours.begin(anEntry({ path, size: 3, mtimeUs: 1_500_000 }));
        ours.reserve().set(Buffer.from('abc'));
        ours.produced(3);
        ours.finish();
      }
      ours.end();
      execFileSync('tar', ['-C', directory, '-xf', '-'], { input: sink.bytes(), stdio: 'pipe' });
      const files = Object.entries(treeState(directory)).filter(([, is]) => is.startsWith('file'));
      expect(files.map(([path]) => path).toSorted()).toEqual(names.toSorted());
      for (const [, is] of files) expect(is).toMatch(/^file 644 1500000 3 /);
    }));
});

describe.each(OTHER_TARS)('archives of %s in format %s', (program, format, long) => {
  test('are unpacked as they were', async (context) => {
    if (program !== 'npm tar' && !runs(program)) context.skip(`${program} is not on PATH`);
    makeTree();
    if (long) makeLongNames();
    setTimes();
    expect(await unpacked(otherTar(program, format))).toEqual(treeState(source, { root: false }));
  });
});

test.for(['pax', 'gnutar'])(
  'sparse files of bsdtar in format %s are unpacked as they were',
  async (format, context) => {
    if (!runs('bsdtar')) context.skip('bsdtar is not on PATH');
    makeSparseFiles();
    setTimes();
    expect(await unpacked(otherTar('bsdtar', format))).toEqual(treeState(source, { root: false }));
  },
);

function runs(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

function otherTar(program: string, format: string): Buffer {
  const options = { cwd: source, maxBuffer: 2 ** 26 };
  if (program === 'bsdtar') {
    return execFileSync('bsdtar', [`--format=${format}`, '-cf', '-', '.'], options);
  }
  if (program === 'python3') {
    const script = `import sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.${format}_FORMAT) as tar:
    tar.add('.')`;
    return execFileSync('python3', ['-c', script], options);
  }
  return create({ cwd: source, sync: true }, ['.']).read() as unknown as Buffer;
}

test('an archive of git is unpacked as it was committed', async (context) => {
  if (!HAS_GIT) context.skip('git is not on PATH');
  makeFile('directory/file', 700);
  makeFile('n'.repeat(150), 5);
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', source, ...args], { stdio: 'pipe' });
  git('init', '-q');
  git('add', '.');
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'commit.gpgsign=false'];
  git(...identity, 'commit', '-q', '-m', 'all');
  const archive = git('archive', 'HEAD');
  expect(archive.subarray(0, 17).toString()).toBe('pax_global_header');
  expect(Object.keys(await unpacked(archive))).toEqual([
    'directory',
    'directory/file',
    'n'.repeat(150),
  ]);
});
