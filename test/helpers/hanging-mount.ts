import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeFolder, removeFolder } from './folder.ts';
import { until } from './until.ts';

/** Looks, one in 20 ms, in which nothing happened. */
const IDLE_LOOKS = 5;
/** Milliseconds that unmounting may take, until the server is killed, with which the mount goes. */
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
 * A folder that is seen through a bindfs mount, whose server can be stopped: then every call on the
 * mount hangs, as on a network disk that is gone. The test itself must not touch `path` meanwhile.
 */
export class HangingMount {
  /** The mount. */
  readonly path: string;
  /** The same folder by its own path, which never hangs. */
  readonly behind: string;
  readonly #base = makeFolder();
  #server: ChildProcess | undefined;

  constructor() {
    this.path = join(this.#base, 'mount');
    this.behind = join(this.#base, 'behind');
    mkdirSync(this.path);
    mkdirSync(this.behind);
  }

  /** What is in `behind` is there from the first look on: the kernel remembers nothing else. */
  async mount(): Promise<void> {
    this.#server = spawn('bindfs', ['-f', '--no-allow-other', this.behind, this.path], {
      stdio: 'ignore',
    });
    await until('bindfs mounts', () => this.#mounted);
  }

  /**
   * Stops the server when it has had nothing to do for a while: whoever waits for a call that it is
   * in the middle of could not even be killed (fs/fuse/dev.c, request_wait_answer).
   */
  async hang(): Promise<void> {
    let before: string | undefined;
    let idleLooks = 0;
    await until('bindfs is idle', () => {
      const activity = this.#activity();
      // On a busy machine it may stand still although it is in the middle of one: not asleep then.
      const idle = activity === before && /^State:\s+S/.test(activity);
      idleLooks = idle ? idleLooks + 1 : 0;
      before = activity;
      return idleLooks >= IDLE_LOOKS;
    });
    this.#server?.kill('SIGSTOP');
  }

  goOn(): void {
    this.#server?.kill('SIGCONT');
  }

  /** Whatever state it is in: no mount and no server is left. */
  async remove(): Promise<void> {
    this.goOn();
    const unmount = unmountCommand();
    if (this.#mounted && unmount !== undefined)
      spawnSync(unmount, ['-u', this.path], { timeout: UNMOUNT_MS });
    // Somebody still works in it: then it goes away with them.
    if (this.#mounted) spawnSync('umount', ['-l', this.path], { timeout: UNMOUNT_MS });
    this.#server?.kill('SIGKILL');
    await until('mount and server are gone', () => !this.#mounted && this.#ended);
    removeFolder(this.#base);
  }

  /** Changes whenever the server runs. */
  #activity(): string {
    const status = readFileSync(`/proc/${this.#server?.pid}/status`, 'utf8');
    return status.match(/^(?:State|voluntary_ctxt_switches):.*/gm)?.join() ?? '';
  }

  get #ended(): boolean {
    return this.#server?.exitCode !== null || this.#server.signalCode !== null;
  }

  get #mounted(): boolean {
    // A stat would hang.
    return readFileSync('/proc/self/mounts', 'utf8').includes(` ${this.path} `);
  }
}

/** A mount of a folder that `fill` has filled; it is gone after the test, also when that fails. */
export async function hangingMount(
  fill: (folder: string) => void = () => {},
): Promise<HangingMount> {
  const mount = new HangingMount();
  onTestFinished(() => mount.remove());
  fill(mount.behind);
  await mount.mount();
  return mount;
}

function unmountCommand(): string | undefined {
  return ['fusermount3', 'fusermount'].find(
    (command) => spawnSync(command, ['--version']).error === undefined,
  );
}
