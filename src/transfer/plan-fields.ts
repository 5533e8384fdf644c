import type { Plan } from '../observe/work.ts';
import type { Side } from '../report.ts';
import type { Beat } from '../wire/messages.ts';

/** The part of a BEAT that reports what this side knows of the work: the other side cannot know it. */
export function planFields(side: Side, { contexts, whole, comparing }: Plan): Partial<Beat> {
  if (side === 'sender') {
    return {
      totalEntries: contexts?.entries,
      totalBytes: contexts?.bytes,
      wholeEntries: whole?.entries,
      wholeBytes: whole?.bytes,
    };
  }
  return {
    comparedEntries: comparing?.compared.entries,
    comparedBytes: comparing?.compared.bytes,
    wantedEntries: comparing?.wanted.entries,
    wantedBytes: comparing?.wanted.bytes,
    isCompared: comparing?.isOver,
  };
}
