import { protocolError } from './protocol-error.ts';
import { FIRST_SKIPPABLE, frameName, FrameType } from './frame.ts';
import type { Mode } from './messages.ts';

/** What may come next in one direction, per the table in PROTOCOL.md, section 4. */
export class FrameOrder {
  #state: 'new' | 'open' | 'fin' | 'receipt' | 'error' = 'new';
  #duplex = false;

  /** FIN, RECEIPT or ERROR has arrived. */
  get finished(): boolean {
    return this.#state === 'fin' || this.#state === 'receipt' || this.#state === 'error';
  }

  get duplex(): boolean {
    return this.#duplex;
  }

  /**
   * @param at bytes of the connection before the frame
   * @throws CtxsyncError 'corrupt' for a frame that is not allowed now
   */
  check(type: number, at: number): void {
    const name = frameName(type);
    if (this.#state === 'error') throw protocolError(`${name} after ERROR`, at);
    if (this.#state === 'fin' && !this.#mayFollowFin(type))
      throw protocolError(`${name} after FIN`, at);
    if (this.#state === 'receipt' && !mayFollowAll(type)) {
      throw protocolError(`${name} after RECEIPT`, at);
    }
    if (this.#state === 'new' && type !== FrameType.hello) {
      throw protocolError(`${name} before HELLO`, at);
    }
    if (this.#state !== 'new' && type === FrameType.hello)
      throw protocolError('a second HELLO', at);
  }

  hello(mode: Mode): void {
    this.#state = 'open';
    this.#duplex = mode === 'duplex';
  }

  end(by: 'fin' | 'receipt' | 'error'): void {
    this.#state = by;
  }

  #mayFollowFin(type: number): boolean {
    return mayFollowAll(type) || (this.#duplex && type === FrameType.credit);
  }
}

/** Frames of unknown types may come wherever BEAT may. */
function mayFollowAll(type: number): boolean {
  if (type >= FIRST_SKIPPABLE) return true;
  return type === FrameType.beat || type === FrameType.error;
}
