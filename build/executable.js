/*
 * npm run build:executable [-- FILE]
 *
 * Makes FILE, by default executable/ctxsync, for machines without Node: dist/ctxsync.cjs in a copy of the Node that runs this,
 * by Node's own way (nodejs.org/api/single-executable-applications.html). It runs on the same system and
 * processor, and needs the shared libraries that this Node needs (`ldd $(command -v node)`; those of
 * nodejs.org need glibc and libstdc++). macOS also needs `codesign`, which comes with it.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'postject';

const SINGLE_FILE = fileURLToPath(new URL('../dist/ctxsync.cjs', import.meta.url));
const DEFAULT = fileURLToPath(new URL('../executable/ctxsync', import.meta.url));
/** The names that Node looks for. */
const RESOURCE = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const SEGMENT = 'NODE_SEA';

const executable = process.argv[2] ?? DEFAULT;
const isMac = process.platform === 'darwin';
if (!readFileSync(process.execPath).includes(FUSE)) {
  throw new Error(`${process.execPath} cannot be made one: take the Node of nodejs.org`);
}
mkdirSync(dirname(executable), { recursive: true });
rmSync(executable, { force: true });
copyFileSync(process.execPath, executable);
chmodSync(executable, 0o755);
// The signature of Node is not that of what it becomes.
if (isMac) execFileSync('codesign', ['--remove-signature', executable]);
await inject(executable, RESOURCE, makeBlob(), {
  sentinelFuse: FUSE,
  ...(isMac ? { machoSegmentName: SEGMENT } : {}),
});
if (isMac) execFileSync('codesign', ['--sign', '-', executable]);
process.stdout.write(
  `${executable} (${execFileSync(executable, ['--version'], { encoding: 'utf8' }).trim()})\n`,
);

/** What Node reads in the executable: the program, and the same as a file to be copied by --bootstrap. */
function makeBlob() {
  const work = mkdtempSync(join(tmpdir(), 'ctxsync-executable-'));
  try {
    const config = join(work, 'config.json');
    const output = join(work, 'blob');
    const assets = { 'ctxsync.cjs': SINGLE_FILE };
    const settings = { main: SINGLE_FILE, output, assets, disableExperimentalSEAWarning: true };
    writeFileSync(config, JSON.stringify(settings));
    execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: 'pipe' });
    return readFileSync(output);
  } finally {
    rmSync(work, { recursive: true });
  }
}
