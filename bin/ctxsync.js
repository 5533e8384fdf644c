#!/usr/bin/env node
import { exit } from '../dist/js/exit.js';
import { main } from '../dist/js/main.js';

// Only a proven success clears it: a promise that never settles must not end as 0.
process.exitCode = 1;
await exit(await main(process.argv));
