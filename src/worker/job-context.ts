import type { BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/worker-status.ts';
import type { JobName, Jobs, PathWord } from './jobs.ts';

/** What every job has at hand. */
export interface JobContext {
  gauge: Gauge;
  say: (word: PathWord) => void;
}

export type Handlers = {
  [Name in JobName]: (input: Jobs[Name]['input'], context: JobContext) => Jobs[Name]['result'];
};

/** How the layers tell of paths that are worth a word. */
export function reporting({ say }: JobContext): {
  onSkipped: (path: BytePath, reason: string) => void;
  onChanged: (path: BytePath, reason: string) => void;
} {
  return {
    onSkipped: (path, reason) => say({ about: 'skipped', path, reason }),
    onChanged: (path, reason) => say({ about: 'changed', path, reason }),
  };
}
