import type { BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { FilePool } from '../pool/file-pool.ts';
import type { JobName, Jobs, PathNote } from './jobs.ts';

/** What every job can use. */
export interface JobContext {
  status: WorkerStatus;
  /** For calls that can be made ahead; open once calls are slow. */
  pool: FilePool;
  note: (note: PathNote) => void;
}

export type Handlers = {
  [Name in JobName]: (input: Jobs[Name]['input'], context: JobContext) => Jobs[Name]['result'];
};

/** How the layers report paths that are worth a note. */
export function reporting({ note }: JobContext): {
  onSkipped: (path: BytePath, reason: string) => void;
  onChanged: (path: BytePath, reason: string) => void;
} {
  return {
    onSkipped: (path, reason) => note({ about: 'skipped', path, reason }),
    onChanged: (path, reason) => note({ about: 'changed', path, reason }),
  };
}
