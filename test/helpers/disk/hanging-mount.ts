import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeDirectory, removeDirectory } from '../trees/temporary-directory.ts';
import { until } from '../until.ts';

/** Milliseconds that unmounting may take before the server is killed, which removes the mount. */
const UNMOUNT_MS = 5_000;

/** Why disks cannot be made to hang here; undefined when they can. */
export function whyNoMounts(): string | undefined {
  if (spawnSync('bindfs', ['--version']).error !== undefined) return 'bindfs is not installed';
  if (unmountCommand() === undefined) return 'neither fusermount nor fusermount3 is installed';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return '/dev/fuse is missing or not ours to open';
  }
}

/**
 * A directory that is seen through a bindfs mount, whose server can be stopped: then every call on the
 * mount hangs, as on a network disk that is gone. The test itself must not touch `path` meanwhile.
 */
export class HangingMount {
  /** The mount. */
  readonly path: string;
  /** The same directory at its own path, which never hangs. */
  readonly behind: string;
  readonly #base = makeDirectory();
  #server: ChildProcess | undefined;

  /** @param behind for example the path of another mount; by default a new directory */
  constructor(behind?: string) {
    this.path = join(this.#base, 'mount');
    this.behind = behind ?? join(this.#base, 'behind');
    mkdirSync(this.path);
    if (behind === undefined) mkdirSync(this.behind);
  }

  /** Call it once `behind` is filled, so that the kernel has cached nothing older. */
  async mount(): Promise<void> {
    this.#server = spawn('bindfs', ['-f', '--no-allow-other', this.behind, this.path], {
      stdio: 'ignore',
    });
    await until('bindfs mounts', () => this.#mounted);
  }

  /**
   * Stops the server.
   * @param user a process that works in the mount. It is stopped first, outside of any call: a call that
   * the server has accepted and not finished cannot even be killed (fs/fuse/dev.c, request_wait_answer).
   */
  async hang(user?: ChildProcess): Promise<void> {
    if (user !== undefined) await stop(user);
    await stop(this.#server!);
    user?.kill('SIGCONT');
  }

  goOn(): void {
    this.#server?.kill('SIGCONT');
  }

  /** Cleans up in any state: no mount and no server is left. */
  async remove(): Promise<void> {
    this.goOn();
    const unmount = unmountCommand();
    if (this.#mounted && unmount !== undefined)
      spawnSync(unmount, ['-u', this.path], { timeout: UNMOUNT_MS });
    // A process still works in it: then the mount goes away when that ends.
    if (this.#mounted) spawnSync('umount', ['-l', this.path], { timeout: UNMOUNT_MS });
    this.#server?.kill('SIGKILL');
    await until('mount and server are gone', () => !this.#mounted && this.#ended);
    removeDirectory(this.#base);
  }

  get #ended(): boolean {
    return this.#server?.exitCode !== null || this.#server.signalCode !== null;
  }

  get #mounted(): boolean {
    // A stat would hang.
    return readFileSync('/proc/self/mounts', 'utf8').includes(` ${this.path} `);
  }
}

/** A mount of a directory that `fill` has filled; it is removed after the test, even on failure. */
export async function hangingMount(
  fill: (directory: string) => void = () => {},
): Promise<HangingMount> {
  const mount = new HangingMount();
  fill(mount.behind);
  return mounted(mount);
}

/** A mount of a mount: when `under` hangs, the server of this one is in the middle of a call. */
export function mountOver(under: HangingMount): Promise<HangingMount> {
  return mounted(new HangingMount(under.path));
}

async function mounted(mount: HangingMount): Promise<HangingMount> {
  onTestFinished(() => mount.remove());
  await mount.mount();
  return mount;
}

/** Stops the process, and waits until each of its threads is stopped outside of a call. */
async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP');
  const threads = `/proc/${child.pid}/task`;
  await until('all threads are stopped', () => {
    try {
      return readdirSync(threads).every((id) => isStopped(join(threads, id)));
    } catch {
      return false; // a thread has just ended
    }
  });
}

function isStopped(thread: string): boolean {
  return /^State:\s+T/m.test(readFileSync(join(thread, 'status'), 'utf8'));
}

function unmountCommand(): string | undefined {
  return ['fusermount3', 'fusermount'].find(
    (command) => spawnSync(command, ['--version']).error === undefined,
  );
}
