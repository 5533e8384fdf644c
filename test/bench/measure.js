import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const GNU_TIME = '/usr/bin/time';

/**
 * Runs a script once. Node 20 takes 36 ms of CPU to read NODE_EXTRA_CA_CERTS, so that is not set.
 *
 * @returns { wall, cpu } in seconds, of all its processes, and { peak } in bytes of the largest, where GNU time
 *   is found
 */
export function measure(script, { programs, work, env }) {
  const times = join(work, 'times');
  const peak = join(work, 'peak');
  const counted = `${script}\nstatus=$?\ntimes > "${times}"\nexit $status`;
  const hasTime = existsSync(GNU_TIME);
  const command = hasTime
    ? [GNU_TIME, '-f', '%M', '-o', peak, 'sh', '-c', counted]
    : ['sh', '-c', counted];
  const { NODE_EXTRA_CA_CERTS: _, PATH = '', ...others } = process.env;
  const begun = performance.now();
  const { status, stderr } = spawnSync(command[0], command.slice(1), {
    env: { ...others, ...env, WORK: work, PATH: `${programs}:${PATH}` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const wall = (performance.now() - begun) / 1_000;
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
  const result = { wall, cpu: childSeconds(readFileSync(times, 'utf8')) };
  if (hasTime) result.peak = Number(readFileSync(peak, 'utf8').trim().split('\n').at(-1)) * 1_024;
  return result;
}

/** The second line of `times` (POSIX.1-2017, special built-ins): user and system time of the children. */
function childSeconds(text) {
  const line = text.trim().split('\n')[1] ?? '';
  return [...line.matchAll(/(\d+)m([\d.]+)s/gu)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
