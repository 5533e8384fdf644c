/** What a user may set so that an error does not come again; the command line words it with its options. */
export type Remedy =
  /** Accept an empty context, with which a mirror deletes everything. */
  | 'allow-empty'
  /** Name another ignore file. */
  | 'ignore-file'
  | 'max-bytes'
  | 'max-delete'
  | 'max-entries'
  /** Trust a socket of another user. */
  | 'socket-owner';

/** All of them. */
export const REMEDIES = [
  'allow-empty',
  'ignore-file',
  'max-bytes',
  'max-delete',
  'max-entries',
  'socket-owner',
] as const satisfies readonly Remedy[];
