import type { Around, CallName, Make } from './disk-calls.ts';

/** Calls that take two paths. */
const TWO = new Set<CallName>(['linkSync', 'renameSync']);

/**
 * A disk that treats names as equal when they differ only in case, or in how Unicode composes their
 * letters, as macOS does. It lists an entry under the name it was created with.
 *
 * @param renamed what a rename onto an entry of another spelling leaves: the new name on some disks,
 *   the old one on others
 */
export function blindDisk(renamed: 'new name' | 'old name'): Around {
  return (name, args, make) => {
    const at = name === 'symlinkSync' ? [1] : TWO.has(name) ? [0, 1] : [0];
    const found = args.map((arg, i) => (at.includes(i) ? find(arg, make) : arg));
    if (name === 'renameSync') return rename(found, args[1], renamed, make);
    return make(name, ...found);
  };
}

function rename(found: unknown[], to: unknown, renamed: string, make: Make): void {
  const [from, there] = found.map(text) as [string, string];
  const wanted = `${directoryOf(there)}/${nameOf(text(to))}`;
  if (from !== there) make('renameSync', bytes(from), bytes(there));
  if ((from === there || renamed === 'new name') && there !== wanted) {
    make('renameSync', bytes(there), bytes(wanted));
  }
}

/** The path of the entry that this disk finds at this path. */
function find(path: unknown, make: Make): unknown {
  if (typeof path !== 'string' && !Buffer.isBuffer(path)) return path;
  if (make('lstatSync', path, { throwIfNoEntry: false }) !== undefined) return path;
  const whole = text(path);
  if (!whole.includes('/', 1)) return path;
  const directory = text(find(bytes(directoryOf(whole)), make));
  const name = nameOf(whole);
  const there = list(directory, make).find((each) => folded(each) === folded(name)) ?? name;
  return bytes(`${directory}/${there}`);
}

function list(directory: string, make: Make): string[] {
  try {
    return make('readdirSync', bytes(directory), { encoding: 'latin1' }) as string[];
  } catch {
    return [];
  }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function folded(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8').normalize('NFC').toLowerCase();
}

/** One character per byte. */
function text(path: unknown): string {
  return Buffer.isBuffer(path)
    ? path.toString('latin1')
    : Buffer.from(String(path)).toString('latin1');
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}
