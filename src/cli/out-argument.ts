import { usage } from './usage.ts';

/** Where contexts are to land has to have a name. @throws CtxsyncError usage */
export function checkOut(out: string): void {
  if (out === '') throw usage('OUT is empty; name a folder');
}
