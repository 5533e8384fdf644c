/** What start.ts loads once the standard streams are replaced and the disk thread is starting. */
export { exit } from './exit.ts';
export { main } from './main.ts';
