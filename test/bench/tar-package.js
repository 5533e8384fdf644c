/** `tar-package c DIRECTORY > tar`, `tar-package x DIRECTORY < tar`: the tar package, as its manual says. */
import { once } from 'node:events';
import { create, extract } from 'tar';

const [, , what, cwd] = process.argv;
const stream =
  what === 'c' ? create({ cwd, portable: true }, ['.']) : process.stdin.pipe(extract({ cwd }));
if (what === 'c') stream.pipe(process.stdout);
await once(stream, what === 'c' ? 'end' : 'close');
