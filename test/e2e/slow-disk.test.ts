import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { joinByPipe, startInTest, type Outcome, type Started } from '../helpers/cli/cli.ts';
import { slowDisk, type SlowDisk, type SlowDiskPlan } from '../helpers/disk/slow-disk.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { expectFailure, workNames, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const DIRECTORIES = 20;
const FILES_EACH = 20;
const FILE_BYTES = 16_000;
/** In the directory d20. */
const MIDDLE = `file-${1_000 + 10 * FILES_EACH + 5}`;
const AFTER_MIDDLE = `file-${1_000 + 10 * FILES_EACH + 7}`;
const IN_MEMORY = '/dev/shm';
const SAYS = ['--stall-after', '1s'];
const GIVES_UP = [...SAYS, '--stall-timeout', '2s'];

function fillContext(context: string): void {
  const names = Array.from({ length: DIRECTORIES * FILES_EACH }, (_, at) => at);
  const path = (at: number): string => `d${Math.floor(at / FILES_EACH) + 10}/file-${at + 1_000}`;
  writeTree(context, Object.fromEntries(names.map((at) => [path(at), bytesOf(at)])));
}

function bytesOf(at: number): Uint8Array {
  return Buffer.alloc(at % 7 === 0 ? at : FILE_BYTES + at, `${at} `);
}

interface Sides {
  sender: Started;
  receiver: Started;
  source: SlowDisk;
  destination: SlowDisk;
  context: string;
  out: string;
}

interface Plans {
  fill?: (context: string) => void;
  source?: SlowDiskPlan;
  destination?: SlowDiskPlan;
  send?: readonly string[];
  receive?: readonly string[];
  /** Where the context and OUT are; by default two temporary directories. */
  below?: string;
}

/** `ctxsync send | ctxsync receive`, both with a slow disk. */
function startByPipe(plans: Plans = {}): Sides {
  const { fill = fillContext, send = [], receive = [] } = plans;
  const { below } = plans;
  const [context, out] = ['context', 'out'].map((name) =>
    below === undefined ? directoryInTest() : join(below, name),
  ) as [string, string];
  mkdirSync(context, { recursive: true });
  fill(context);
  const source = slowDisk(context, plans.source);
  const destination = slowDisk(out, plans.destination);
  const sender = startInTest(['send', ...send, context], { env: source.env });
  const receiver = startInTest(['receive', ...receive, out], { env: destination.env });
  joinByPipe(sender, receiver);
  return { sender, receiver, source, destination, context, out };
}

async function ends({ sender, receiver }: Sides): Promise<[Outcome, Outcome]> {
  return Promise.all([sender.done, receiver.done]);
}

/** A FIFO that makes a call hang, and what ends that. */
function hang(): { fifo: string; goOn: () => void } {
  const fifo = join(directoryInTest(), 'fifo');
  execFileSync('mkfifo', [fifo]);
  return { fifo, goOn: () => closeSync(openSync(fifo, 'r+')) };
}

function mentions(started: Started, text: string): Promise<void> {
  return until(`it mentions ${text}`, () => started.said().includes(text));
}

if (!existsSync(IN_MEMORY))
  process.stderr.write(`slow-disk.test.ts: ${IN_MEMORY} is missing, so a fast disk is not tried\n`);

