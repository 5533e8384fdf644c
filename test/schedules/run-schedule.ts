import { LINGER_MS } from '../../src/limits.ts';
import { settle, someBytes } from '../helpers/wire/harness.ts';
import { ChaosPipe } from './chaos-pipe.ts';
import { REAL_CORE, type Core } from './core.ts';
import type { Plan, Step, Trouble } from './plan.ts';
import { Side, STALL_TIMEOUT_MS, TICK_MS } from './side.ts';

/** The outcome of both sides: 'done', or the code of the failure. */
export interface Outcome {
  sender: string;
  receiver: string;
}

/** Reads that need no wake-up in between: a transport may carry one byte at a time. */
const READS_A_TURN = 200;
/** Turns of the event loop after which every pending wake-up has been seen. */
const IDLE_TURNS = 3;
/** The same before we conclude that nothing will ever come. */
const HUNG_TURNS = 50;
/** Milliseconds after the last movement, after which neither side may still wait. */
const ALL_OVER_MS = 3 * STALL_TIMEOUT_MS + 4 * LINGER_MS;

/**
 * Runs a whole transfer by a plan, on virtual time: its steps in order, and then everything that can
 * continue until both sides have ended.
 *
 * @throws Error when a rule of the model is broken: loss, disorder, credit, a false success, an error
 *   that does not arrive, a wait that nothing ends
 */
export function runSchedule(plan: Plan, core: Core = REAL_CORE): Promise<Outcome> {
  return new Schedule(plan, core).run();
}

class Schedule {
  readonly #plan: Plan;
  readonly #sender: Side;
  readonly #receiver: Side;
  readonly #forth: ChaosPipe;
  readonly #back: ChaosPipe;
  readonly #violations: string[] = [];
  /** Sides on which a stream was cancelled: they fail next. */
  readonly #givenUp: Side[] = [];
  /** Troubles that happened before the end. */
  readonly #met: Trouble[] = [];
  #now = 0;

