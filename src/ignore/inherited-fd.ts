/**
 * Which of our descriptors a path names: "-", /dev/stdin, or /dev/fd/N as from a shell's <(command).
 * They are read directly: reopening such a path fails if it is a socket, which is what Node uses as a
 * pipe to its children.
 */
export function inheritedFd(path: string): number | undefined {
  if (path === '-' || path === '/dev/stdin') return 0;
  const match = /^\/(?:dev|proc\/self)\/fd\/(\d{1,7})$/.exec(path);
  return match === null ? undefined : Number(match[1]);
}
