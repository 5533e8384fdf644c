import { spawnSync } from 'node:child_process';
import { test } from 'vitest';
import { rounds, SEEDED } from '../helpers/proofs.ts';
import { wrongAfter } from './after-failure.ts';
import { allCalls, mirror, type Where } from './carry.ts';
import { readLog, type FailingCall, type FailingSystemCall } from './disturbance.ts';
import { randomFor, sample, tryEach } from './rounds.ts';
import { withSite } from './site.ts';

// The nth file call of a name fails on one side of a real transfer. OUT is old or new to the byte, the
// exit status shows which, the message names what failed and why, and nothing is left behind.

/** Errors that each call is likely to give; any other errno takes the same code paths. */
const CODES: Record<string, FailingCall['code'][]> = {
  openSync: ['EIO', 'EACCES', 'EMFILE', 'ENFILE', 'EINTR', 'ELOOP', 'ENOTDIR', 'ESTALE', 'ENOSPC'],
  writeSync: ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS'],
  mkdirSync: ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES'],
  renameSync: ['EIO', 'EXDEV', 'EACCES', 'EPERM', 'ENOSPC', 'EROFS', 'ENOTDIR', 'ELOOP'],
  linkSync: ['EIO', 'EPERM', 'EXDEV', 'ENOSPC', 'EMLINK'],
  symlinkSync: ['EIO', 'ENOSPC', 'EPERM', 'EACCES'],
};
const ANY: FailingCall['code'][] = ['EIO', 'EACCES', 'EPERM', 'EROFS', 'ESTALE', 'ENOTDIR'];

/** Half of them fail once: then everything must be rolled back. */
const LASTS: FailingCall['lasts'][] = ['once', 'once', 'call', 'disk'];

/** Only the calls of the sender are tried so far. */
const SIDE = 'sender';

type Round = Where & FailingCall;

/** Every call of an undisturbed transfer, with every error that it may give. */
async function allRounds(): Promise<Round[]> {
  const all: Round[] = [];
  for (const at of await allCalls(['pipe', 'socket'], [SIDE])) {
    for (const code of CODES[at.call] ?? ANY) {
      for (const lasts of LASTS) all.push({ ...at, code, lasts });
    }
  }
  return all;
}

/** @returns what is wrong */
function tryRound(round: Round): Promise<string[] | undefined> {
  return withSite(async (site) => {
    const ends = await mirror(site, round, round);
    if (readLog(ends.log).length === 0) return undefined; // this run did not make the call
    return wrongAfter(site, ends, round);
  });
}

/** System calls that Node makes only for file calls of ours, with all their names on any machine. */
const SYSTEM_CALLS: Record<string, string> = {
  chmodSync: 'chmod fchmodat fchmodat2',
  linkSync: 'link linkat',
  lutimesSync: 'utimensat utimensat_time64',
  mkdirSync: 'mkdir mkdirat',
  readdirSync: 'getdents64',
  renameSync: 'rename renameat renameat2',
  rmdirSync: 'rmdir unlinkat',
  symlinkSync: 'symlink symlinkat',
  unlinkSync: 'unlink unlinkat',
  utimesSync: 'utimensat utimensat_time64',
};

type KernelRound = Where & FailingSystemCall;

async function allKernelRounds(): Promise<KernelRound[]> {
  const all: KernelRound[] = [];
  for (const at of await allCalls(['pipe', 'socket'], [SIDE])) {
    const systemCall = SYSTEM_CALLS[at.call];
    if (systemCall === undefined) continue;
    for (const code of CODES[at.call] ?? ANY) all.push({ ...at, systemCall, code });
  }
  return all;
}

function tryKernelRound(round: KernelRound): Promise<string[] | undefined> {
  return withSite(async (site) => {
    const ends = await mirror(site, round, round);
    if (!readLog(ends.log).some((line) => line.includes('(INJECTED)'))) return undefined;
    return wrongAfter(site, ends, { ...round, lasts: 'once' });
  });
}

const ROUNDS = rounds(60);

test(
  `OUT is old or new when any of ${ROUNDS} file calls fails ${SEEDED}`,
  { timeout: 120_000 + ROUNDS * 5_000 },
  async () => {
    const random = randomFor('failing-calls');
    await tryEach(sample(await allRounds(), ROUNDS, random), tryRound);
  },
);

const KERNEL_ROUNDS = rounds(16);
const why = whyNoStrace();
if (why !== undefined)
  process.stderr.write(`failing-calls.test.ts skips system calls that fail: ${why}\n`);

test.skipIf(why !== undefined)(
  `OUT is old or new when the kernel fails any of ${KERNEL_ROUNDS} system calls ${SEEDED}`,
  { timeout: 120_000 + KERNEL_ROUNDS * 10_000 },
  async () => {
    const random = randomFor('failing system calls');
    await tryEach(sample(await allKernelRounds(), KERNEL_ROUNDS, random), tryKernelRound);
  },
);

/** @returns undefined if strace may trace */
function whyNoStrace(): string | undefined {
  const { status, error, stderr } = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', 'true']);
  if (error !== undefined) return 'there is no strace';
  return status === 0 ? undefined : `strace: ${String(stderr)}`;
}
