/** What --progress takes. In a file of its own: --help needs these words and none of the views. */
export const PROGRESS_MODES = ['auto', 'tty', 'plain', 'json', 'none'] as const;

export type ProgressMode = (typeof PROGRESS_MODES)[number];
