import { Budget } from '../../../src/entry/budget.ts';
import { AscendingEntries, EntryTable } from '../../../src/entry/earlier-entries.ts';
import { EntryValidator } from '../../../src/entry/entry-validator.ts';
import { TreeReader } from '../../../src/entry/tree-reader.ts';
import { unpack } from '../../../src/entry/unpack.ts';
import type { Entry } from '../../../src/entry/entry.ts';
import { CtxsyncError } from '../../../src/errors.ts';
import { readManifest } from '../../../src/entry/manifest.ts';
import { WantReader } from '../../../src/entry/wants.ts';
import { MemorySource } from '../trees/archive-io.ts';

/** Limits on the entries declared in one stream of a test. */
const MAX_ENTRIES = 20;
const MAX_BYTES = 2 ** 30;

/**
 * Reads a stream as the reader's disk thread does, and checks every entry that is accepted against
 * the promises of DESIGN, with no code of the validator.
 *
 * @returns the code with which it was refused; undefined when it was accepted
 * @throws Error when something was accepted that must not be
 */
export function readEntries(
  kind: string,
  bytes: Buffer,
  pieces: readonly number[],
  unordered = false,
): string | undefined {
  const source = new MemorySource(bytes, pieces);
  const budget = Budget.create({ maxEntries: MAX_ENTRIES, maxBytes: MAX_BYTES });
  const passed = new PassedEntries();
  try {
    if (kind === 'want') readWants(source);
    else if (kind === 'manifest') {
      const validator = new EntryValidator(budget, new AscendingEntries());
      for (const entry of readManifest(source)) {
        validator.check(entry);
        passed.add(entry);
      }
    } else {
      const earlier = unordered ? new EntryTable() : new AscendingEntries();
      const tree = new TreeReader(source, { unordered });
      readTree(tree, new EntryValidator(budget, earlier), passed);
    }
  } catch (error) {
    if (error instanceof CtxsyncError && REFUSALS.has(error.code)) return error.code;
    throw error;
  }
  return undefined;
}

const REFUSALS: ReadonlySet<string> = new Set(['corrupt', 'unsafe-entry', 'over-limit']);

function readWants(source: MemorySource): void {
  const wants = new WantReader(source);
  for (let before: string | undefined; ;) {
    const want = wants.peek();
    if (want === undefined) return;
    if (before !== undefined && walkKey(before) >= walkKey(want.path)) {
      throw new Error(`a want out of order: ${JSON.stringify(want.path)}`);
    }
    before = want.path;
    wants.take();
  }
}

/** '/' sorts before every other byte, and ends a name. */
function walkKey(path: string): string {
  return path.replaceAll('/', '\0');
}

function readTree(tree: TreeReader, validator: EntryValidator, passed: PassedEntries): void {
  const sink = {
    add: (entry: Entry, content: { content(): Uint8Array; consumed(count: number): void }) => {
      passed.add(entry);
      let count = 0;
      for (let piece = content.content(); piece.length > 0; piece = content.content()) {
        count += piece.length;
        content.consumed(piece.length);
      }
      const due = entry.contentOmitted === true ? 0 : entry.size;
      if (count !== due) throw new Error(`${count} bytes of ${due}`);
    },
    end: () => {},
  };
  unpack(tree, sink, { name: '', validator, takesOmitted: true, onEntry: () => {} });
}

/** The entries that a disk could be asked to create. */
class PassedEntries {
  readonly #kinds = new Map<string, string>([['', 'directory']]);
  #count = 0;
  #bytes = 0;

  add({ path, kind, link, size, mode, mtimeUs }: Entry): void {
    const fail = (why: string): never => {
      throw new Error(`let through: ${JSON.stringify({ path, kind, link })}: ${why}`);
    };
    this.#count += 1;
    this.#bytes += size;
    if (this.#count > MAX_ENTRIES || this.#bytes > MAX_BYTES) fail('over the limit');
    if (!Number.isSafeInteger(size) || size < 0) fail('size');
    if (!Number.isSafeInteger(mtimeUs) || (mode & ~0o1777) !== 0) fail('mode or time');
    const names = path.split('/');
    if (path !== '' && names.some((name) => name === '' || name === '.' || name === '..')) {
      fail('it leads elsewhere');
    }
    if (/\0/.test(path + (link ?? ''))) fail('NUL');
    if (path.length > 3_800 || names.length > 1_024) fail('too long or deep');
    if (names.some((name) => name.length > 255)) fail('a name is too long');
    if (names.some((name) => name.startsWith('.ctxsync-'))) fail('a name of ours');
    if (path === '' && kind !== 'directory') fail('the root');
    if (path !== '' && this.#kinds.get(names.slice(0, -1).join('/')) !== 'directory')
      fail('no parent');
    const target = kind === 'hardlink' && link !== path ? this.#kinds.get(link!) : undefined;
    if (kind === 'hardlink' && target !== 'file' && target !== 'symlink') fail('its link');
    const made = target ?? kind;
    const before = this.#kinds.get(path);
    if (before !== undefined && before !== made) fail(`it was a ${before}`);
    if ((kind === 'symlink' || kind === 'hardlink') !== (link !== undefined)) fail('its link');
    if (link === '' || (link ?? '').length > 4_095) fail('its link');
    this.#kinds.set(path, made);
  }
}
