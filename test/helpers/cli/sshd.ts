import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { makeDirectory, removeDirectory } from '../trees/temporary-directory.ts';
import { until } from '../until.ts';

const KEYGEN = 'ssh-keygen';
const HOST = '127.0.0.1';

/** Why there is no ssh here; undefined when there is. */
export function whyNoSshd(): string | undefined {
  for (const command of ['ssh', KEYGEN]) {
    // Both end at once, whatever they do with the option.
    if (spawnSync(command, ['-?']).error !== undefined) return `${command} is not installed`;
  }
  const sshd = findSshd();
  if (sshd === undefined) return 'sshd is not installed';
  return whyNoLogin() ?? whyNoStart(sshd);
}

/** Where an ssh connects; defaults are used for what is not given. */
export interface Way {
  port?: number;
  key?: string;
  knownHosts?: string;
}

/** A private sshd on loopback: own keys, own config, the current user, an empty home. */
export class SshServer {
  /** The user's key. It is in the command line of every ssh client. */
  readonly key: string;
  /** A key whose sessions print a line on stdout before the command, as a noisy profile does. */
  readonly noisyKey: string;
  /** A known_hosts file that has another key for this server. */
  readonly wrongHosts: string;
  readonly #base = makeDirectory();
  readonly #hosts: string;
  readonly #home: string;
  #port = 0;
  #server: ChildProcess | undefined;
  #log = '';

