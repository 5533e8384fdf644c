import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { transfer, WAYS } from '../helpers/wire/both-ways.ts';
import { withScene } from '../helpers/trees/sandbox.ts';

// Over a bidirectional transport the context is walked more than once: listed, and packed.
test.each(WAYS)(
  'an entry that is not sent is reported once over %s, whatever the receiver has',
  (way) =>
    withScene(async ({ directory, context, out }) => {
      execFileSync('mkfifo', [join(context, 'fifo')]);
      for (const receive of [join(directory, 'new'), out]) {
        const { sent } = await transfer({ directory, way, send: [context], receive: [receive] });
        expect(sent.skipped).toMatchObject({ count: 1, paths: [{ path: 'fifo' }] });
      }
    }),
);
