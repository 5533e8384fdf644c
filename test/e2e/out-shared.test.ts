import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { breakOff, withSite } from '../helpers/cli/interrupted-transfer.ts';
import { pipeline } from '../helpers/cli/cli.ts';
import {
  expectExit,
  expectFailure,
  unprivileged,
  withScene,
  writeTree,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

const STAGE = '.ctxsync-0123456789abcdef';

test.runIf(process.getuid?.() === 0)(
  "another user's killed run does not block an OUT that everyone may write to",
  () =>
    withScene(async ({ directory, context }) => {
      const user = unprivileged(context);
      const out = join(directory, 'shared');
      mkdirSync(out);
      chownSync(out, 0, 0);
      for (const open of [directory, out]) chmodSync(open, 0o777);
      writeTree(join(out, STAGE), { 'tree/x': 'x' });
      chmodSync(join(out, STAGE), 0o700);
      const { send, receive } = await pipeline([context], ['--delete', out], user);
      expectExit(send, 0);
      expectExit(receive, 0);
      expect(receive.stderr).toContain(`${join(out, STAGE)}: permission denied`);
      const state = Object.entries(treeState(out, { root: false }));
      expect(Object.fromEntries(state.filter(([path]) => !path.startsWith(STAGE)))).toEqual(
        treeState(context, { root: false }),
      );
    }),
);

test('the path of what an interrupted transfer left is printed in UTF-8 without control characters', () =>
  withSite(async (site) => {
    const out = join(site.directory, 'ö\u0007');
    const { receive } = await breakOff({ ...site, out });
    expectFailure(receive, 7, `what arrived is kept in ${site.directory}/ö\\x07/.ctxsync-`);
  }));
