import { expectExit, type Ended } from '../trees/sandbox.ts';

/** Both sides succeeded; otherwise their stderr is shown. */
export function expectDone({ send, receive }: { send: Ended; receive: Ended }): void {
  const stderr = send.stderr + receive.stderr;
  expectExit({ code: send.code, stderr }, 0);
  expectExit({ code: receive.code, stderr }, 0);
}
