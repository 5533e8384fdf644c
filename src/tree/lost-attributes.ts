import { spawnSync } from 'node:child_process';
import { joinPath, type BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { unescapeOctal } from '../disk/octal-escapes.ts';
import { ATTRIBUTE_BATCH_BYTES, MAX_ATTRIBUTE_OUTPUT_BYTES } from '../limits.ts';

/**
 * Runs a tool once with all paths.
 * @returns its output; undefined if it is not installed; false if it failed without output
 */
export type RunTool = (command: readonly string[], paths: Buffer) => string | false | undefined;

/**
 * Reports executables that are sent without their file capabilities, ACL or extended attributes.
 *
 * Node cannot read extended attributes, so getfattr does, or getcap if getfattr is not installed: one
 * process for many files. Only executables are checked, because a lost capability breaks them as a
 * lost setuid bit does, and checking every file takes a tenth of a transfer's time. Without both
 * tools, only losses known from elsewhere are reported.
 */
export class LostAttributes {
  readonly #root: BytePath;
  readonly #onChanged: (path: BytePath, reason: string) => void;
  readonly #status: WorkerStatus;
  readonly #run: RunTool;
  #tools: readonly Tool[] = [GETFATTR, GETCAP];
  /** Keyed by path on the disk. */
  #batch = new Map<BytePath, { path: BytePath; lost: string | undefined }>();
  #bytes = 0;

  /** @param root of the context, resolved */
  constructor(
    root: BytePath,
    onChanged: (path: BytePath, reason: string) => void,
    status: WorkerStatus,
    run: RunTool = runForEach,
  ) {
    this.#root = root;
    this.#onChanged = onChanged;
    this.#status = status;
    this.#run = run;
  }

  /**
   * Adds an executable that is sent.
   * @param lost its other losses: each path is reported only once
   */
  add(path: BytePath, lost: string | undefined): void {
    const diskPath = joinPath(this.#root, path);
    this.#batch.set(diskPath, { path, lost });
    this.#bytes += diskPath.length + 1;
    if (this.#bytes >= ATTRIBUTE_BATCH_BYTES) this.end();
  }

  /** Reports the executables added so far. */
  end(): void {
    const batch = this.#batch;
    if (batch.size === 0) return;
    this.#batch = new Map();
    this.#bytes = 0;
    const found = this.#look(batch);
    for (const [diskPath, { path, lost }] of batch) {
      const reasons = found.get(diskPath) ?? [];
      if (lost !== undefined) reasons.unshift(lost);
      if (reasons.length > 0) this.#onChanged(path, reasons.join('; '));
    }
  }

  #look(batch: ReadonlyMap<BytePath, { path: BytePath }>): Map<BytePath, string[]> {
    const [first] = batch.values();
    if (first !== undefined) this.#status.enter('scanning', first.path);
    const paths = toFsBytes([...batch.keys()]);
    for (const tool of this.#tools) {
      const printed = this.#run(tool.command, paths);
      if (printed === undefined) this.#tools = this.#tools.filter((other) => other !== tool);
      // It may not know the options, or a file vanished: try the next tool, for this batch only.
      else if (printed !== false) return tool.read(printed);
    }
    return new Map();
  }
}

interface Tool {
  command: readonly string[];
  /** Parses the tool's output (latin1): the losses of each path. */
  read: (printed: string) => Map<BytePath, string[]>;
}

const CAPABILITIES = 'file capabilities are dropped';

/** In the order of the report. */
const ATTRIBUTES: readonly [name: RegExp, reason: string][] = [
  [/^security\.capability$/m, CAPABILITIES],
  [/^system\.posix_acl_access$/m, 'the ACL is dropped'],
  [/^user\./m, 'extended attributes are dropped'],
];

const GETFATTR: Tool = {
  command: [
    'getfattr',
    '--no-dereference',
    '--absolute-names',
    '--match=^(user\\.|security\\.capability$|system\\.posix_acl_access$)',
    '--',
  ],
  read: (printed) => {
    const found = new Map<BytePath, string[]>();
    for (const block of printed.split('\n\n')) {
      const [, name, names] = /^\n?# file: (.*)\n([^]*)$/.exec(block) ?? [];
      if (name === undefined || names === undefined) continue;
      const reasons = ATTRIBUTES.filter(([attribute]) => attribute.test(names));
      found.set(
        unescapeOctal(name),
        reasons.map(([, reason]) => reason),
      );
    }
    return found;
  },
};

/** getcap escapes nothing: a path with a newline is not recognized. */
const GETCAP: Tool = {
  command: ['getcap'],
  read: (printed) => {
    const found = new Map<BytePath, string[]>();
    for (const [, path] of printed.matchAll(/^(\/.*?) (?:= )?(?:=|cap_)\S*$/gm)) {
      if (path !== undefined) found.set(path, [CAPABILITIES]);
    }
    return found;
  },
};

function toFsBytes(paths: readonly BytePath[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1');
}

/** Uses xargs: Node passes arguments as text, and a path need not be valid text. */
function runForEach(command: readonly string[], paths: Buffer): string | false | undefined {
  const { error, status, stdout } = spawnSync('xargs', ['-0', ...command], {
    input: paths,
    // So that a relative directory in PATH does not lead into the context.
    cwd: '/',
    maxBuffer: MAX_ATTRIBUTE_OUTPUT_BYTES,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  if (status === TOOL_NOT_RUN || status === TOOL_NOT_FOUND) return undefined;
  if (stdout === null || (error !== undefined && stdout.length === 0)) return undefined;
  // Output truncated at the limit, or without some of the files, is still valid.
  return status !== 0 && stdout.length === 0 ? false : stdout.toString('latin1');
}

/** Exit statuses of xargs(1), POSIX. */
const TOOL_NOT_RUN = 126;
const TOOL_NOT_FOUND = 127;
