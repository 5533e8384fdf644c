import type { BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_PATH_BYTES } from '../limits.ts';

/** One change to a destination, as `rsync --itemize-changes` writes it. */
export interface Item {
  /**
   * 11 characters, as rsync(1) describes them: what is done (`>` content arrives, `c` is made, `h` is made a
   * hard link to what was there, `.` keeps its content, `*` is a message), what it is (`f`, `d`, `L`), and what
   * differs (`c` content or link text, `s` size, `t` time, `p` mode; all `+` if it is new).
   */
  code: string;
  /** Relative to OUT; of a directory with a slash at its end, './' for OUT itself. */
  path: BytePath;
}

export const DELETED = '*deleting  ';

const CODE_BYTES = 11;
/** The path of a directory has a slash at its end. */
const MAX_ITEM_PATH_BYTES = MAX_PATH_BYTES + 1;
const END = 0;

/** A NUL ends each item: no path has one. Of a deleted path that was never sent, which may be longer, the end. */
export function encodeItem({ code, path }: Item): string {
  return `${code}${path.slice(-MAX_ITEM_PATH_BYTES)}\0`;
}

/** Reads items from bytes that come in pieces. */
export class ItemDecoder {
  /** Of an item whose end has not come. */
  #begun: Buffer = Buffer.alloc(0);

  /**
   * The items that end in this piece.
   * @throws CtxsyncError corrupt
   */
  *push(bytes: Uint8Array): Generator<Item> {
    let from = 0;
    for (let end = bytes.indexOf(END); end >= 0; end = bytes.indexOf(END, from)) {
      yield decode(this.#take(bytes.subarray(from, end)));
      this.#begun = Buffer.alloc(0);
      from = end + 1;
    }
    this.#begun = this.#take(bytes.subarray(from));
  }

  /** Nothing follows. @throws CtxsyncError corrupt, in the middle of an item */
  end(): void {
    if (this.#begun.length > 0) throw broken('ends in the middle of one');
  }

  #take(bytes: Uint8Array): Buffer {
    const all = Buffer.concat([this.#begun, bytes]);
    if (all.length > CODE_BYTES + MAX_ITEM_PATH_BYTES) throw broken('has one that is too long');
    return all;
  }
}

function decode(bytes: Buffer): Item {
  const text = bytes.toString('latin1');
  const [code, path] = [text.slice(0, CODE_BYTES), text.slice(CODE_BYTES)];
  if (!/^[!-~][ -~]{10}$/.test(code) || path === '') throw broken('has one without code or path');
  return { code, path };
}

function broken(what: string): CtxsyncError {
  return new CtxsyncError('corrupt', `the list of changes ${what}`);
}
