import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { laidOver } from '../helpers/wire/both-ways.ts';
import { startInTest } from '../helpers/cli/cli.ts';
import { cuttingRelay } from '../helpers/cli/cutting-relay.ts';
import { bothEnds, receiveCommand } from '../helpers/cli/duplex.ts';
import { changeRandomly, withRandomPair, type RandomPair } from '../helpers/trees/random-tree.ts';
import { expectExit } from '../helpers/trees/sandbox.ts';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';
import { rounds, SEEDED } from '../helpers/proofs.ts';
import { randomFor, tryEach } from './rounds.ts';
import { contentOf, differences } from './site.ts';

// Random trees, edits on both sides, and connections that are cut: after each transfer OUT is exact, and
// one that broke off leaves OUT unchanged and can be repeated.

interface Round {
  seed: number;
  way: 'socket' | 'command';
}

/** How a transfer is made. Without `mirror`, the hardlinks of OUT cannot be predicted exactly. */
interface Manner {
  way: Round['way'];
  mirror: boolean;
  send: string[];
}

const EDITS = 12;
/** Transfers of a round, each after different edits. */
const TRANSFERS = 3;
/** Bytes within which a transfer is cut: more than most of them have. */
const CUT_WITHIN_BYTES = 6_000;

function tryRound({ seed, way }: Round): Promise<string[]> {
  return withRandomPair(seed, async (pair) => {
    const { context, out, random } = pair;
    const wrong: string[] = [];
    for (let i = 0; i < TRANSFERS && wrong.length === 0; i++) {
      changeRandomly(context, random, 1 + random(EDITS));
      const mirror = random(3) > 0;
      if (mirror) changeRandomly(out, random, random(EDITS));
      else if (random(3) === 0) rmSync(out, { recursive: true });
      const send = [['--checksum'], ['--full'], []][random(3)]!;
      if (way === 'socket' && random(2) === 0)
        wrong.push(...(await cut(pair, { way, mirror, send })));
      wrong.push(...(await whole(pair, { way, mirror, send })));
    }
    return wrong;
  });
}

/** A complete transfer: OUT is exact. */
async function whole(pair: RandomPair, manner: Manner): Promise<string[]> {
  const { context, out } = pair;
  const before = existsSync(out) ? contentOf(out) : {};
  const { send, receive } = await ends(pair, manner);
  if (send.code !== 0 || receive.code !== 0) return [`${send.stderr}${receive.stderr}`];
  const wanted = manner.mirror ? treeState(context) : laidOver(before, treeState(context));
  const look = manner.mirror ? (state: TreeState) => state : withoutNames;
  const wrong = differences(look(treeState(out)), look(wanted));
  return wrong.length === 0 ? [] : [JSON.stringify(manner), ...wrong];
}

async function ends({ directory, context, out }: RandomPair, { way, mirror, send }: Manner) {
  // Edits may delete everything.
  const args = mirror ? ['--delete', '--allow-empty'] : [];
  if (way === 'command') {
    const sender = startInTest(['send', context, ...send, ...receiveCommand(out, ...args)]);
    return bothEnds({ sender, receiver: sender });
  }
  const socket = join(directory, 'socket');
  rmSync(socket, { force: true });
  const receiver = startInTest(['receive', out, '--socket', socket, ...args]);
  const sender = startInTest(['send', context, ...send, '--socket', socket]);
  return bothEnds({ sender, receiver });
}

/** A transfer that is cut somewhere: OUT is unchanged, or the cut came too late. */
async function cut({ directory, context, out, random }: RandomPair, { mirror, send }: Manner) {
  const before = existsSync(out) ? contentOf(out) : undefined;
  const [to, path] = [join(directory, 'socket'), join(directory, 'relay')];
  for (const left of [to, path]) rmSync(left, { force: true });
  const args = mirror ? ['--delete'] : [];
  const receiver = startInTest(['receive', out, '--socket', to, ...args]);
  const after = random(4) === 0 ? 'all but FIN' : random(CUT_WITHIN_BYTES);
  await cuttingRelay({ path, to, after, ready: async () => {} });
  const sender = startInTest(['send', context, ...send, '--socket', path]);
  const both = await bothEnds({ sender, receiver });
  if (both.receive.code === 0) return [];
  expectExit(both.receive, 7);
  expectExit(both.send, 7, 9, 10);
  const is = existsSync(out) ? contentOf(out) : {};
  // It created OUT, which must be empty.
  if (before === undefined) return Object.keys(is).filter((each) => each !== '');
  const wrong = differences({ ...is, '': '' }, { ...before, '': '' });
  return wrong.length === 0 ? [] : [`cut ${after}`, ...wrong];
}

/** Link groups are identified by their first name, which may exist only in OUT. */
function withoutNames(state: TreeState): TreeState {
  const entries = Object.entries(state);
  return Object.fromEntries(entries.map(([path, is]) => [path, is.replace(/ = [^]*$/, '')]));
}

const ROUNDS = rounds(12, 2);

test(
  `OUT is exact after random trees, edits and cuts: ${ROUNDS} rounds ${SEEDED}`,
  { timeout: 120_000 + ROUNDS * 10_000 },
  async () => {
    const random = randomFor('random-trees');
    const all = Array.from({ length: ROUNDS }, (_, i): Round => {
      return { seed: random(2 ** 31), way: i % 2 === 0 ? 'socket' : 'command' };
    });
    await tryEach(all, tryRound);
  },
);
