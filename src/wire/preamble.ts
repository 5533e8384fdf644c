import { CtxsyncError } from '../errors.ts';
import { STRAY_BYTES } from '../limits.ts';
import { MAGIC } from './frame.ts';

/** Bytes quoted in the message. */
const SHOWN_BYTES = 200;
/** Bytes shown in hex when none of them is printable. */
const HEX_BYTES = 16;

/**
 * Reads the magic at the start of a connection, or collects what came instead: nearly always text that
 * explains what went wrong, so it belongs in the message.
 */
export class Preamble {
  readonly #seen = new Uint8Array(STRAY_BYTES);
  #count = 0;

  /** The magic has arrived; frames follow. */
  get complete(): boolean {
    return this.#count === MAGIC.length && this.#matches();
  }

  /** Bytes received so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes bytes from the front, but none after the magic.
   *
   * @returns how many
   * @throws CtxsyncError 'not-ctxsync' once STRAY_BYTES have arrived and cannot be ctxsync's
   */
  take(bytes: Uint8Array): number {
    const wanted = this.#matches() ? MAGIC.length : STRAY_BYTES;
    const taken = Math.min(wanted - this.#count, bytes.length);
    this.#seen.set(bytes.subarray(0, taken), this.#count);
    this.#count += taken;
    if (this.#matches()) return taken;
    if (wanted < STRAY_BYTES) return taken + this.take(bytes.subarray(taken));
    if (this.#count === STRAY_BYTES) throw strayError(this.#seen);
    return taken;
  }

  /** 'not-ctxsync' when the bytes cannot be ctxsync's, even if fewer than STRAY_BYTES have arrived. */
  get stray(): CtxsyncError | undefined {
    return this.#matches() ? undefined : strayError(this.#seen.subarray(0, this.#count));
  }

  #matches(): boolean {
    const count = Math.min(this.#count, MAGIC.length);
    for (let at = 0; at < count; at++) if (this.#seen[at] !== MAGIC[at]) return false;
    return true;
  }
}

function strayError(bytes: Uint8Array): CtxsyncError {
  const archive = archiveKind(bytes);
  if (archive !== undefined) {
    const message = `what arrives is ${archive}, not the stream of a ctxsync sender`;
    return new CtxsyncError('not-ctxsync', message, { remedy: 'send-tar' });
  }
  const hint = wasMangled(bytes)
    ? 'A terminal or a text mode on the way changes line ends or bits: run ssh, docker exec or ' +
      'kubectl exec without -t'
    : 'Usually a shell profile printed something, or this is the error message of the command that ' +
      'should have started ctxsync';
  return new CtxsyncError(
    'not-ctxsync',
    `what arrives is not from ctxsync; it begins with ${shown(bytes)}. ${hint}`,
  );
}

/** Somebody forgot that a tar must be sent like anything else: `tar c web | ctxsync receive out`. */
function archiveKind(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip data';
  const magic = Buffer.from(bytes.subarray(USTAR_AT, USTAR_AT + USTAR.length)).toString('latin1');
  return magic === USTAR ? 'a tar' : undefined;
}

/** The magic of a ustar, pax or GNU header, and its offset (POSIX.1-2017, pax, ustar Interchange Format). */
const USTAR = 'ustar';
const USTAR_AT = 257;

/** The name is there, but not the bytes around it. */
function wasMangled(bytes: Uint8Array): boolean {
  return MAGIC.subarray(1, 5).every((byte, index) => bytes[index + 1] === byte);
}

function shown(bytes: Uint8Array): string {
  const text = new TextDecoder()
    .decode(bytes.subarray(0, SHOWN_BYTES))
    .replaceAll(/[\p{C}\p{Z}\uFFFD]+/gu, ' ')
    .trim();
  if (text !== '') return JSON.stringify(text);
  const hex = Array.from(bytes.subarray(0, HEX_BYTES), (b) => b.toString(16).padStart(2, '0'));
  return `the bytes ${hex.join(' ')}`;
}
