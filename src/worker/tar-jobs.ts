import { Budget } from '../entry/budget.ts';
import { EntryValidator } from '../entry/entry-validator.ts';
import type { TarOrigin } from '../tar/tar-blocks.ts';
import { TarCopy } from '../tar/tar-copy.ts';
import { TarReader } from '../tar/tar-reader.ts';
import { unpack } from '../tar/unpack.ts';
import { Ring } from '../flow/ring.ts';
import { reporting, type Handlers } from './job-context.ts';
import type { Jobs } from './jobs.ts';
import { RingSink, RingSource } from './ring-io.ts';

export const ORIGINS: Record<Jobs['repack']['input']['origin'], TarOrigin> = {
  input: { name: 'the tar on stdin', code: 'source-unreadable' },
  stream: { name: "the sender's context", code: 'corrupt' },
};

/** What is done for `send -` and `receive -`. */
export const TAR_JOBS: Pick<Handlers, 'repack'> = {
  repack: ({ from, to, name, budget, origin }, context) => {
    const { status } = context;
    const ring = new Ring(to);
    const reader = new TarReader(new RingSource(new Ring(from), status), ORIGINS[origin]);
    const copy = new TarCopy(new RingSink(ring, status), status, {
      forOthers: origin === 'stream',
    });
    unpack(reader, copy, {
      name,
      validator: new EntryValidator(new Budget(new BigInt64Array(budget))),
      addDirectories: origin === 'input',
      takesKept: false,
      ...reporting(context),
      onEntry: () => status.addEntry(),
    });
    ring.end();
  },
};
