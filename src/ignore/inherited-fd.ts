/**
 * Which of our descriptors a path names: "-", /dev/stdin, /dev/fd/N as a shell's <(command) gives it.
 * They are read as they are: to open such a path anew fails where it is a socket, which is what Node
 * gives its children for a pipe.
 */
export function inheritedFd(path: string): number | undefined {
  if (path === '-' || path === '/dev/stdin') return 0;
  const match = /^\/(?:dev|proc\/self)\/fd\/(\d{1,7})$/.exec(path);
  return match === null ? undefined : Number(match[1]);
}
