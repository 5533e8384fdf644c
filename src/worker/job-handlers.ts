import { realpathSync, statSync } from 'node:fs';
import { Budget } from '../archive/budget.ts';
import { EntryValidator } from '../archive/entry-validator.ts';
import { pack } from '../archive/pack.ts';
import { TarCopy } from '../archive/tar-copy.ts';
import { TarReader, type TarOrigin } from '../archive/tar-reader.ts';
import { unpack } from '../archive/unpack.ts';
import { commit } from '../dest/commit.ts';
import { discard, prepareDestination, stageTree } from '../dest/destination.ts';
import { refreshLock } from '../dest/lock.ts';
import { StageWriter } from '../dest/stage-writer.ts';
import { fromText, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { describeSystemError } from '../disk/system-error.ts';
import type { SourceEntry } from '../entry.ts';
import { CtxsyncError } from '../errors.ts';
import { Ring } from '../flow/ring.ts';
import { LOCK_REFRESH_MS } from '../limits.ts';
import { readContextRules } from '../tree/context-rules.ts';
import { walk } from '../tree/walk.ts';
import type { ContextSource, JobName, Jobs, PathWord } from './jobs.ts';
import { RingSink, RingSource } from './ring-io.ts';

export interface JobContext {
  gauge: Gauge;
  say: (word: PathWord) => void;
}

type Handlers = {
  [Name in JobName]: (input: Jobs[Name]['input'], context: JobContext) => Jobs[Name]['result'];
};

const ORIGINS: Record<Jobs['repack']['input']['origin'], TarOrigin> = {
  input: { name: 'the tar on stdin', code: 'source-unreadable' },
  stream: { name: "the sender's context", code: 'corrupt' },
};

/** What a disk worker does for each job: the layers put together, nothing more. */
export const HANDLERS: Handlers = {
  pack: ({ source, ring: shared }, context) => {
    const ring = new Ring(shared);
    pack(walkContext(source, context), new RingSink(ring, context.gauge), context.gauge);
    ring.end();
  },

  count: ({ source }, context) => {
    const total = { entries: 0, bytes: 0 };
    const quiet = { ...context, say: () => {} };
    for (const entry of walkContext(source, quiet)) {
      if (entry.path !== '') total.entries += 1;
      total.bytes += entry.size;
    }
    return total;
  },

  repack: ({ from, to, name, budget, origin }, context) => {
    const { gauge } = context;
    const ring = new Ring(to);
    const source = new RingSource(new Ring(from), gauge);
    unpack(new TarReader(source, ORIGINS[origin]), new TarCopy(new RingSink(ring, gauge), gauge), {
      name,
      validator: new EntryValidator(new Budget(new BigInt64Array(budget))),
      addFolders: origin === 'input',
      ...reporting(context),
      onEntry: () => gauge.addEntry(),
    });
    drain(source);
    ring.end();
  },

  prepare: ({ out, follow }, { gauge }) => prepareDestination(out, gauge, { follow }),

  unpack: ({ ring, destination, name, budget }, context) => {
    const { gauge } = context;
    const source = new RingSource(new Ring(ring), gauge, LOCK_REFRESH_MS, () => {
      gauge.enter('locking', destination.lock);
      refreshLock(destination.lock);
    });
    const stage = new StageWriter(stageTree(destination), destination.umask, gauge);
    const validator = new EntryValidator(new Budget(new BigInt64Array(budget)));
    unpack(new TarReader(source, ORIGINS.stream), stage, {
      name,
      validator,
      addFolders: false,
      ...reporting(context),
      onEntry: () => gauge.addEntry(),
    });
    drain(source);
    return { root: stage.root };
  },

  commit: ({ destination, options }, { gauge }) => commit(destination, options, gauge),

  discard: ({ destination }, { gauge }) => discard(destination, gauge),
};

function walkContext(
  { folder, ignore }: ContextSource,
  context: JobContext,
): Generator<SourceEntry> {
  const { gauge } = context;
  gauge.enter('scanning', fromText(folder));
  const root = resolveRoot(folder);
  const rules = readContextRules(root, ignore, gauge);
  return walk(root, { rules, gauge, ...reporting(context) });
}

/** The context's root may be a symlink; it is resolved once, here. */
function resolveRoot(folder: string): BytePath {
  let root: BytePath;
  try {
    root = realpathSync.native(folder, 'latin1');
  } catch (error) {
    throw new CtxsyncError(
      'source-missing',
      `the context ${folder} cannot be opened: ${describeSystemError(error)}`,
      { path: folder, cause: error },
    );
  }
  if (!statSync(Buffer.from(root, 'latin1')).isDirectory()) {
    throw new CtxsyncError(
      'source-missing',
      `the context ${folder} is not a folder; for a tar, use "-" and hand it to stdin`,
      { path: folder },
    );
  }
  return root;
}

/** After the end marker tars have more zeros. They belong to the stream and are read too. */
function drain(source: RingSource): void {
  for (let bytes = source.peek(); bytes.length > 0; bytes = source.peek()) {
    source.consumed(bytes.length);
  }
}

function reporting({ say }: JobContext): {
  onSkipped: (path: BytePath, reason: string) => void;
  onChanged: (path: BytePath, reason: string) => void;
} {
  return {
    onSkipped: (path, reason) => say({ about: 'skipped', path, reason }),
    onChanged: (path, reason) => say({ about: 'changed', path, reason }),
  };
}
