/** What the command line is, for the build, which makes the manual page of it. */
export { variableOf } from './environment.ts';
export { EXIT_MEANINGS } from './exit-code.ts';
export { createProgram } from './program.ts';
