import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { makeDirectory, removeDirectory } from '../trees/temporary-directory.ts';
import { until } from '../until.ts';

/**
 * A namespace of mounts and processes that ends with its first process.
 * `--kill-child`: it ends with the test, too.
 */
const NAMESPACE = ['--mount', '--mount-proc', '--fork', '--pid', '--kill-child'];

/**
 * dockerd always writes to /etc/docker and /run, so it gets its own. It runs until stdin ends, so that
 * it does not outlive the process that started it.
 */
const SCRIPT = `
  for file in passwd group nsswitch.conf; do cp "/etc/$file" "$1/etc"; done
  mount --bind "$1/etc" /etc
  mount -t tmpfs tmpfs /run
  dockerd --host "unix://$1/socket" --data-root "$1/data" --exec-root "$1/exec" \\
    --pidfile "$1/pid" --storage-driver vfs --bridge=none --iptables=false --ip6tables=false \\
    --ip-forward=false --ip-masq=false < /dev/null &
  cat > /dev/null`;

/** Why there is no docker here; undefined when there is. */
export function whyNoDockerd(): string | undefined {
  if (process.platform !== 'linux') return 'dockerd runs on Linux only';
  if (process.getuid?.() !== 0) return 'dockerd has to be started by root';
  if (onPath('dockerd').length === 0) return 'dockerd is not installed';
  if (dockerClients().length === 0) return 'docker is not installed';
  const { status } = spawnSync('unshare', [...NAMESPACE, 'mount', '-t', 'tmpfs', 'tmpfs', '/run']);
  return status === 0 ? undefined : 'this root may not mount anything (or there is no unshare)';
}

/** Every docker client on PATH, each once. */
export function dockerClients(): string[] {
  return [...new Set(onPath('docker').map((path) => realpathSync(path)))];
}

/** Whether a client builds with BuildKit; newer ones do so only with a plugin. */
export function hasBuildKit(client: string): boolean {
  const env = { ...process.env, DOCKER_BUILDKIT: '1' };
  return spawnSync(client, ['build', '--help'], { env }).status === 0;
}

/** A private dockerd: it leaves nothing behind when it is stopped, and shares no images. */
export class Dockerd {
  readonly #base = makeDirectory();
  readonly #process: ChildProcess;
  #log = '';
  #ended = false;

  constructor() {
    mkdirSync(join(this.#base, 'etc'));
    mkdirSync(join(this.#base, 'config'));
    const args = [...NAMESPACE, 'sh', '-ec', SCRIPT, 'sh', this.#base];
    this.#process = spawn('unshare', args, { stdio: 'pipe' });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#log = (this.#log + chunk).slice(-10_000)));
    }
    this.#process.on('close', () => (this.#ended = true));
  }

  /** What a docker client needs in its environment to connect to it. */
  get env(): Record<string, string> {
    const socket = join(this.#base, 'socket');
    return { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(this.#base, 'config') };
  }

  async ready(): Promise<void> {
    await until('dockerd listens', () => this.#ended || this.#listens());
    if (this.#ended) throw new Error(`dockerd ended: ${this.#log}`);
  }

  async stop(): Promise<void> {
    this.#process.stdin?.end();
    await until('dockerd has ended', () => this.#ended);
    removeDirectory(this.#base);
  }

  #listens(): boolean {
    if (!existsSync(join(this.#base, 'pid'))) return false;
    const { status } = spawnSync('docker', ['version'], { env: { ...process.env, ...this.env } });
    return status === 0;
  }
}

function onPath(command: string): string[] {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories
    .map((directory) => join(directory, command))
    .filter((path) => existsSync(path));
}