describe('on a slow disk', () => {
  test('several threads read and write, and the result is the same', async () => {
    const sides = startByPipe({
      fill: (context) => {
        makeExoticTree(context);
        fillContext(context);
      },
    });
    const [send, receive] = await ends(sides);
    expectDone({ send, receive });
    expect(treeState(sides.out)).toEqual(treeState(sides.context));
    expect(sides.source.threads('openSync')).toBeGreaterThan(2);
    expect(sides.destination.threads('openSync')).toBeGreaterThan(2);
  });

  test('several threads look at what is there, and nothing unchanged is sent', async () => {
    const [context, out] = [directoryInTest(fillContext), directoryInTest()];
    execFileSync('cp', ['-a', `${context}/.`, out]);
    const [source, destination] = [slowDisk(context), slowDisk(out)];
    const socket = join(directoryInTest(), 'socket');
    const receiver = startInTest(['receive', '--socket', socket, out], { env: destination.env });
    const sender = startInTest(['send', '--socket', socket, context], { env: source.env });
    const [send, receive] = await Promise.all([sender.done, receiver.done]);
    expectDone({ send, receive });
    expect(receive.stderr).toContain('420 entries unchanged');
    expect(source.threads('lstatSync')).toBeGreaterThan(2);
    expect(destination.threads('lstatSync')).toBeGreaterThan(2);
    expect(treeState(out)).toEqual(treeState(context));
  });

  test('a file that cannot be read ends the transfer, whoever reads it', async () => {
    const sides = startByPipe({ source: { fails: [MIDDLE], code: 'EACCES', errno: -13 } });
    const [send] = await ends(sides);
    expectFailure(send, 3, `cannot read d20/${MIDDLE}: permission denied (EACCES)`);
    expect(readdirSync(sides.out)).toEqual([]);
  });

  test('a file that changes whenever it is read is not sent', async () => {
    const sides = startByPipe({ source: { changes: MIDDLE } });
    const [send] = await ends(sides);
    expectFailure(send, 3, `d20/${MIDDLE} grew while the context was read`);
    expect(readdirSync(sides.out)).toEqual([]);
  });

  test('the first of the files that find no space is named, and OUT is as it was', async () => {
    const fails = [AFTER_MIDDLE, MIDDLE];
    const sides = startByPipe({ destination: { fails, code: 'ENOSPC', errno: -28 } });
    const [, receive] = await ends(sides);
    expectFailure(receive, 4, `cannot write d20/${MIDDLE}: no space left on device (ENOSPC)`);
    expect(readdirSync(sides.out)).toEqual([]);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    '%s in the middle leaves OUT as it was',
    async (signal) => {
      const sides = startByPipe();
      await until('it is in the middle', () => sides.destination.threads('openSync') > 2);
      sides.receiver.child.kill(signal);
      const [, receive] = await ends(sides);
      expect(receive.code ?? receive.signal).toBe(signal === 'SIGTERM' ? 143 : signal);
      const left = readdirSync(sides.out).length - workNames(sides.out).length;
      expect([left, signal === 'SIGTERM' ? readdirSync(sides.out) : []]).toEqual([0, []]);
    },
  );
});

describe('when one call of several hangs', () => {
  const SOURCE = `sender is reading d20/${MIDDLE} (disk not answering)`;
  const DESTINATION = `receiver is writing d20/${MIDDLE} (disk not answering)`;

  test.each([
    ['source', SOURCE],
    ['destination', DESTINATION],
  ] as const)('the stall names its path, and ends with it: %s', async (where, verdict) => {
    const { fifo, goOn } = hang();
    const sides = startByPipe({ [where]: { hangs: MIDDLE, fifo }, send: SAYS, receive: SAYS });
    const side = where === 'source' ? sides.sender : sides.receiver;
    await mentions(side, verdict);
    goOn();
    const [send, receive] = await ends(sides);
    expectDone({ send, receive });
    expect(treeState(sides.out)).toEqual(treeState(sides.context));
  });

  test.each([
    ['source', SOURCE],
    ['destination', DESTINATION],
  ] as const)('the side gives up with --stall-timeout: %s', async (where, verdict) => {
    const { fifo, goOn } = hang();
    const sides = startByPipe({
      [where]: { hangs: MIDDLE, fifo },
      send: GIVES_UP,
      receive: GIVES_UP,
    });
    const side = where === 'source' ? sides.sender : sides.receiver;
    await mentions(side, verdict);
    const { code, signal, stderr } = await side.done;
    // With a stuck thread only a signal can end the process.
    expect([8, 'SIGKILL']).toContain(code ?? signal);
    expect(stderr).toContain(`gave up after 2s without progress: ${verdict}`);
    await ends(sides);
    goOn();
  });
});

// On a busy machine even an idle disk may be slow.
test.skipIf(!existsSync(IN_MEMORY))('on a fast disk no thread is started', async () => {
  const memory = mkdtempSync(join(IN_MEMORY, 'ctxsync-test-'));
  onTestFinished(() => rmSync(memory, { recursive: true }));
  const sides = startByPipe({ source: { ms: 0 }, destination: { ms: 0 }, below: memory });
  const [send, receive] = await ends(sides);
  expectDone({ send, receive });
  expect(sides.source.threads('openSync')).toBe(1);
  expect(sides.destination.threads('openSync')).toBe(1);
});
