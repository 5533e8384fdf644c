import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { toUtimesSeconds } from '../../../src/disk/mtime.ts';

/** Names that have broken one tool or another; each character is a byte. */
const NAMES = [
  ' ',
  ' leading and trailing ',
  '-rf',
  '--delete',
  'new\nline',
  'tab\tand\rreturn',
  'back\\slash',
  "single'quote",
  'double"quote',
  '$(touch pwned) `x` $HOME',
  '*?[a]',
  '#comment',
  '!bang',
  '~',
  '...',
  'a=b',
  '\x1b[31m\x07',
  '\x7f',
  'caf\xc3\xa9',
  'cafe\xcc\x81',
  'caf\xe9',
  '\xff\xfe\x80',
  '\xe6\x97\xa5\xe6\x9c\xac',
  'x'.repeat(255),
  '\xe9'.repeat(255),
  '11 path=fake\n',
  'PaxHeader',
];

/** Microseconds; a file, a directory and a symlink are made for each. */
const TIMES = [
  -2_000_000_000_000_000, -1_500_000, -1, 0, 1, 999_999, 1_700_000_000_000_000,
  1_700_000_000_123_456, 2_147_483_648_000_001, 4_102_444_800_999_999, 4_294_967_296_000_001,
  7_258_118_400_123_457,
];

/** Every mode that matters to a user who is not root. */
const MODES = [
  0o000, 0o001, 0o100, 0o200, 0o400, 0o444, 0o555, 0o600, 0o640, 0o644, 0o666, 0o700, 0o711, 0o755,
  0o770, 0o777, 0o1644, 0o1755, 0o1777,
];

export interface Exotic {
  /** Only what its owner can read back, for a user who is not root. */
  readable?: boolean;
}

/** A tree of everything that a transfer has to preserve. */
export function makeExoticTree(root: string, { readable = false }: Exotic = {}): void {
  makeNames(bytes(root));
  makeTimes(root);
  makeModes(root, readable);
  makeLinks(root);
  mkdirSync(`${root}/empty/in/empty`, { recursive: true });
  writeFileSync(`${root}/empty.txt`, '');
  for (const size of [1, 511, 512, 513, 65_520, 65_536, 1_500_000]) {
    writeFileSync(`${root}/size-${size}`, Buffer.alloc(size, 'pattern\n'));
  }
  utimesSync(root, 1_600_000_000, 1_600_000_000.5);
}

function setTime(path: string | Buffer, us: number): void {
  // A string, because Node takes no negative number; the last digits decide how it is truncated.
  const half = us < 0 ? ((us - 0.5) / 1e6).toFixed(9) : toUtimesSeconds(us);
  lutimesSync(path, half, half);
}

/** Names alone, in a directory, and in a path of over 100, 255 and 1,024 bytes. */
function makeNames(root: Buffer): void {
  for (const name of NAMES) {
    const directory = Buffer.concat([root, bytes('/names/'), bytes(name)]);
    mkdirSync(directory, { recursive: true });
    writeFileSync(Buffer.concat([directory, bytes('/'), bytes(name)]), name, 'latin1');
  }
  let long = Buffer.concat([root, bytes('/long')]);
  for (let depth = 0; depth < 14; depth++) {
    long = Buffer.concat([long, bytes(`/${depth}-${'\xc3\xa9'.repeat(45)}`)]);
    mkdirSync(long, { recursive: true });
    writeFileSync(Buffer.concat([long, bytes('/file')]), String(depth));
  }
}

function makeTimes(root: string): void {
  mkdirSync(`${root}/times`);
  for (const us of TIMES) {
    const path = `${root}/times/${us}`;
    mkdirSync(path);
    writeFileSync(`${path}/file`, String(us));
    symlinkSync('file', `${path}/link`);
    setTime(`${path}/file`, us);
    setTime(`${path}/link`, us);
    setTime(path, us);
  }
}

function makeModes(root: string, readable: boolean): void {
  mkdirSync(`${root}/modes`);
  for (const mode of MODES) {
    const path = `${root}/modes/${mode.toString(8)}`;
    mkdirSync(`${path}/sub`, { recursive: true });
    writeFileSync(`${path}/file`, mode.toString(8));
    chmodSync(`${path}/file`, readable ? mode | 0o400 : mode);
    chmodSync(`${path}/sub`, readable ? mode | 0o500 : mode);
    chmodSync(path, readable ? mode | 0o500 : mode);
  }
}

function makeLinks(root: string): void {
  mkdirSync(`${root}/links/deep/er`, { recursive: true });
  for (const [name, text] of [
    ['dangling', 'no/such/thing'],
    ['absolute', '/etc/passwd'],
    ['relative', '../names/ '],
    ['outside', '../../../..'],
    ['circle', 'circle'],
    ['bytes', '\xff\xfe/\n'],
    ['long', `${'long/'.repeat(200)}end`],
    ['hundred', 'x'.repeat(100)],
    ['directory', 'deep'],
  ] as const) {
    symlinkSync(bytes(text), `${root}/links/${name}`);
  }
  writeFileSync(`${root}/links/deep/one`, 'one');
  linkSync(`${root}/links/deep/one`, `${root}/links/deep/er/one`);
  linkSync(`${root}/links/deep/one`, `${root}/a-first-name`);
  writeFileSync(`${root}/links/two`, '');
  linkSync(`${root}/links/two`, Buffer.concat([bytes(`${root}/links/two \xff\n`)]));
  if (statSync(`${root}/a-first-name`).nlink !== 3) throw new Error('no hardlinks here');
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