  constructor() {
    this.key = join(this.#base, 'user-key');
    this.noisyKey = join(this.#base, 'noisy-key');
    this.wrongHosts = join(this.#base, 'wrong-hosts');
    this.#hosts = join(this.#base, 'hosts');
    this.#home = join(this.#base, 'home');
  }

  /** @param noise what a session with the noisy key prints first */
  async start({ noise }: { noise: string }): Promise<void> {
    const hostKey = join(this.#base, 'host-key');
    for (const key of [hostKey, this.key, this.noisyKey]) makeKey(key);
    this.#port = await freePort();
    this.#writeHosts(this.#hosts, hostKey);
    this.#writeHosts(this.wrongHosts, this.key);
    const config = this.#writeConfig(hostKey, noise);
    // sshd requires an absolute path, because it re-executes itself for each session.
    this.#server = spawn(findSshd()!, ['-D', '-e', '-f', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#server.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    await until('sshd listens', () => this.#log.includes('Server listening') || this.#ended);
    if (this.#ended) throw new Error(`sshd did not start: ${this.#log}`);
  }

  /** The command line after "--": ssh, and the command that it runs on the other side. */
  command(remote: readonly string[], way: Way = {}): string[] {
    const { port = this.#port, key = this.key, knownHosts = this.#hosts } = way;
    const options = [
      `UserKnownHostsFile=${knownHosts}`,
      'GlobalKnownHostsFile=none',
      'StrictHostKeyChecking=yes',
      'BatchMode=yes',
      // The keys of the user who runs the tests must not be used.
      'IdentitiesOnly=yes',
      'IdentityAgent=none',
    ].flatMap((option) => ['-o', option]);
    const ssh = ['ssh', '-F', 'none', '-p', String(port), '-i', key, ...options, HOST];
    return ['--', ...ssh, ...remote.map(quote)];
  }

  /** Process IDs of all sessions: of sshd for them, and of what runs in them. */
  sessions(): number[] {
    const server = this.#server?.pid;
    if (server === undefined) return [];
    const ids = processes();
    // A process that outlives its session has no parent here, but still has the HOME that it was given.
    const homely = ids.filter((id) => read(id, 'environ').includes(`HOME=${this.#home}\0`));
    return [...new Set([...descendants(server, ids), ...homely])];
  }

  /** Stops it in any state: no server and no session is left. */
  async stop(): Promise<void> {
    // They outlive their server, and could not be attributed to it afterwards.
    const all = this.sessions();
    if (!this.#ended) this.#server?.kill('SIGKILL');
    for (const id of all) kill(id);
    await until('sshd is gone', () => this.#ended && !all.some(lives));
    removeDirectory(this.#base);
  }

  get #ended(): boolean {
    const server = this.#server;
    return server === undefined || server.exitCode !== null || server.signalCode !== null;
  }

  #writeHosts(path: string, key: string): void {
    writeFileSync(path, `[${HOST}]:${this.#port} ${readFileSync(`${key}.pub`, 'utf8')}`);
  }

  #writeConfig(hostKey: string, noise: string): string {
    mkdirSync(this.#home);
    const keys = join(this.#base, 'authorized-keys');
    const first = String.raw`command="exec sh -c 'echo ${noise}; eval \"$SSH_ORIGINAL_COMMAND\"'"`;
    const ofKey = (key: string): string => readFileSync(`${key}.pub`, 'utf8');
    writeFileSync(keys, `${ofKey(this.key)}${first} ${ofKey(this.noisyKey)}`);
    const config = join(this.#base, 'sshd_config');
    const lines = [
      `ListenAddress ${HOST}`,
      `Port ${this.#port}`,
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${keys}`,
      'AuthenticationMethods publickey',
      'PidFile none',
      // The directory for temporary files is shared.
      'StrictModes no',
      'UsePAM no',
      // The user's own profile must not change what is tested.
      'PermitUserRC no',
      `SetEnv HOME=${this.#home}`,
    ];
    writeFileSync(config, lines.join('\n'));
    return config;
  }
}

/** A port at which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** sshd is often not in the PATH of a user who is not root. */
function findSshd(): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return directories.map((directory) => join(directory, 'sshd')).find((path) => existsSync(path));
}

function whyNoLogin(): string | undefined {
  try {
    const { shell, username } = userInfo();
    return /\/(?:nologin|false)$/.test(shell ?? '') ? `${username} may not log in` : undefined;
  } catch {
    return 'who runs the tests has no account here';
  }
}

/** As root, sshd needs an empty directory for privilege separation, which this creates. */
function whyNoStart(sshd: string): string | undefined {
  const directory = makeDirectory();
  try {
    const key = join(directory, 'key');
    makeKey(key);
    const words = checkSshd(sshd, key);
    const missing = words?.match(/Missing privilege separation directory: (\S+)/)?.[1];
    if (missing === undefined) return words;
    mkdirSync(missing, { recursive: true, mode: 0o755 });
    return checkSshd(sshd, key);
  } catch (error) {
    return String(error);
  } finally {
    removeDirectory(directory);
  }
}

/** What prevents it from starting, as sshd reports it. */
function checkSshd(sshd: string, hostKey: string): string | undefined {
  const args = ['-t', '-f', '/dev/null', '-h', hostKey];
  const { status, stderr } = spawnSync(sshd, args, { encoding: 'utf8' });
  return status === 0 ? undefined : `sshd does not start: ${stderr.trim()}`;
}

function makeKey(path: string): void {
  const args = ['-q', '-t', 'ed25519', '-N', '', '-C', 'ctxsync-test', '-f', path];
  const { status, stderr } = spawnSync(KEYGEN, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${KEYGEN}: ${stderr}`);
}

/** ssh joins its arguments into one line for the shell on the other side. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function descendants(ancestor: number, ids: readonly number[]): number[] {
  const parents = ids.map((id) => [id, parentOf(id)] as const);
  const found = [ancestor];
  for (const id of found) {
    for (const [child, parent] of parents) if (parent === id) found.push(child);
  }
  return found.slice(1);
}

function parentOf(id: number): number {
  return Number(read(id, 'status').match(/^PPid:\s*(\d+)/m)?.[1]);
}

/** Whether the process runs, and is not a zombie. */
function lives(id: number): boolean {
  return /^State:\s*[^ZX\s]/m.test(read(id, 'status'));
}

function kill(id: number): void {
  try {
    process.kill(id, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

function read(id: number, what: 'environ' | 'status'): string {
  try {
    return readFileSync(`/proc/${id}/${what}`, 'utf8');
  } catch {
    return ''; // it has just ended, or is not ours
  }
}
