import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';
import { shown, wrongNext, type Ends, type Side, type Where } from './carry.ts';
import type { FailingCall } from './disturbance.ts';
import { contentOf, differences, leftOvers, type Site } from './site.ts';

export type Failure = Where & Pick<FailingCall, 'code' | 'lasts'>;

/** What is wrong after a call of one side has failed, one line each. */
export async function wrongAfter(site: Site, ends: Ends, failure: Failure): Promise<string[]> {
  const wrong = [...wrongEnds(site, ends, failure), ...wrongOut(site, ends, failure)];
  wrong.push(...wrongRest(site, ends, failure));
  if (leftOvers(site.out).length > 0) wrong.push(...(await wrongNext(site)));
  if (wrong.length === 0) return [];
  return [...wrong, `send: ${shown(ends.send)}`, `receive: ${shown(ends.receive)}`];
}

/** 2: an ignore file that cannot be read. */
const OWN_CODES: Record<Side, number[]> = { sender: [0, 2, 3], receiver: [0, 4] };
/** The other side: its peer failed, is gone, or left the outcome unknown. */
const PEER_CODES: Record<Side, number[]> = { sender: [0, 7, 9, 10], receiver: [0, 7, 9] };

function wrongEnds(site: Site, { send, receive, hung }: Ends, { side, code }: Failure): string[] {
  const wrong = hung.map((each) => `the ${each} hung`);
  const [own, peer] = side === 'sender' ? [send, receive] : [receive, send];
  const other = side === 'sender' ? 'receiver' : 'sender';
  if (!OWN_CODES[side].includes(own.code ?? NaN)) wrong.push(`the ${side} ended with ${own.code}`);
  if (!PEER_CODES[other].includes(peer.code ?? NaN))
    wrong.push(`the ${other} ended with ${peer.code}`);
  if (/^\s+at .*:\d+/m.test(send.stderr + receive.stderr)) wrong.push('a stack was shown');
  if (own.code === 0) return wrong;
  if (!own.stderr.includes(code) && !/was replaced|vanished/.test(own.stderr))
    wrong.push('no cause is named');
  if (!namesOf(site).some((name) => own.stderr.includes(name))) wrong.push('no path is named');
  return wrong;
}

function namesOf({ directory, old, new: wanted }: Site): string[] {
  const names = [...Object.keys(old), ...Object.keys(wanted)].filter((path) => path !== '');
  return [directory, './', ...names.map((name) => name.replace('\xe9', '\\xe9'))];
}

/**
 * OUT is new after exit status 0 and old otherwise. A disk that accepts no more changes may leave it in
 * between: then the message says so, and nothing of the old content is lost.
 */
function wrongOut(site: Site, { send, receive }: Ends, { way, lasts }: Failure): string[] {
  const { out, old, new: wanted } = site;
  const wrong = differences(contentOf(out), receive.code === 0 ? wanted : old).filter(
    // OUT's own time cannot be right while something is left in it, and a warning may report that.
    (line) => !line.startsWith('"" is') || !(leftOvers(out).length > 0 || saysTime(receive)),
  );
  if (way === 'socket' && send.code === 0 && receive.code !== 0) wrong.push('the sender said 0');
  if (lasts !== 'once' && receive.code !== 0 && /may hold a part/.test(receive.stderr)) {
    const is = contentsOf(treeState(out));
    return contentsOf(old).flatMap((content) => (is.includes(content) ? [] : `lost: ${content}`));
  }
  return wrong.length === 0 ? [] : [`the receiver said ${receive.code}, but`, ...wrong];
}

function saysTime({ stderr }: { stderr: string }): boolean {
  return stderr.includes('cannot set mode and time of');
}

/** Size and digest of each file. */
function contentsOf(state: TreeState): string[] {
  return Object.values(state).flatMap((each) => /^file \d+ -?\d+ (\d+ \w+)/.exec(each)?.[1] ?? []);
}

/** Whatever the disk does not let us remove must be named in the message. */
function wrongRest({ directory, out }: Site, { receive }: Ends, { way, lasts }: Failure): string[] {
  const wrong: string[] = [];
  const found = leftOvers(out);
  const said = /is left|is kept|cannot remove the stage|cannot release the lock/.test(
    receive.stderr,
  );
  if (found.length > 0 && !said && lasts === 'once') wrong.push(`left behind: ${found.join(', ')}`);
  if (way === 'socket' && existsSync(join(directory, 'socket'))) wrong.push('the socket is left');
  return wrong;
}
