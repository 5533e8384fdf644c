/** What a user may set to avoid an error; the command line names the option for it. */
export type Remedy =
  /** Accept an empty context, for which a mirror deletes everything. */
  | 'allow-empty'
  /** Bring this program to the other side first. */
  | 'bootstrap'
  /** Compress in another way. */
  | 'compress'
  /** Wait longer for the other side. */
  | 'connect-timeout'
  /** Name another ignore file. */
  | 'ignore-file'
  | 'max-bytes'
  | 'max-delete'
  | 'max-entries'
  /** Do without Node at the other side. */
  | 'no-node'
  /** Send a tar as one. */
  | 'send-tar'
  /** Trust a socket of another user. */
  | 'socket-owner'
  /** Do not refuse what is rarely meant to be sent. */
  | 'strict';

/** All remedies. */
export const REMEDIES = [
  'allow-empty',
  'bootstrap',
  'compress',
  'connect-timeout',
  'ignore-file',
  'max-bytes',
  'max-delete',
  'max-entries',
  'no-node',
  'send-tar',
  'socket-owner',
  'strict',
] as const satisfies readonly Remedy[];
