/** The values of --progress. In a separate file: --help needs these and none of the views. */
export const PROGRESS_MODES = ['auto', 'tty', 'plain', 'json', 'none'] as const;

export type ProgressMode = (typeof PROGRESS_MODES)[number];
