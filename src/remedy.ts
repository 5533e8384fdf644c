/** What a user may set so that an error does not come again; the command line words it with its options. */
export const REMEDIES = [
  'allow-empty',
  'ignore-file',
  'max-bytes',
  'max-delete',
  'max-entries',
  'socket-owner',
] as const;

export type Remedy = (typeof REMEDIES)[number];
