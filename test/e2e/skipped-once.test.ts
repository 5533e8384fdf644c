import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { transfer, WAYS } from '../helpers/wire/both-ways.ts';
import { withScene } from '../helpers/trees/sandbox.ts';

// Both ways the context is walked more than once: listed, and packed.
test.each(WAYS)('what does not travel is told once, whatever the receiver has: over %s', (way) =>
  withScene(async ({ directory, context, out }) => {
    execFileSync('mkfifo', [join(context, 'fifo')]);
    for (const receive of [join(directory, 'new'), out]) {
      const { sent } = await transfer({ directory, way, send: [context], receive: [receive] });
      expect(sent.skipped).toMatchObject({ count: 1, paths: [{ path: 'fifo' }] });
    }
  }),
);
