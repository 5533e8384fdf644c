import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  ALL_BYTES,
  appears,
  breakInMiddle,
  breakOff,
  file,
  FILE_BYTES,
  FILES,
  finish,
  ownOf,
  SEEN_IN_MIDDLE,
  stagesOf,
  wholeFiles,
  withSite,
} from '../helpers/cli/interrupted-transfer.ts';
import { expectFailure } from '../helpers/trees/sandbox.ts';
import { until } from '../helpers/until.ts';

// An interrupted transfer leaves its stage, and the next one continues from there.

test('an interrupted transfer keeps OUT and its stage, and the next one sends what is missing', () =>
  withSite(async (site) => {
    await breakInMiddle(site);
    expect(stagesOf(site.out)).toHaveLength(1);
    const whole = wholeFiles(site).length;
    expect(whole).toBeGreaterThanOrEqual(SEEN_IN_MIDDLE);
    expect(whole).toBeLessThan(FILES);
    expect(await finish(site)).toBe(ALL_BYTES - whole * FILE_BYTES);
  }));

test('a transfer resumes into an OUT that did not exist before', () =>
  withSite(async (site) => {
    const out = join(site.directory, 'new/out');
    const fresh = { ...site, out, own: {} };
    mkdirSync(join(site.directory, 'new'));
    const { receive } = await breakOff(fresh, { ready: () => appears(out) });
    expectFailure(receive, 7, 'what arrived is kept');
    const whole = wholeFiles(fresh).length;
    expect(whole).toBeGreaterThanOrEqual(SEEN_IN_MIDDLE);
    expect(await finish(fresh)).toBe(ALL_BYTES - whole * FILE_BYTES);
  }));

test('a transfer that is interrupted twice and then finished sends nothing twice', () =>
  withSite(async (site) => {
    await breakInMiddle(site);
    const first = wholeFiles(site).length;
    // Only headers are sent of what was kept, so as many bytes bring other files.
    const newest = (): string => file(Math.min(FILES - 1, first + 5));
    const { receive } = await breakOff(site, {
      after: 700 * 1024,
      ready: () =>
        until('more has arrived', () =>
          stagesOf(site.out).some((stage) => existsSync(join(site.out, stage, 'tree', newest()))),
        ),
    });
    expectFailure(receive, 7, 'what arrived is kept');
    expect(ownOf(site.out)).toEqual(site.own);
    const whole = new Set(stagesOf(site.out).flatMap((stage) => wholeFiles(site, stage))).size;
    expect(whole).toBeGreaterThanOrEqual(first + 5);
    expect(await finish(site)).toBe(ALL_BYTES - whole * FILE_BYTES);
  }));

test.each<[what: string, after: number]>([
  ['in HELLO', 50],
  ['while it is compared', 700],
])('a second transfer that is interrupted %s does not lose what the first one left', (_, after) =>
  withSite(async (site) => {
    await breakInMiddle(site);
    const whole = wholeFiles(site).length;
    const { receive } = await breakOff(site, { after, ready: async () => {} });
    expectFailure(receive, 7);
    expect(ownOf(site.out)).toEqual(site.own);
    expect(await finish(site)).toBe(ALL_BYTES - whole * FILE_BYTES);
  }),
);

test('a transfer that was interrupted in its last frame sends nothing again', () =>
  withSite(async (site) => {
    const { receive } = await breakOff(site, {
      after: 'all but FIN',
      ready: () => until('all is there', () => wholeFiles(site).length === FILES),
    });
    expectFailure(receive, 7, 'what arrived is kept');
    expect(ownOf(site.out)).toEqual(site.own);
    expect(await finish(site)).toBe(0);
  }));

test('the receiver of a sender that was killed keeps what arrived', () =>
  withSite(async (site) => {
    const { receive } = await breakOff(site, {
      ready: async ({ sender }) => {
        await appears(site.out);
        sender.child.kill('SIGKILL');
      },
    });
    expectFailure(receive, 7, 'what arrived is kept');
    expect(await finish(site)).toBeLessThan(ALL_BYTES - SEEN_IN_MIDDLE * FILE_BYTES + 1);
  }));

test('the stage of a receiver that was killed is used', () =>
  withSite(async (site) => {
    const { send } = await breakOff(site, {
      ready: async ({ receiver }) => {
        await appears(site.out);
        receiver.child.kill('SIGKILL');
        await receiver.done;
      },
    });
    expectFailure(send, 7);
    expect(ownOf(site.out)).toEqual(site.own);
    const whole = wholeFiles(site).length;
    expect(whole).toBeGreaterThanOrEqual(SEEN_IN_MIDDLE);
    expect(await finish(site)).toBe(ALL_BYTES - whole * FILE_BYTES);
  }));