  constructor(plan: Plan, core: Core) {
    this.#plan = plan;
    const now = (): number => this.#now;
    this.#forth = new ChaosPipe(plan.forth, now);
    this.#back = new ChaosPipe(plan.back, now);
    const { mode, frameBytes, codec } = plan;
    const content = codec === undefined ? someBytes : sameBytes;
    const streams = plan.streams.map((bytes, i) => content(bytes, i));
    const answers = plan.answers.map((bytes, i) => content(bytes, i + 7));
    const violation = (what: string): void => void this.#violations.push(what);
    const common = { mode, core, frameBytes, codec, ringBytes: 2 ** plan.ringBits, now, violation };
    this.#sender = new Side({
      ...common,
      role: 'sender',
      outgoing: this.#forth,
      incoming: this.#back,
      contents: streams,
      expected: answers,
    });
    this.#receiver = new Side({
      ...common,
      role: 'receiver',
      outgoing: this.#back,
      incoming: this.#forth,
      contents: answers,
      expected: streams,
    });
  }

  async run(): Promise<Outcome> {
    const { steps, troubles } = this.#plan;
    for (const [i, step] of steps.entries()) {
      for (const trouble of troubles) if (trouble.at === i) this.#meet(trouble);
      if (this.#take(step)) await settle();
      this.#check();
    }
    for (const trouble of troubles) if (trouble.at >= steps.length) this.#meet(trouble);
    await this.#goOn();
    this.#checkEnds();
    return { sender: nameOf(this.#sender), receiver: nameOf(this.#receiver) };
  }

  /** @returns whether wake-ups may follow */
  #take({ what, side: role, stream, bytes }: Step): boolean {
    const side = role === 'sender' ? this.#sender : this.#receiver;
    if (what === 'open') side.open(stream);
    if (what === 'write') side.write(stream, bytes);
    if (what === 'consume') side.consume(stream, bytes);
    if (what === 'pause' || what === 'resume') side.pause(stream, what === 'pause');
    if (what === 'read') side.read(bytes);
    if (what === 'beat') side.beat();
    if (what === 'tick') this.#pass(Math.min(bytes, TICK_MS));
    return what !== 'pause' && what !== 'resume';
  }

  #meet(trouble: Trouble): void {
    const { what, side: role, stream, bytes } = trouble;
    const side = role === 'sender' ? this.#sender : this.#receiver;
    if (side.outcome !== undefined) return;
    this.#met.push(trouble);
    if (what === 'error') side.fail(role === 'sender' ? 'source-changed' : 'no-space');
    if (what === 'freeze') side.freeze(stream);
    if (what === 'stall') this.#pipeOf(side).stalled = true;
    if (what === 'cut') this.#cut(bytes);
    if (what === 'cancel') {
      side.cancel(stream);
      this.#givenUp.push(side);
    }
  }

  #pipeOf(side: Side): ChaosPipe {
    return side === this.#sender ? this.#forth : this.#back;
  }

  #cut(lostBytes: number): void {
    this.#forth.cut(lostBytes);
    this.#back.cut(lostBytes);
  }

  /** Continues everything that can, until both sides have ended. */
  async #goOn(): Promise<void> {
    for (const side of this.#givenUp) side.fail('not-writable');
    for (const stream of [0, 1, 2]) {
      this.#sender.pause(stream, false);
      this.#receiver.pause(stream, false);
    }
    let movedAt = this.#now;
    for (let idle = 0; !this.#over;) {
      const moved = this.#moveAll();
      await settle();
      this.#check();
      idle = moved ? 0 : idle + 1;
      if (moved) movedAt = this.#now;
      if (idle < IDLE_TURNS) continue;
      if (!this.#passToWhatIsDue() && idle < HUNG_TURNS) continue;
      if (idle >= HUNG_TURNS) this.#hangs('nothing can run, nothing is due, something still waits');
      if (this.#now - movedAt > ALL_OVER_MS) this.#hangs('somebody waits for ever');
      idle = 0;
    }
  }

  #moveAll(): boolean {
    let moved = false;
    for (const side of [this.#sender, this.#receiver]) {
      for (const stream of [0, 1, 2]) {
        side.pause(stream, false);
        moved = side.open(stream) || moved;
        moved = side.write(stream, 60) || moved;
        moved = side.consume(stream, 50) || moved;
      }
      for (let reads = 0; reads < READS_A_TURN && side.read(100); reads++) moved = true;
    }
    return moved;
  }

  /** @returns false when waiting would change nothing */
  #passToWhatIsDue(): boolean {
    const due = [this.#forth, this.#back].flatMap(({ dueAt }) =>
      dueAt !== undefined && dueAt > this.#now ? [dueAt] : [],
    );
    const ended = [this.#sender, this.#receiver].some(({ outcome }) => outcome !== undefined);
    // Without trouble no timeout may be needed.
    if (due.length === 0 && !ended && this.#met.length === 0) return false;
    this.#pass(Math.min(TICK_MS, ...due.map((at) => at - this.#now)));
    return true;
  }

  #pass(ms: number): void {
    this.#now += ms;
    this.#sender.tick();
    this.#receiver.tick();
  }

  get #over(): boolean {
    return this.#sender.over && this.#receiver.over;
  }

  #check(): void {
    if (this.#plan.mode === 'duplex') {
      for (const { demux, options } of [this.#sender, this.#receiver]) {
        if (demux?.waiting === true) this.#violations.push(`${options.role}: the reader waits`);
      }
    }
    const [first] = this.#violations;
    if (first !== undefined) this.#hangs(first);
  }

  #checkEnds(): void {
    const { mode } = this.#plan;
    const [sender, receiver] = [nameOf(this.#sender), nameOf(this.#receiver)];
    const ends = `the sender ends with ${sender}, the receiver with ${receiver}`;
    if (this.#met.length === 0 && (sender !== 'done' || receiver !== 'done')) this.#hangs(ends);
    if (mode === 'duplex' && sender === 'done' && receiver !== 'done') {
      this.#hangs(`false success: ${ends}`);
    }
    this.#checkErrorArrived(this.#sender, this.#receiver);
    this.#checkErrorArrived(this.#receiver, this.#sender);
    this.#check();
  }

  /** If nothing else went wrong, the other side knows the code of a failure. */
  #checkErrorArrived(failed: Side, other: Side): void {
    const [trouble] = this.#met;
    if (trouble === undefined || this.#met.length > 1) return;
    if (trouble.what !== 'error' && trouble.what !== 'cancel') return;
    if (trouble.side !== failed.options.role || failed.mux === undefined) return;
    if (other.demux === undefined || other.outcome === 'done') return;
    if (other.peerError?.code === nameOf(failed)) return;
    this.#hangs(`the ${failed.options.role} failed, and its ERROR did not arrive`);
  }

  #hangs(why: string): never {
    const state = [this.#sender.describe(), this.#receiver.describe()].join('\n');
    throw new Error(`${why}, at ${this.#now} ms\n${state}`);
  }
}

function nameOf({ outcome }: Side): string {
  return outcome === 'done' ? 'done' : (outcome?.code ?? 'under way');
}

/** They shrink, even the few of a small frame. */
function sameBytes(count: number, seed: number): Uint8Array {
  return new Uint8Array(count).fill(seed);
}
