import { createRequire } from 'node:module';
import { getSystemErrorMap } from 'node:util';
import { constants } from 'node:os';
import {
  chmodSync,
  closeSync,
  constants as constants$1,
  existsSync,
  fchmodSync,
  fstatSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  opendirSync,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
// \0rolldown/runtime.js
var __require = /* #__PURE__ */ (() => createRequire(import.meta.url))();
// src/disk/byte-path.ts
const ASCII = /^[\0-\x7f]*$/;
/** The form that node:fs takes: a plain string where that gives the same bytes, else a Buffer. */
function toFsPath(path) {
  return ASCII.test(path) ? path : Buffer.from(path, 'latin1');
}
/**
 * Text for people and programs, unique for each path: valid UTF-8 stays, except for `\\` for a backslash,
 * and `\xHH` for every byte that is not UTF-8 or is part of a character that could garble a terminal (a
 * control character, a change of the text direction).
 */
function toText(path) {
  return PLAIN.test(path) ? path : path.replace(CHARACTERS, characterText);
}
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
/** A multi-byte character in UTF-8 (RFC 3629, section 4); else one byte. */
const CHARACTERS = new RegExp(
  [
    '[\\xc2-\\xdf][\\x80-\\xbf]',
    '\\xe0[\\xa0-\\xbf][\\x80-\\xbf]',
    '[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}',
    '\\xed[\\x80-\\x9f][\\x80-\\xbf]',
    '\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}',
    '[\\xf1-\\xf3][\\x80-\\xbf]{3}',
    '\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}',
    '[\\s\\S]',
  ].join('|'),
  'g',
);
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;
function characterText(bytes) {
  if (bytes === '\\') return '\\\\';
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  if ((bytes.length > 1 || bytes < '') && !UNPRINTABLE.test(text)) return text;
  return bytes.replace(
    /[\s\S]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
new RegExp(UNPRINTABLE, 'gu');
/**
 * The order in which a context is walked and sent: a directory, then its content, siblings by their
 * bytes; so '/' sorts before every other byte. Negative: `a` comes first.
 *
 * @param from number of leading bytes that are known to be equal
 */
function comparePaths(a, b, from = 0) {
  const most = Math.min(a.length, b.length);
  for (let at = from; at < most; at++) {
    const one = a.charCodeAt(at);
    const other = b.charCodeAt(at);
    if (one !== other) return (one === SLASH ? -1 : one) - (other === SLASH ? -1 : other);
  }
  return a.length - b.length;
}
/** An entry's parent directory ('' for the root), and its name there. */
function splitPath(path) {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}
/** Whether an entry lies in a directory, at any depth. */
function isBeneath(path, directory) {
  if (directory === '') return path !== '';
  return (
    path.length > directory.length && path.startsWith(directory) && path[directory.length] === '/'
  );
}
const SLASH = 47;
function joinPath(directory, name) {
  return directory === '' ? name : `${directory}/${name}`;
}
// src/disk/names.ts
const NO_FILES = /* @__PURE__ */ new Set();
const LENGTH_BYTES = 2;
/** Bytes of one chunk, a power of two; a name lies in one. */
const CHUNK_BITS = 20;
const CHUNK_BYTES = 2 ** CHUNK_BITS;
/** Names packed into chunks of memory: their bytes and 6 more each, where a string takes 30 to 60. */
var PackedNames = class {
  length = 0;
  /** Each name, after its length in bytes. */
  #chunks = [];
  /** Bytes used of the last chunk. */
  #used = CHUNK_BYTES;
  /** Where each name begins: its chunk, and its position there in the low CHUNK_BITS. */
  #starts = /* @__PURE__ */ new Uint32Array(4096);
  add(name) {
    if (this.#used + LENGTH_BYTES + name.length > CHUNK_BYTES) {
      this.#chunks.push(Buffer.alloc(CHUNK_BYTES));
      this.#used = 0;
    }
    if (this.length === this.#starts.length) this.#starts = grown$1(this.#starts);
    const chunk = this.#chunks.at(-1);
    this.#starts[this.length++] = (this.#chunks.length - 1) * CHUNK_BYTES + this.#used;
    this.#used = chunk.writeUInt16LE(name.length, this.#used);
    this.#used += chunk.write(name, this.#used, 'latin1');
  }
  sort() {
    heapSort(this.#starts.subarray(0, this.length), (one, other) => this.#compare(one, other));
  }
  at(index) {
    if (index >= this.length) return void 0;
    const start = this.#starts[index];
    const from = (start % CHUNK_BYTES) + LENGTH_BYTES;
    const chunk = this.#chunkOf(start);
    return chunk.toString('latin1', from, from + chunk.readUInt16LE(from - LENGTH_BYTES));
  }
  *[Symbol.iterator]() {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
  #compare(one, other) {
    const oneChunk = this.#chunkOf(one);
    const otherChunk = this.#chunkOf(other);
    let at = (one % CHUNK_BYTES) + LENGTH_BYTES;
    let otherAt = (other % CHUNK_BYTES) + LENGTH_BYTES;
    const end = at + oneChunk.readUInt16LE(at - LENGTH_BYTES);
    const otherEnd = otherAt + otherChunk.readUInt16LE(otherAt - LENGTH_BYTES);
    while (at < end && otherAt < otherEnd && oneChunk[at] === otherChunk[otherAt]) {
      at += 1;
      otherAt += 1;
    }
    if (at === end || otherAt === otherEnd) return end - at - (otherEnd - otherAt);
    return oneChunk[at] - otherChunk[otherAt];
  }
  #chunkOf(start) {
    return this.#chunks[start >>> CHUNK_BITS];
  }
};
function grown$1(words) {
  const larger = new Uint32Array(2 * words.length);
  larger.set(words);
  return larger;
}
/** In place, where TypedArray.prototype.sort() takes 16 bytes an element meanwhile. */
function heapSort(words, compare) {
  for (let root = (words.length >>> 1) - 1; root >= 0; root--)
    siftDown(words, root, words.length, compare);
  for (let end = words.length - 1; end > 0; end--) {
    const largest = words[0];
    words[0] = words[end];
    words[end] = largest;
    siftDown(words, 0, end, compare);
  }
}
/** Restores the heap in the first `end` words, of which only the one at `root` may be out of place. */
function siftDown(words, root, end, compare) {
  const word = words[root];
  let at = root;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= end) break;
    if (child + 1 < end && compare(words[child], words[child + 1]) < 0) child += 1;
    if (compare(word, words[child]) >= 0) break;
    words[at] = words[child];
    at = child;
  }
  words[at] = word;
}
// src/limits.ts
/**
 * Every bound of ctxsync, with its unit. Nothing is buffered, counted or waited for beyond one of
 * these. Apart from the Node runtime, the memory of one process is at most
 * 3 x MAX_STREAMS x (RING_BYTES + IO_BUFFER_BYTES), for that many open manifests, wants and trees;
 * plus MAX_TABLE_BYTES_PER_ENTRY in each table for each of --max-entries paths; plus about 100 bytes
 * for each name in the directories that lead to the current position in a tree.
 * In a serving receiver (receive --serve) this applies to each transfer that has its turn, at most
 * MAX_SERVED; a transfer that waits in such a slot takes 2 x IO_BUFFER_BYTES instead, and connections
 * that wait for a slot take MAX_WAITING_CONNECTIONS x IO_BUFFER_BYTES. Between transfers
 * MAX_SPARE_RINGS x RING_BYTES are kept. A transfer has one disk thread per stream, for which the
 * Node runtime takes 10 to 20 MB.
 */
const KiB = 1024;
const MiB = 1024 * KiB;
/** Bytes of the current path in a status; of a longer path only the end is kept. */
const STATUS_PATH_BYTES = 1024;
/** Bytes of one record of an entry: a path, a link text, and 64 for numbers, a stamp and a digest. */
const MAX_RECORD_BYTES = 8256;
process.platform;
/** Bytes of an entry's path. Linux PATH_MAX, 4,096, also includes our stage's name and the final NUL. */
const MAX_PATH_BYTES = 3800;
/** Components of an entry's path: the directories above it, and its own name. */
const MAX_DEPTH = 1024;
/**
 * Bytes that a sender keeps about files with several names, until it has met all their names. That may
 * be every file of a context: a package manager may link each one to a store elsewhere.
 */
const MAX_HARDLINK_BYTES = 512 * MiB;
/** Rules of an ignore file, --exclude and --include together. */
const MAX_IGNORE_RULES = 1e4;
/** Bytes of one read from, or write to, the transport. */
const IO_BUFFER_BYTES = 64 * KiB;
/**
 * Bytes of one read from a source file: less than a ring, so that the ring empties while it fills (6 %
 * for a large file that is not in memory), and so that a slow disk is seen to make progress.
 */
const MAX_READ_BYTES = 256 * KiB;
/**
 * Bytes of one write. For larger writes ext4 (Linux 6.18) looks for larger pieces of memory: 1 MiB at a
 * time took three times the system time.
 */
const MAX_WRITE_BYTES = 256 * KiB;
/** Names of a directory that are listed before the status shows that the disk answers. */
const LIST_BATCH = 1e4;
/** Bytes of a directory itself, from which on the names in it are kept packed: some 50,000 entries. */
const LARGE_DIRECTORY_BYTES = MiB;
// src/short-path.ts
/** A log or terminal may show ASCII only. */
const ELLIPSIS = '...';
/** A path as a message shows it: of a very long path only the end, which matters most. */
function shortPath(path) {
  if (path.length <= 160) return path;
  return `${ELLIPSIS}${path.slice(-157).replace(/^[\udc00-\udfff]/, '')}`;
}
/**
 * Shortens a very long path in a message, so that the line stays readable and its cause is not lost.
 *
 * @param path the path that the message is about
 */
function shortenPath(message, path) {
  if (path === void 0 || path.length <= 160) return message;
  return message.replaceAll(path, () => shortPath(path));
}
// src/errors.ts
/**
 * The only error that ctxsync throws on purpose. The message states what happened, where, and what to
 * do about it, if anything can be done.
 */
var CtxsyncError = class CtxsyncError extends Error {
  name = 'CtxsyncError';
  code;
  path;
  peer;
  commandOutput;
  remedy;
  forPeer;
  /** The report of the failed transfer, which send() or receive() would have resolved to. */
  report;
  constructor(code, message, details = {}) {
    super(
      shortenPath(message, details.path),
      details.cause === void 0 ? void 0 : { cause: details.cause },
    );
    this.code = code;
    this.path = details.path;
    this.peer = details.peer;
    this.commandOutput = details.commandOutput;
    this.remedy = details.remedy;
    this.forPeer = details.forPeer;
  }
  /** Converts what was thrown: anything that is not a CtxsyncError already is a bug of ours. */
  static from(thrown) {
    if (thrown instanceof CtxsyncError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new CtxsyncError('internal', message, { cause: thrown });
  }
};
// src/disk/errno.ts
/** Names of all errors of this system by their negative number, as Node reports it. */
const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [-number, name]));
/** The errno name of what a system call threw ("ENOENT"), or undefined. */
function errnoOf(thrown) {
  if (!(thrown instanceof Error) || !('code' in thrown)) return void 0;
  const { code } = thrown;
  if (typeof code !== 'string') return void 0;
  if (!code.startsWith('Unknown system error')) return code;
  return NAMES.get(thrown.errno ?? NaN) ?? code;
}
// src/disk/system-error.ts
/** Errors of file calls for which libuv has neither a name nor a text. */
const WORDS$1 = {
  EDQUOT: 'disk quota exceeded',
  ERR_INVALID_ARG_VALUE: 'a path must not contain a NUL byte',
  ESTALE: 'stale file handle',
};
/** "permission denied (EACCES)" */
function describeSystemError(thrown) {
  const code = errnoOf(thrown);
  if (code === void 0) return thrown instanceof Error ? thrown.message : String(thrown);
  const errno = thrown.errno;
  const words = WORDS$1[code] ?? getSystemErrorMap().get(errno ?? NaN)?.[1];
  return words === void 0 ? code : `${words} (${code})`;
}
/** What a failed call means for an entry that existed a moment ago. */
const CHANGES = {
  ENOENT: 'vanished',
  ESTALE: 'vanished',
  ENOTDIR: 'was replaced',
  ELOOP: 'was replaced',
  EISDIR: 'was replaced',
};
/** @param happened "grew", "vanished" ... */
function sourceChanged(path, happened, cause) {
  const text = nameOf(path);
  return new CtxsyncError(
    'source-changed',
    `${text} ${happened} while the context was read; send again when nothing else changes it`,
    {
      path: text,
      cause,
    },
  );
}
/** A failed call on the source: what could not be done, to which path, and why. */
function sourceError(thrown, doing, path) {
  if (thrown instanceof CtxsyncError) return thrown;
  const errno = errnoOf(thrown);
  const happened = errno === void 0 ? void 0 : CHANGES[errno];
  if (happened !== void 0) return sourceChanged(path, happened, thrown);
  return systemCallError('source-unreadable', thrown, `cannot ${doing} ${nameOf(path)}`, path);
}
/** A failed call on the destination: no space has its own code. */
function destinationError(thrown, doing, path) {
  if (thrown instanceof CtxsyncError) return thrown;
  const errno = errnoOf(thrown);
  return systemCallError(
    errno === 'ENOSPC' || errno === 'EDQUOT' ? 'no-space' : 'not-writable',
    thrown,
    `cannot ${doing} ${nameOf(path)}`,
    path,
  );
}
function systemCallError(code, thrown, what, path) {
  if (errnoOf(thrown) === void 0) return CtxsyncError.from(thrown);
  return new CtxsyncError(code, `${what}: ${describeSystemError(thrown)}`, {
    path: nameOf(path),
    cause: thrown,
  });
}
/** The context's own root has no name. */
function nameOf(path) {
  return path === '' ? './' : toText(path);
}
// src/entry/entry.ts
const MODE_BITS = 1023;
/**
 * Whether this name is reserved for a receiver's work files. Such an entry is never sent, and never
 * accepted at any depth, as each directory of OUT may be another receiver's OUT. This includes names
 * that some file systems treat as equal: they ignore case (APFS, NTFS) or certain characters (HFS+;
 * CVE-2014-9390 was this problem in git).
 *
 * @param name one component of a path, as text or as bytes (latin1)
 */
function isWorkName(name) {
  if (WORK_NAME.test(name)) return true;
  if (!NOT_ASCII.test(name)) return false;
  return [name, Buffer.from(name, 'latin1').toString()].some((text) =>
    WORK_NAME.test(text.normalize('NFKC').replace(IGNORABLE, '')),
  );
}
const WORK_NAME = /^\.ctxsync-/i;
const NOT_ASCII = /[^\0-\x7f]/;
const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;
// src/disk/close-read.ts
/**
 * Closes what was only read. A disk error is ignored: all bytes have been read, and the descriptor is
 * gone whatever close(2) returns. EBADF would be a bug of ours.
 */
function closeRead(fd) {
  try {
    closeSync(fd);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === void 0 || errno === 'EBADF') throw error;
  }
}
// src/disk/inode.ts
function isSameInode(one, other) {
  return one.dev === other.dev && one.ino === other.ino;
}
/** The key of an inode in a map. */
function inodeKey({ dev, ino }) {
  return `${dev}:${ino}`;
}
// src/disk/kind-of.ts
/** The kind of an entry, for messages: "a FIFO". */
function kindOf(stats) {
  if (stats.isSocket()) return 'a socket';
  if (stats.isDirectory()) return 'a directory';
  if (stats.isSymbolicLink()) return 'a symlink';
  if (stats.isFIFO()) return 'a FIFO';
  return stats.isFile() ? 'a file' : 'a device';
}
// src/disk/mtime.ts
const MAX_US = Number.MAX_SAFE_INTEGER;
const MAX_NS = BigInt(MAX_US) * 1000n + 999n;
/**
 * Converts a file's time from nanoseconds to whole microseconds, rounded towards the past. One that
 * `isBeyondMicroseconds` becomes the nearest possible time, since no peer accepts others.
 */
function toMicroseconds(ns) {
  const us = Number((ns < 0n ? ns - 999n : ns) / 1000n);
  return Math.max(-MAX_US, Math.min(us, MAX_US));
}
/** Whether it is after 2255 or before 1684: file systems can store that, a number of microseconds cannot. */
function isBeyondMicroseconds(ns) {
  return ns > MAX_NS || ns < -MAX_NS + 999n;
}
/**
 * The seconds to pass to utimes(2) for a time in microseconds. Half a microsecond is added, because Node
 * truncates the seconds (a double, with a resolution of about a quarter of a microsecond) to whole micro-
 * or nanoseconds: otherwise every other time would be one too low. Exact up to the year 2242; from 2112
 * on a double has no half microseconds, but seconds and their fraction do, until they are added.
 */
function toUtimesSeconds(mtimeUs) {
  const seconds = Math.floor(mtimeUs / 1e6);
  return seconds + (mtimeUs - seconds * 1e6 + 0.5) / 1e6;
}
/**
 * Sets a time before 1970. Node replaces a negative number with the current time, but accepts it as a
 * string; libuv before 1.49 truncates towards 1970, later towards the past: so the result is checked.
 */
function setNegativeMtime(path, mtimeUs) {
  for (const half of [0.5, -0.5]) {
    const seconds = ((mtimeUs + half) / 1e6).toFixed(9);
    lutimesSync(path, seconds, seconds);
    if (toMicroseconds(lstatSync(path, { bigint: true }).mtimeNs) === mtimeUs) return;
  }
}
// src/disk/open-directory.ts
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_NONBLOCK } = constants$1;
const PROC_FD = '/proc/self/fd';
let procFd;
/**
 * A directory held open, so that its children are reached through it and not through a path that may
 * meanwhile lead elsewhere: openat(2), which Node lacks, by way of Linux's /proc/self/fd. Without /proc
 * (macOS), children are reached by path, and `verify` checks that the path still leads to the directory
 * that was opened.
 */
var OpenDirectory = class {
  /** For calls that need it; closed by this object. */
  fd;
  #prefix;
  #path;
  /** Set only where children are reached by path. */
  #identity;
  /**
   * @param path where to open it; its last component must not be a symlink
   * @throws the system call's error; ELOOP or ENOTDIR when it is not a directory (any more)
   */
  constructor(path) {
    procFd ??= existsSync(PROC_FD);
    this.fd = openSync(toFsPath(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    this.#path = path;
    this.#prefix = procFd ? `${PROC_FD}/${this.fd}` : path;
    try {
      this.#identity = procFd ? void 0 : fstatSync(this.fd, { bigint: true });
    } catch (error) {
      this.close();
      throw error;
    }
  }
  /** Children are reached through the open directory itself: nothing has to be verified. */
  get held() {
    return this.#identity === void 0;
  }
  /** The path to pass to a system call for the child `name`. */
  child(name) {
    return joinPath(this.#prefix, name);
  }
  /**
   * The children's names, sorted by their bytes.
   * @param onBatch called after each batch of a large directory: a million names take a second
   */
  names(onBatch = () => {}) {
    if (this.#isLarge) return this.#packedNames(onBatch);
    return readdirSync(toFsPath(this.child('.')), { encoding: 'latin1' }).toSorted();
  }
  /** The same, with the kinds that the directory itself has of its children, without looking at each. */
  listing() {
    if (this.#isLarge)
      return {
        names: this.#packedNames(() => {}),
        files: NO_FILES,
      };
    try {
      const names = [];
      const files = /* @__PURE__ */ new Set();
      for (const entry of readdirSync(toFsPath(this.child('.')), {
        encoding: 'latin1',
        withFileTypes: true,
      })) {
        names.push(entry.name);
        if (entry.isFile()) files.add(entry.name);
      }
      return {
        names: names.toSorted(),
        files,
      };
    } catch {
      return {
        names: this.names(),
        files: NO_FILES,
      };
    }
  }
  /**
   * Whether children that were reached since are children of this directory. Always true where they are
   * reached through the open directory itself.
   */
  verify() {
    if (this.#identity === void 0) return true;
    try {
      return isSameInode(this.#identity, lstatSync(toFsPath(this.#path), { bigint: true }));
    } catch {
      return false;
    }
  }
  close() {
    closeRead(this.fd);
  }
  /** Its size grows with its entries on most file systems; on the others more memory is taken, and no more. */
  get #isLarge() {
    return fstatSync(this.fd).size >= LARGE_DIRECTORY_BYTES;
  }
  #packedNames(onBatch) {
    const options = {
      encoding: 'latin1',
      bufferSize: LIST_BATCH,
    };
    const directory = opendirSync(toFsPath(this.child('.')), options);
    const names = new PackedNames();
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        names.add(entry.name);
        if (names.length % 1e4 === 0) onBatch();
      }
    } finally {
      directory.closeSync();
    }
    names.sort();
    return names;
  }
};
// src/disk/open-file.ts
const OPEN_FLAGS = constants$1.O_RDONLY | constants$1.O_NOFOLLOW | constants$1.O_NONBLOCK;
/**
 * Opens a file to read it; no symlink is followed.
 * @throws the system call's error
 */
function openFile(path) {
  return openSync(path, OPEN_FLAGS);
}
// src/disk/read-link.ts
/**
 * Reads a symlink's text.
 * @param toError for the side that it is on
 * @throws CtxsyncError
 */
function readLink$1(fsPath, path, toError) {
  try {
    return readlinkSync(toFsPath(fsPath), 'latin1');
  } catch (error) {
    throw toError(error, 'read the symlink', path);
  }
}
// src/disk/stat-source.ts
/** @throws CtxsyncError source-unreadable, source-changed */
function statSource(fsPath, path) {
  try {
    return lstatSync(fsPath, { bigint: true });
  } catch (error) {
    throw sourceError(error, 'look at', path);
  }
}
// src/tree/hardlink-groups.ts
/**
 * Tracks which entries of a walk are names of the same file or symlink. Forgets a group once all its
 * names were seen.
 */
var HardlinkGroups = class {
  #groups = /* @__PURE__ */ new Map();
  #maxBytes;
  #bytes = 0;
  constructor(maxBytes = MAX_HARDLINK_BYTES) {
    this.#maxBytes = maxBytes;
  }
  /**
   * The name under which this file was seen before, or undefined if this is the first.
   * Call it only for files and symlinks with more than one name.
   * @throws CtxsyncError source-changed: the inode is no longer what was seen before; over-limit
   */
  firstName(stats, path) {
    const key = inodeKey(stats);
    const group = this.#groups.get(key);
    if (group === void 0) {
      this.#add(key, {
        first: path,
        unseen: Number(stats.nlink) - 1,
        version: versionOf(stats),
      });
      return;
    }
    if (group.version !== versionOf(stats)) throw sourceChanged(path, 'was replaced or written to');
    group.unseen -= 1;
    if (group.unseen === 0) this.#forget(key, group);
    return group.first;
  }
  #add(key, group) {
    this.#bytes += 480 + group.first.length;
    if (this.#bytes > this.#maxBytes) throw tooMany(group.first, this.#groups.size);
    this.#groups.set(key, group);
  }
  #forget(key, { first }) {
    this.#bytes -= 480 + first.length;
    this.#groups.delete(key);
  }
};
/** An inode number may be reused during the walk. */
function versionOf(stats) {
  return `${stats.isFile() ? 'file' : 'symlink'} ${stats.birthtimeNs} ${stats.mtimeNs} ${stats.size}`;
}
function tooMany(path, count) {
  const text = toText(path);
  return new CtxsyncError(
    'over-limit',
    `${count} files with hardlinks outside of what was walked are too many to remember; stopped at ${text}. Send the context in several parts`,
    { path: text },
  );
}
// src/tree/source-entries.ts
const EXECUTE_BITS = 73;
/** Creates entries from the disk for one walk; remembers files with several names. */
var SourceEntries = class {
  #options;
  #hardlinks = new HardlinkGroups();
  constructor(options) {
    this.#options = options;
  }
  /**
   * @param was the inode that the root must be
   * @throws CtxsyncError source-unreadable, source-changed
   */
  root(directory, path, was) {
    const fsPath = directory.child('.');
    const stats = statSource(toFsPath(fsPath), path);
    if (was !== void 0 && !isSameInode(was, stats)) throw sourceChanged('', 'was replaced');
    return this.travels(this.#entry('', 'directory', stats, fsPath));
  }
  /** Reports what is lost when this entry is sent. */
  travels(entry) {
    const { attributes, onChanged } = this.#options;
    if (attributes !== void 0 && entry.kind === 'file' && (entry.mode & EXECUTE_BITS) !== 0)
      attributes.add(entry.path, entry.lost);
    else if (entry.lost !== void 0) onChanged(entry.path, entry.lost);
    return entry;
  }
  /**
   * The entry for a child, or undefined if it cannot be sent. To open a file at once is one call fewer by its
   * path than to look at it and open it later: half of what a slow disk takes for a small file.
   *
   * @param ignored return only a directory, and undefined if stat fails
   * @param opens open it, if it is a file as expected; closeOpened() closes it
   * @throws CtxsyncError source-unreadable, source-changed, over-limit
   */
  child(directory, path, name, { ignored, opens }) {
    return (
      (opens ? this.#opened(directory, path, name) : void 0) ??
      this.#found(directory, path, name, ignored)
    );
  }
  #found(directory, path, name, ignored) {
    const fsPath = directory.child(name);
    let stats;
    try {
      stats = statSource(toFsPath(fsPath), path);
    } catch (error) {
      if (ignored) return void 0;
      throw error;
    }
    if (ignored && !stats.isDirectory()) return void 0;
    if (!directory.verify()) throw sourceChanged(path, 'was replaced');
    if (path.length > 3800 && !ignored) throw tooLong(path);
    if (stats.isDirectory()) return this.#entry(path, 'directory', stats, fsPath);
    if (stats.isFile() || stats.isSymbolicLink()) return this.#linkable(path, stats, fsPath);
    this.#options.onSkipped(path, kindOf(stats));
  }
  /** @returns undefined when it is not a file that can be opened: #found() finds out what it is */
  #opened(directory, path, name) {
    const fsPath = directory.child(name);
    let fd;
    try {
      fd = openFile(toFsPath(fsPath));
      const stats = fstatSync(fd, { bigint: true });
      if (!stats.isFile() || !directory.verify() || path.length > 3800) return void 0;
      const entry = this.#linkable(path, stats, fsPath);
      if (entry.kind !== 'file') return entry;
      const opened = {
        ...entry,
        fd,
      };
      fd = void 0;
      return opened;
    } catch (error) {
      if (error instanceof CtxsyncError) throw error;
      return;
    } finally {
      if (fd !== void 0) closeRead(fd);
    }
  }
  /** A file or symlink, which may have several names. */
  #linkable(path, stats, fsPath) {
    const linked = stats.nlink > 1n;
    const first = linked ? this.#hardlinks.firstName(stats, path) : void 0;
    if (first !== void 0)
      return {
        ...this.#entry(path, 'hardlink', stats, fsPath),
        link: first,
      };
    const entry = stats.isFile()
      ? {
          ...this.#entry(path, 'file', stats, fsPath),
          size: Number(stats.size),
        }
      : {
          ...this.#entry(path, 'symlink', stats, fsPath),
          link: linkText(fsPath, path, stats),
        };
    return linked
      ? {
          ...entry,
          linked,
        }
      : entry;
  }
  #entry(path, kind, stats, fsPath) {
    const mode = Number(stats.mode);
    return {
      path,
      kind,
      mode: mode & MODE_BITS,
      mtimeUs: toMicroseconds(stats.mtimeNs),
      size: 0,
      fsPath: toFsPath(fsPath),
      identity: stats,
      lost: lostOf(mode, stats.mtimeNs),
    };
  }
};
/** Closes the file of an entry, if child() opened it. */
function closeOpened({ fd }) {
  if (fd !== void 0) closeRead(fd);
}
/** @throws CtxsyncError source-unreadable, source-changed */
function openSource$1(fsPath, path) {
  try {
    return new OpenDirectory(fsPath);
  } catch (error) {
    throw sourceError(error, 'open the directory', path);
  }
}
/**
 * Opens a child directory. It may have been replaced since its entry was created, and so may its parent
 * where children are reached by path.
 * @throws CtxsyncError source-unreadable, source-changed
 */
function openChild(parent, name, { path, identity }) {
  const directory = openSource$1(parent.child(name), path);
  try {
    const opened = statSource(toFsPath(directory.child('.')), path);
    if (!parent.verify() || !isSameDirectory(identity, opened))
      throw sourceChanged(path, 'was replaced');
    return directory;
  } catch (error) {
    directory.close();
    throw error;
  }
}
/** Opening an automount point mounts a file system there: then the device differs. */
function isSameDirectory(listed, opened) {
  return listed.dev !== opened.dev || listed.ino === opened.ino;
}
/** The text of a symlink, checked to be still the one that `stats` describes. */
function linkText(fsPath, path, stats) {
  const text = readLink$1(fsPath, path, sourceError);
  const now = statSource(toFsPath(fsPath), path);
  if (isSameInode(now, stats) && now.mtimeNs === stats.mtimeNs) return text;
  throw sourceChanged(path, 'was replaced');
}
function lostOf(mode, mtimeNs) {
  const losses = [];
  if ((mode & 3072) !== 0) losses.push('setuid and setgid are dropped');
  if (isBeyondMicroseconds(mtimeNs)) losses.push('its mtime is cut to microseconds');
  return losses.length > 0 ? losses.join('; ') : void 0;
}
function tooLong(path) {
  const text = toText(path);
  return new CtxsyncError(
    'over-limit',
    `the path has ${path.length} bytes; the limit is ${MAX_PATH_BYTES}: ${text}`,
    { path: text },
  );
}
// src/tree/walk.ts
/**
 * Walks a context in the order in which it is sent: parents first, '/' before every other byte.
 * Nothing outside the root is reached: no symlink is followed, and directories are held open while
 * their children are visited. Ignored entries are not visited, unless an exception could match
 * beneath them; the directories above a re-included entry are included.
 *
 * @param root resolved by the caller; the root directory itself is the first entry, with path ''
 * @throws CtxsyncError source-unreadable, source-changed, over-limit; naming the path
 */
function walk(root, options) {
  return new Walk(options).root(root);
}
var Walk = class {
  #options;
  #entries;
  /** The current entry, and the ignored directories above it, which are sent if it is sent. */
  #pending = [];
  constructor(options) {
    this.#options = options;
    this.#entries = new SourceEntries(options);
  }
  *root(path) {
    this.#options.status.enter('scanning', path);
    const directory = openSource$1(path, path);
    try {
      yield this.#entries.root(directory, path, this.#options.identity);
      yield* this.#children(directory, '', this.#options.rules.root(), 1);
      this.#options.unreadable.end();
      this.#options.attributes?.end();
    } finally {
      directory.close();
    }
  }
  *#children(directory, path, match, depth) {
    const { rules, status } = this.#options;
    const { names, files } = this.#list(directory, path);
    for (const name of names) {
      const child = joinPath(path, name);
      if (isWorkName(name)) {
        this.#options.onSkipped(child, "a receiver's own work file");
        continue;
      }
      const decision = rules.decide(child, match);
      if (decision.ignored && !rules.couldIncludeBeneath(child, decision)) continue;
      const opens = !decision.ignored && files.has(name);
      status.enter(opens ? 'reading' : 'scanning', child);
      const entry = this.#child(directory, child, name, {
        ignored: decision.ignored,
        opens,
      });
      if (entry === void 0) continue;
      const pendingBefore = this.#pending.length;
      this.#pending.push(entry);
      if (!decision.ignored) yield* this.#travelling();
      if (entry.kind !== 'directory') continue;
      yield* this.#enter(directory, entry, name, decision, depth + 1, decision.ignored);
      if (this.#pending.length > pendingBefore) this.#pending.length = pendingBefore;
    }
  }
  /** Where no files are to be opened, none are listed as such. */
  #list(directory, path) {
    try {
      if (this.#options.opensFiles === true) return directory.listing();
      return {
        names: directory.names(),
        files: NO_FILES,
      };
    } catch (error) {
      this.#options.unreadable.add(sourceError(error, 'list the directory', path), path);
      return {
        names: [],
        files: NO_FILES,
      };
    }
  }
  #child(...found) {
    const [, path] = found;
    try {
      return this.#entries.child(...found);
    } catch (error) {
      this.#options.unreadable.add(error, path);
      return;
    }
  }
  *#travelling() {
    for (const entry of this.#pending.splice(0))
      try {
        yield this.#entries.travels(entry);
      } finally {
        closeOpened(entry);
      }
  }
  *#enter(parent, entry, name, match, depth, ignored) {
    const { path } = entry;
    if (depth > 1024)
      throw new CtxsyncError(
        'over-limit',
        `${toText(path)} lies deeper than ${MAX_DEPTH} directories`,
        { path: toText(path) },
      );
    this.#options.status.enter('scanning', path);
    let directory;
    try {
      directory = openChild(parent, name, entry);
    } catch (error) {
      if (!ignored || !parent.verify()) this.#options.unreadable.add(error, path);
      return;
    }
    try {
      yield* this.#children(directory, path, match, depth);
    } finally {
      directory.close();
    }
  }
};
// src/disk/hash-file.ts
const buffer = new Uint8Array(4 * IO_BUFFER_BYTES);
/**
 * The SHA-256 of a file's content, up to its end.
 *
 * @param onRead called before each read
 * @throws the system call's error, and what `onRead` throws
 */
function hashFile(path, onRead) {
  return hashOpenFile(openFile(path), onRead);
}
/** The same for an open file, from its current offset; closes it. */
function hashOpenFile(fd, onRead) {
  const hash = createHash('sha256');
  try {
    for (let bytes = 0; ;) {
      onRead();
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0)
        return {
          sha256: hash.digest('hex'),
          bytes,
        };
      hash.update(buffer.subarray(0, count));
      bytes += count;
    }
  } finally {
    closeRead(fd);
  }
}
// src/entry/byte-io.ts
/** Writes all of `bytes`, waiting for room as often as needed. */
function writeAll(sink, bytes) {
  let done = 0;
  while (done < bytes.length) {
    const room = sink.reserve();
    const count = Math.min(room.length, bytes.length - done);
    room.set(bytes.subarray(done, done + count));
    sink.produced(count);
    done += count;
  }
}
// src/entry/entry-record.ts
/**
 * The records of PROTOCOL.md, "Entries": one for each entry of a `tree`, a `manifest` or a `want`
 * stream. Each begins with a head byte and the path, which is encoded as the number of bytes it shares
 * with the previous path, then the remaining bytes.
 */
const KIND_BITS = 3;
const KINDS$1 = ['file', 'directory', 'symlink', 'hardlink'];
const KIND_CODES = {
  file: 0,
  directory: 1,
  symlink: 2,
  hardlink: 3,
};
/** The first name of a file or symlink with several names: tree, manifest. */
const LINKED = 4;
/** The file's SHA-256 follows: manifest, want. */
const DIGEST = 8;
/** The file's content does not follow: tree. */
const CONTENT_OMITTED = 16;
/** The time is before 1970: tree, manifest. */
const BEFORE_1970 = 32;
const SHA256_BYTES = 32;
function encodeEntry(to, before, entry) {
  encodeFields(to, before, entry, entry.contentOmitted === true ? CONTENT_OMITTED : 0);
}
function encodeManifestEntry(to, before, entry) {
  encodeFields(to, before, entry, entry.sha256 === void 0 ? 0 : DIGEST);
  to.uint32(entry.stamp);
  if (entry.sha256 !== void 0) to.hex(entry.sha256);
}
/** @throws CtxsyncError corrupt */
function decodeEntry(from, before) {
  const head = from.byte();
  const entry = decodeFields(from, before, head, 52);
  if ((head & CONTENT_OMITTED) === 0) return entry;
  if (entry.kind !== 'file') throw badEntry(from, entry.path);
  entry.contentOmitted = true;
  return entry;
}
/** @throws CtxsyncError corrupt */
function decodeManifestEntry(from, before) {
  const head = from.byte();
  const entry = decodeFields(from, before, head, 44);
  entry.stamp = from.uint32();
  decodeDigest(from, head, entry);
  return entry;
}
/**
 * Checks that paths are strictly ascending. So no path comes twice, and a directory's contents come
 * before any path outside it.
 *
 * @throws CtxsyncError corrupt
 */
function checkOrder(path, before, broken) {
  if (before === void 0 || comparePaths(before, path) < 0) return;
  throw broken(`is out of order at ${toText(path)}`);
}
function encodeFields(to, before, entry, flags) {
  const { path, kind, mode, mtimeUs, size, link = '', linked } = entry;
  let head = KIND_CODES[kind] | flags;
  if (linked === true && (kind === 'file' || kind === 'symlink')) head |= LINKED;
  if (mtimeUs < 0) head |= BEFORE_1970;
  encodePath(to, before, path, head);
  to.varint(mode);
  to.varint(Math.abs(mtimeUs));
  if (kind === 'file') to.varint(size);
  else if (kind !== 'directory') to.text(link);
}
function decodeFields(from, before, head, flags) {
  const path = decodePath(from, before, head, flags);
  const kind = KINDS$1[head & KIND_BITS];
  const mode = from.varint();
  const time = from.varint();
  const isEarly = (head & BEFORE_1970) !== 0;
  if (mode > 1023 || (isEarly && time === 0)) throw badEntry(from, path);
  const entry = {
    path,
    kind,
    mode,
    mtimeUs: isEarly ? -time : time,
    size: kind === 'file' ? from.varint() : 0,
  };
  if (kind === 'symlink' || kind === 'hardlink') entry.link = from.text();
  if ((head & LINKED) !== 0) {
    if (kind !== 'file' && kind !== 'symlink') throw badEntry(from, path);
    entry.linked = true;
  }
  return entry;
}
function encodePath(to, before, path, head) {
  const shared = sharedLength(before, path);
  to.byte(head);
  to.varint(shared);
  to.text(path.slice(shared));
}
function decodePath(from, before, head, flags) {
  const shared = from.varint();
  const path = (before ?? '').slice(0, shared) + from.text();
  if (
    !(shared <= (before ?? '').length && path.length <= 4096) ||
    (head & ~(KIND_BITS | flags)) !== 0
  )
    throw badEntry(from, path);
  return path;
}
function decodeDigest(from, head, item) {
  if ((head & DIGEST) === 0) return;
  if (item.kind !== 'file') throw badEntry(from, item.path);
  item.sha256 = from.hex(SHA256_BYTES);
}
function badEntry(from, path) {
  return from.broken(`has a bad entry: ${toText(path)}`);
}
function sharedLength(a, b) {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
/** Encodes the fields of records in sequence; the counterpart of RecordCursor. */
var RecordBuffer = class {
  #bytes;
  #length = 0;
  /** @param capacity bytes; a record takes at most MAX_RECORD_BYTES */
  constructor(capacity = MAX_RECORD_BYTES) {
    this.#bytes = Buffer.alloc(capacity);
  }
  get length() {
    return this.#length;
  }
  /** The encoded bytes. Valid until `clear`. */
  bytes() {
    return this.#bytes.subarray(0, this.#length);
  }
  clear() {
    this.#length = 0;
  }
  byte(value) {
    this.#bytes[this.#length++] = value;
  }
  /** LEB128: seven bits per byte, lowest first. @param value from 0 to 2^53 - 1 */
  varint(value) {
    let left = value;
    while (left >= 128) {
      this.#bytes[this.#length++] = (left % 128) | 128;
      left = Math.floor(left / 128);
    }
    this.#bytes[this.#length++] = left;
  }
  /** One byte per character, preceded by their number. */
  text(text) {
    this.varint(text.length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#length = at;
  }
  /** @param value from 0 to 2^32 - 1 */
  uint32(value) {
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
  }
  /** @param digits hexadecimal */
  hex(digits) {
    this.#length += this.#bytes.write(digits, this.#length, 'hex');
  }
};
/** Thrown when the bytes end in the middle of a record: more may come. */
const INCOMPLETE = /* @__PURE__ */ new Error('the record goes on');
/** Decodes fields of records in contiguous memory. */
var RecordCursor = class {
  #origin;
  #bytes = /* @__PURE__ */ new Uint8Array(0);
  #at = 0;
  #end = 0;
  constructor(origin) {
    this.#origin = origin;
  }
  /** Bytes decoded since `reset`. */
  get at() {
    return this.#at;
  }
  reset(bytes, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = end;
  }
  byte() {
    if (this.#at === this.#end) throw INCOMPLETE;
    return this.#bytes[this.#at++];
  }
  /** @throws CtxsyncError corrupt: over 2^53 - 1, or longer than necessary */
  varint() {
    let byte = this.byte();
    if (byte < 128) return byte;
    let value = byte & 127;
    for (let scale = 128; scale < 2 ** 56; scale *= 128) {
      byte = this.byte();
      value += (byte & 127) * scale;
      if (byte >= 128) continue;
      if (byte === 0 || !Number.isSafeInteger(value)) break;
      return value;
    }
    throw this.broken('has a bad number');
  }
  /** One byte per character. @throws CtxsyncError corrupt: longer than MAX_RECORD_TEXT_BYTES */
  text() {
    const length = this.varint();
    if (length > 4096) throw this.broken(`has a text of ${length} bytes`);
    return this.#take(length).toString('latin1');
  }
  uint32() {
    return this.#take(4).readUInt32BE();
  }
  /** @param count bytes; the result has two digits for each */
  hex(count) {
    return this.#take(count).toString('hex');
  }
  /** @param what is wrong with the bytes, as a verb phrase */
  broken(what) {
    return new CtxsyncError('corrupt', `${this.#origin} ${what}`);
  }
  #take(count) {
    const from = this.#at;
    if (this.#end - from < count) throw INCOMPLETE;
    this.#at = from + count;
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset + from, count);
  }
};
/** Collects records and writes them in batches. */
var RecordWriter = class {
  #sink;
  #buffer = new RecordBuffer(24640);
  #flushedAt = performance.now();
  constructor(sink) {
    this.#sink = sink;
  }
  /** Where to encode the next record; call `written` afterwards. */
  get buffer() {
    return this.#buffer;
  }
  /**
   * A record is complete. Records are written in batches; but those that come slowly, as digests do,
   * are written at once, so that the peer can already work on them.
   */
  written() {
    if (this.#buffer.length >= 16384 || performance.now() - this.#flushedAt >= 100) this.flush();
  }
  /** No record follows. */
  end() {
    this.#buffer.byte(128);
    this.flush();
  }
  flush() {
    writeAll(this.#sink, this.#buffer.bytes());
    this.#buffer.clear();
    this.#flushedAt = performance.now();
  }
};
/** Reads records in place, and copies only those that the source returns in several pieces. */
var RecordReader = class {
  #source;
  #cursor;
  #joined;
  #ended = false;
  /** @param origin name of the stream for messages: "the sender's list of entries" */
  constructor(source, origin) {
    this.#source = source;
    this.#cursor = new RecordCursor(origin);
  }
  /**
   * The next record; undefined after the last.
   * @param decode may be called again for the same record when more bytes arrive
   * @throws CtxsyncError corrupt, and what `decode` throws
   */
  next(decode) {
    if (this.#ended) return void 0;
    const bytes = this.#source.peek();
    if (bytes.length === 0) throw this.broken('ends too early');
    if (bytes[0] === 128) return this.#end();
    this.#cursor.reset(bytes);
    const item = this.#try(decode);
    if (item === void 0) return this.#join(decode);
    this.#source.consumed(this.#cursor.at);
    return item;
  }
  broken(what) {
    return this.#cursor.broken(what);
  }
  #end() {
    this.#source.consumed(1);
    this.#ended = true;
    if (this.#source.peek().length > 0) throw this.broken('goes on after its end');
  }
  #join(decode) {
    const joined = (this.#joined ??= Buffer.alloc(MAX_RECORD_BYTES));
    for (let used = 0; ;) {
      const bytes = this.#source.peek();
      if (bytes.length === 0) throw this.broken('ends in the middle of an entry');
      const count = Math.min(bytes.length, joined.length - used);
      joined.set(bytes.subarray(0, count), used);
      this.#cursor.reset(joined, used + count);
      const item = this.#try(decode);
      if (item !== void 0) {
        this.#source.consumed(this.#cursor.at - used);
        return item;
      }
      this.#source.consumed(count);
      used += count;
    }
  }
  /** Returns undefined if the record is incomplete. */
  #try(decode) {
    try {
      return decode(this.#cursor);
    } catch (error) {
      if (error === INCOMPLETE) return void 0;
      throw error;
    }
  }
};
// src/entry/tree-writer.ts
const END = Uint8Array.of(128);
/** Writes entries with their content: a `tree` stream. */
var TreeWriter = class {
  #sink;
  #record = new RecordBuffer();
  #before = '';
  #left = 0;
  constructor(sink) {
    this.#sink = sink;
  }
  begin(entry) {
    this.#record.clear();
    encodeEntry(this.#record, this.#before, entry);
    writeAll(this.#sink, this.#record.bytes());
    this.#before = entry.path;
    this.#left = entry.kind === 'file' && entry.contentOmitted !== true ? entry.size : 0;
  }
  reserve() {
    const room = this.#sink.reserve();
    return room.length > this.#left ? room.subarray(0, this.#left) : room;
  }
  produced(count) {
    this.#sink.produced(count);
    this.#left -= count;
  }
  get left() {
    return this.#left;
  }
  finish() {
    if (this.#left !== 0) throw new Error(`the entry lacks ${this.#left} bytes of content`);
  }
  end() {
    writeAll(this.#sink, END);
  }
};
// src/entry/pack.ts
/**
 * Packs the entries of a walk as a `tree` stream. Compares what it reads with what the walk saw: content
 * that changed in between, or is incomplete, fails the transfer and is never sent as complete.
 *
 * @param unreadable shared with the walk: after the first unreadable path nothing more is packed
 * @throws CtxsyncError source-unreadable, source-changed; naming the path
 */
function pack(entries, sink, status, unreadable) {
  const tree = new TreeWriter(sink);
  for (const entry of entries) {
    unreadable.checkTime();
    try {
      if (unreadable.found) checkReadable(entry, status);
      else packEntry(entry, tree, sink, status);
    } catch (error) {
      unreadable.add(error, entry.path);
    }
  }
  unreadable.end();
  tree.end();
}
function packEntry(entry, tree, sink, status) {
  if (entry.kind === 'file') {
    if (!packWithoutContent(entry, tree, status)) packFile(entry, tree, sink, status);
  } else {
    tree.begin(entry);
    tree.finish();
  }
  if (entry.path !== '') status.addEntry();
}
function checkReadable(entry, status) {
  if (entry.kind !== 'file' || entry.fd !== void 0) return;
  status.enter('reading', entry.path);
  closeRead(openSource(entry));
}
/** Returns whether the receiver already has the content: then sends only the entry itself. */
function packWithoutContent(entry, tree, status) {
  const { omitIf } = entry;
  if (omitIf === void 0 || hashSource(entry, status) !== omitIf) return false;
  tree.begin({
    ...entry,
    contentOmitted: true,
  });
  tree.finish();
  return true;
}
/**
 * The SHA-256 of a source file's content, in hexadecimal digits.
 * @throws CtxsyncError source-unreadable, source-changed
 */
function hashSource(entry, status) {
  const { path, fsPath, size } = entry;
  const hash = hashPath(fsPath, path, status);
  checkUnchanged(entry, statSource(fsPath, path));
  if (hash.bytes !== size) throw otherSize(entry, hash.bytes > size ? 'more' : 'less');
  return hash.sha256;
}
function hashPath(fsPath, path, status) {
  try {
    return hashFile(fsPath, () => status.enter('reading', path));
  } catch (error) {
    throw sourceError(error, 'read', path);
  }
}
function packFile(entry, tree, sink, status) {
  if (entry.fd === void 0) status.enter('reading', entry.path);
  const fd = entry.fd ?? openSource(entry);
  try {
    tree.begin(entry);
    packContent(fd, entry, tree, sink, status);
    checkUnchanged(entry, statFile(fd, entry.path));
    tree.finish();
  } finally {
    if (entry.fd === void 0) closeRead(fd);
  }
}
/**
 * Packs content up to the size that the walk saw. If there is room, the last read requests one byte
 * more: getting fewer bytes shows the end of the file without another call.
 */
function packContent(fd, entry, tree, sink, status) {
  const { path } = entry;
  let atEnd = false;
  while (tree.left > 0) {
    const room = sink.reserve().subarray(0, Math.min(tree.left + 1, MAX_READ_BYTES));
    status.enter('reading', path);
    const count = readFile(fd, room, path);
    if (count === 0) throw wrongSize(entry, fd, 'less');
    if (count > tree.left) throw wrongSize(entry, fd, 'more');
    atEnd = count < room.length;
    tree.produced(count);
    status.addBytes(count);
  }
  if (!atEnd && readFile(fd, oneByte, path) > 0) throw wrongSize(entry, fd, 'more');
}
const oneByte = /* @__PURE__ */ new Uint8Array(1);
/** Checks that the file is the one that the walk saw, is unchanged and was not removed. */
function checkUnchanged({ path, identity }, now) {
  if (!now.isFile() || !isSameInode(now, identity)) throw sourceChanged(path, 'was replaced');
  if (now.size > identity.size) throw sourceChanged(path, 'grew');
  if (now.size < identity.size) throw sourceChanged(path, 'shrank');
  if (now.mtimeNs !== identity.mtimeNs) throw sourceChanged(path, 'was written to');
  if (now.nlink === 0n) throw sourceChanged(path, 'was replaced or removed');
}
/** The content differs in size from what the walk saw: it changed, or the stat size is wrong. */
function wrongSize(entry, fd, has) {
  checkUnchanged(entry, statFile(fd, entry.path));
  return otherSize(entry, has);
}
/** As in procfs, sysfs and FUSE file systems: the reported size may be 0, or that of a page. */
function otherSize({ path, size }, has) {
  const text = toText(path);
  return new CtxsyncError(
    'source-unreadable',
    `cannot read ${text}: it has ${has} content than its size says (${size} bytes), as files in /proc and /sys do; exclude it, or send a copy`,
    { path: text },
  );
}
function openSource({ fsPath, path }) {
  try {
    return openFile(fsPath);
  } catch (error) {
    throw sourceError(error, 'read', path);
  }
}
function readFile(fd, room, path) {
  try {
    return readSync(fd, room, 0, room.length, null);
  } catch (error) {
    throw sourceError(error, 'read', path);
  }
}
function statFile(fd, path) {
  try {
    return fstatSync(fd, { bigint: true });
  } catch (error) {
    throw sourceError(error, 'look at', path);
  }
}
// src/entry/tree-reader.ts
/**
 * Reads a `tree` stream: entries, each followed by its content. Checks the order of the paths, and
 * nothing else about them.
 *
 * @throws CtxsyncError corrupt
 */
var TreeReader = class {
  #source;
  #records;
  #unordered;
  #before;
  /** Unread bytes of the current entry's content. */
  #left = 0;
  constructor(source, { unordered }) {
    this.#source = source;
    this.#records = new RecordReader(source, "the sender's context");
    this.#unordered = unordered;
  }
  /** The next entry; undefined after the last. Consume all content of the current entry first. */
  next() {
    const before = this.#before;
    const entry = this.#records.next((cursor) => decodeEntry(cursor, before));
    if (entry === void 0) return void 0;
    if (!this.#unordered) checkOrder(entry.path, before, (what) => this.#records.broken(what));
    this.#before = entry.path;
    this.#left = entry.contentOmitted === true ? 0 : entry.size;
    return entry;
  }
  /** Unread bytes of the current entry's content. */
  get left() {
    return this.#left;
  }
  content() {
    if (this.#left === 0) return NO_BYTES;
    const bytes = this.#source.peek();
    if (bytes.length === 0)
      throw this.#records.broken(`ends in the middle of ${toText(this.#before ?? '')}`);
    return bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
  }
  consumed(count) {
    this.#source.consumed(count);
    this.#left -= count;
  }
};
const NO_BYTES = /* @__PURE__ */ new Uint8Array(0);
// src/entry/unpack.ts
/**
 * Unpacks a `tree` stream and checks each entry.
 * @throws CtxsyncError unsafe-entry, over-limit, and what the reader and the sink throw
 */
function unpack(tree, sink, options) {
  const { name, validator, takesOmitted, onEntry } = options;
  for (let entry = tree.next(); entry !== void 0; entry = tree.next()) {
    const { kind, path } = entry;
    if (entry.contentOmitted === true && !takesOmitted) throw withoutContent(path);
    if (path !== '' || kind === 'directory') entry.path = inContext(name, path);
    if (kind === 'hardlink') entry.link = inContext(name, entry.link ?? '');
    sink.add(entry, tree, validator.check(entry));
    if (tree.left > 0)
      throw new CtxsyncError('internal', `content of ${toText(path)} was left over`);
    if (path !== '') onEntry(kind, path);
  }
  sink.end();
}
function inContext(name, path) {
  if (name === '' || path.startsWith('/')) return path;
  return path === '' ? name : joinPath(name, path);
}
function withoutContent(path) {
  const text = toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: it comes without its content`, {
    path: text,
  });
}
// src/disk/held-directory.ts
/** Linux's O_PATH, which Node does not define: holds an entry, whatever its mode, without opening it. */
const O_PATH = 2097152;
function metadataOf(stats) {
  return {
    mode: Number(stats.mode) & 4095,
    mtimeUs: toMicroseconds(stats.mtimeNs),
  };
}
/**
 * A directory held open, and the calls that change it: each takes the name of one child, follows no
 * symlink, and reaches nothing else, even if the directory is replaced meanwhile. Without /proc its
 * identity is checked before and after each call.
 *
 * All throw the system call's error, and CtxsyncError not-writable when the directory was replaced.
 */
var HeldDirectory = class HeldDirectory {
  /** For messages. */
  path;
  #directory;
  #identity;
  /**
   * @param fsPath where to open it; its last component must not be a symlink
   * @param path for messages
   */
  static open(fsPath, path) {
    return new HeldDirectory(new OpenDirectory(fsPath), path);
  }
  constructor(directory, path) {
    this.#directory = directory;
    this.path = path;
  }
  get fd() {
    return this.#directory.fd;
  }
  get identity() {
    this.#identity ??= fstatSync(this.fd, { bigint: true });
    return this.#identity;
  }
  close() {
    this.#directory.close();
  }
  openChild(name) {
    const path = joinPath(this.path, name);
    return this.#guard(() => HeldDirectory.open(this.#directory.child(name), path), closeIt);
  }
  /** The children's names, sorted by their bytes. @param onBatch called after each batch of very many */
  names(onBatch) {
    return this.#guard(() => this.#directory.names(onBatch));
  }
  look(name) {
    return this.#guard(() =>
      lstatSync(this.#at(name), {
        bigint: true,
        throwIfNoEntry: false,
      }),
    );
  }
  readLink(name) {
    return this.#guard(() => readlinkSync(this.#at(name), 'latin1'));
  }
  /** Opens a file. O_NONBLOCK: a FIFO that replaced it meanwhile must not block us. */
  openFile(name, flags, mode) {
    const all = flags | constants$1.O_NOFOLLOW | constants$1.O_NONBLOCK;
    return this.#guard(() => openSync(this.#at(name), all, mode), closeSync);
  }
  makeDirectory(name, mode) {
    this.#guard(() => mkdirSync(this.#at(name), mode));
  }
  setChildOwner(name, uid, gid) {
    this.#guard(() => lchownSync(this.#at(name), uid, gid));
  }
  removeDirectory(name) {
    this.#guard(() => rmdirSync(this.#at(name)));
  }
  /** Removes anything but a directory; a missing entry is no error. */
  removeFile(name) {
    try {
      this.#guard(() => unlinkSync(this.#at(name)));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  makeSymlink(name, text) {
    this.#guard(() => symlinkSync(toFsPath(text), this.#at(name)));
  }
  rename(name, to, newName) {
    this.#guard(() => to.#guard(() => renameSync(this.#at(name), to.#at(newName))));
  }
  /**
   * Gives a file or a symlink another name. macOS follows a symlink here: then the new name is removed,
   * and ENOTSUP thrown.
   */
  link(name, to, newName) {
    this.#guard(() => to.#guard(() => linkSync(this.#at(name), to.#at(newName))));
    if (process.platform === 'linux') return;
    const [before, after] = [this.look(name), to.look(newName)];
    if (before !== void 0 && after !== void 0 && isSameInode(before, after)) return;
    to.removeFile(newName);
    throw Object.assign(/* @__PURE__ */ new Error('a symlink was followed'), { code: 'ENOTSUP' });
  }
  /** Its own mode and time. */
  metadata() {
    return metadataOf(fstatSync(this.fd, { bigint: true }));
  }
  setMetadata({ mode, mtimeUs }) {
    const seconds = toUtimesSeconds(mtimeUs);
    if (mtimeUs >= 0) futimesSync(this.fd, seconds, seconds);
    else this.#guard(() => setNegativeMtime(this.#at('.'), mtimeUs));
    fchmodSync(this.fd, mode);
  }
  setChildMetadata(name, { mode, mtimeUs }) {
    this.setChildTime(name, mtimeUs);
    this.setChildMode(name, mode);
  }
  setChildTime(name, mtimeUs) {
    const seconds = toUtimesSeconds(mtimeUs);
    this.#guard(() => {
      if (mtimeUs < 0) setNegativeMtime(this.#at(name), mtimeUs);
      else lutimesSync(this.#at(name), seconds, seconds);
    });
  }
  /** chmod(2) follows symlinks, so the entry is held first. */
  setChildMode(name, mode) {
    if (!this.#directory.held) return this.#setModeByPath(name, mode);
    const fd = openSync(this.#at(name), O_PATH | constants$1.O_NOFOLLOW);
    try {
      if (fstatSync(fd).isSymbolicLink()) throw replaced(joinPath(this.path, name));
      chmodSync(`${PROC_FD}/${fd}`, mode);
    } finally {
      closeSync(fd);
    }
  }
  /** Whether something is mounted on this child, by Linux's mount IDs. */
  isMountPoint(name) {
    const fd = openSync(this.#at(name), O_PATH | constants$1.O_NOFOLLOW);
    try {
      return mountOf(fd) !== mountOf(this.fd);
    } finally {
      closeSync(fd);
    }
  }
  /** The child's path, for a call that follows no symlink; valid until this is closed. */
  child(name) {
    return this.#directory.child(name);
  }
  #setModeByPath(name, mode) {
    const before = this.look(name);
    if (before === void 0 || before.isSymbolicLink()) throw replaced(joinPath(this.path, name));
    this.#guard(() => chmodSync(this.#at(name), mode));
    const after = this.look(name);
    if (after === void 0 || !isSameInode(before, after)) throw replaced(joinPath(this.path, name));
  }
  #at(name) {
    return toFsPath(this.#directory.child(name));
  }
  /** @param takeBack undoes the call, when it may have acted elsewhere */
  #guard(call, takeBack) {
    if (this.#directory.held) return call();
    if (!this.#directory.verify()) throw replaced(this.path);
    const made = call();
    if (this.#directory.verify()) return made;
    takeBack?.(made);
    throw replaced(this.path);
  }
};
/** The directory that we worked in was replaced. */
function replaced(path) {
  const text = path === '' ? 'OUT' : toText(path);
  return new CtxsyncError(
    'not-writable',
    `${text} was replaced while ctxsync was using it; send again when nothing else changes it`,
    { path: text },
  );
}
function mountOf(fd) {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  return /^mnt_id:\s*(\d+)/m.exec(info)?.[1] ?? '';
}
function closeIt(directory) {
  directory.close();
}
// src/disk/descent.ts
/**
 * A chain of directories below a held root, which is the caller's to close; the last is the current one.
 * At most MAX_HELD_DIRECTORIES are open at a time, however long the chain is; one that was closed is
 * reopened from its parent, and refused if it was replaced.
 */
var Descent = class {
  #root;
  #levels = [];
  constructor(root) {
    this.#root = root;
  }
  get depth() {
    return this.#levels.length;
  }
  /**
   * The current directory.
   * @throws CtxsyncError not-writable, when it was closed and has been replaced
   */
  get directory() {
    const last = this.#levels.at(-1);
    if (last === void 0) return this.#root;
    if (last.directory === void 0) this.#reopen();
    return last.directory;
  }
  /** Goes to the directory of this path below the root: first up, then down. */
  goTo(path) {
    while (this.#path !== path && !isBeneath(path, this.#path)) this.leave();
    const rest = this.#path === '' ? path : path.slice(this.#path.length + 1);
    for (const name of rest.split('/')) if (name !== '') this.enter(name);
  }
  /** @throws the system call's error; ENOTDIR or ELOOP when it is not a directory */
  enter(name) {
    const directory = this.directory.openChild(name);
    const path = joinPath(this.#path, name);
    this.#levels.push({
      name,
      path,
      directory,
      identity: void 0,
    });
    const outer = this.#levels.at(-33);
    if (outer !== void 0) closeLevel(outer);
    return directory;
  }
  /**
   * Enters a directory and lists it. Undefined on EACCES: then it was not entered.
   * @throws the system call's error
   */
  enterAndList(name) {
    const { depth } = this;
    try {
      return this.enter(name).names();
    } catch (error) {
      if (this.depth > depth) this.leave();
      if (errnoOf(error) === 'EACCES') return void 0;
      throw error;
    }
  }
  /** @returns the name of the directory that was left */
  leave() {
    const left = this.#levels.pop();
    left.directory?.close();
    return left.name;
  }
  close() {
    for (const { directory } of this.#levels.splice(0)) directory?.close();
  }
  get #path() {
    return this.#levels.at(-1)?.path ?? '';
  }
  /** Keeps half of the allowed number open, so that leaving many levels reopens few. */
  #reopen() {
    const keepFrom = this.#levels.length - 16;
    this.#levels.forEach((level, index) => {
      const above = this.#levels[index - 1];
      if (level.directory === void 0) {
        level.directory = (above?.directory ?? this.#root).openChild(level.name);
        checkSame(level);
      }
      if (above !== void 0 && index <= keepFrom) closeLevel(above);
    });
  }
};
function closeLevel(level) {
  if (level.directory === void 0) return;
  level.identity = level.directory.identity;
  level.directory.close();
  level.directory = void 0;
}
function checkSame(level) {
  const { directory, identity } = level;
  if (directory === void 0 || identity === void 0) return;
  if (isSameInode(directory.identity, identity)) return;
  directory.close();
  level.directory = void 0;
  throw replaced(directory.path);
}
// src/dest/ordered-lookup.ts
/**
 * Looks up entries in a directory, in walk order: each lookup continues where the last one ended, so that
 * memory holds only the names in the open directories. Symlinks are not followed.
 */
var OrderedLookup = class {
  #status;
  #onPassed;
  #root;
  #descent;
  #levels = [];
  /**
   * @param root absent: nothing is found. Closed with this object
   * @param onPassed called with entries that were not looked up, but not their descendants
   */
  constructor(root, status, onPassed = () => {}) {
    this.#status = status;
    this.#onPassed = onPassed;
    this.#root = root;
    this.#descent = root && new Descent(root);
    if (root !== void 0) this.#listRoot(root);
  }
  /**
   * The entry of this path, or undefined.
   * @param path sorts after all that were looked up before
   * @throws CtxsyncError not-writable
   */
  find(path) {
    const [parent, name] = splitPath(path);
    const level = this.#levelOf(parent);
    if (level === void 0) return void 0;
    while (level.next < level.names.length && level.names.at(level.next) < name) this.#pass(level);
    if (level.names.at(level.next) !== name) return void 0;
    level.next += 1;
    const { directory } = this.#descent;
    const stats = this.#look(directory, name, path);
    return stats === void 0
      ? void 0
      : {
          directory,
          name,
          stats,
        };
  }
  /**
   * Enters this directory, which was just found, to look up its entries.
   * @returns false when we may not list it
   * @throws CtxsyncError not-writable
   */
  enter(path, { name }) {
    this.#status.enter('scanning', path);
    try {
      const names = this.#descent.enterAndList(name);
      if (names !== void 0)
        this.#levels.push({
          path,
          names,
          next: 0,
        });
      return names !== void 0;
    } catch (error) {
      throw destinationError(error, 'list the directory', path);
    }
  }
  /** Ends the lookups: passes what is left, and closes all directories. */
  end() {
    while (this.#levels.length > 0) this.#leave();
  }
  /** Closes all directories. */
  close() {
    this.#levels.length = 0;
    this.#descent?.close();
    this.#root?.close();
  }
  /** The directory, if it was entered; leaves finished ones. */
  #levelOf(path) {
    for (;;) {
      const level = this.#levels.at(-1);
      if (level === void 0 || level.path === path) return level;
      if (isBeneath(path, level.path)) return void 0;
      this.#leave();
    }
  }
  #leave() {
    const level = this.#levels.at(-1);
    while (level.next < level.names.length) this.#pass(level);
    this.#levels.pop();
    if (this.#levels.length > 0) this.#descent.leave();
  }
  #pass(level) {
    this.#onPassed(joinPath(level.path, level.names.at(level.next)));
    level.next += 1;
  }
  #listRoot(root) {
    this.#status.enter('scanning', root.path);
    try {
      this.#levels.push({
        path: '',
        names: root.names(),
        next: 0,
      });
    } catch (error) {
      throw destinationError(error, 'list the directory', root.path);
    }
  }
  #look(directory, name, path) {
    this.#status.enter('scanning', path);
    try {
      return directory.look(name);
    } catch (error) {
      throw destinationError(error, 'look at', path);
    }
  }
};
// src/dest/partial-stages.ts
/**
 * What interrupted runs have left in their stages: complete files, and at most one incomplete file.
 * Looked up in walk order.
 */
var PartialStages = class {
  #trees;
  /** @param trees of stages, the newest first; undefined where the context has none. Closed with this */
  constructor(trees, status) {
    this.#trees = trees.map((tree) => new OrderedLookup(tree, status));
  }
  /** There are no stages. */
  get empty() {
    return this.#trees.length === 0;
  }
  /** Enters this directory, to look up its files. */
  enter(path) {
    for (const tree of this.#trees) {
      const found = tree.find(path);
      if (found?.stats.isDirectory() !== true) continue;
      openUp(found, path);
      tree.enter(path, found);
    }
  }
  /**
   * A file that may be this one: a partly written one differs in time or size.
   * @param path sorts after all that were looked up before
   */
  find(path, size, mtimeUs) {
    let newest;
    for (const tree of this.#trees) {
      const found = tree.find(path);
      if (found !== void 0 && isFile(found, size, mtimeUs)) newest ??= found;
    }
    return newest;
  }
  close() {
    for (const tree of this.#trees) tree.close();
  }
};
/** A complete stage can have directories that deny us access. The stage is ours. */
function openUp({ directory, name, stats }, path) {
  if ((stats.mode & 448n) === 448n) return;
  try {
    directory.setChildMode(name, 448);
  } catch (error) {
    throw destinationError(error, 'open the directory', path);
  }
}
/** With other names it could be a file of OUT, or be used twice for files that are not hardlinked. */
function isFile({ stats }, size, mtimeUs) {
  return (
    stats.isFile() &&
    stats.nlink === 1n &&
    stats.size === BigInt(size) &&
    toMicroseconds(stats.mtimeNs) === mtimeUs
  );
}
// src/dest/stage-writer.ts
const NEW_FILE = constants$1.O_CREAT | constants$1.O_EXCL | constants$1.O_WRONLY;
/**
 * Builds checked entries in a stage, with few system calls each, in directories that are held open. It
 * holds only those that lead to the current entry, and no table of finished ones, so entries may come in
 * any order, and cost least in walk order.
 */
var StageWriter = class {
  #tree;
  #descent;
  #levels = [];
  /** Leads to the targets of hardlinks. */
  #targets;
  #umask;
  #partialStages;
  #others;
  #status;
  #now = Date.now() / 1e3;
  #root;
  /**
   * @param tree closed by the caller
   * @param umask the permission bits that a new file never gets, whatever mode is requested
   */
  constructor(
    tree,
    umask,
    status,
    { partialStages = new PartialStages([], status), others = [] } = {},
  ) {
    this.#tree = tree;
    this.#descent = new Descent(tree);
    this.#targets = new Descent(tree);
    this.#umask = umask;
    this.#partialStages = partialStages;
    this.#others = others;
    this.#status = status;
  }
  /**
   * @param again an entry of the same path and kind came before: this one replaces it
   * @throws CtxsyncError unsafe-entry, no-space, not-writable; naming the path
   */
  add(entry, content, again) {
    if (this.#others.includes(entry.path)) throw collision$1(entry.path);
    const [parent, name] = splitPath(entry.path);
    if (name === '') return this.#addRoot(entry);
    try {
      this.#goTo(parent);
      this.#status.enter('writing', entry.path);
      if (again && entry.kind !== 'directory') this.#directory.removeFile(name);
      this.#make(entry, name, content, again);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') throw collision$1(entry.path);
      throw destinationError(error, 'write', entry.path);
    }
  }
  /**
   * Mode and time of the context's own root, if they were sent. They are set on OUT after the commit: the
   * stage's root stays accessible for other contexts and for the commit.
   */
  get root() {
    return this.#root;
  }
  /** Sets modes and times of the remaining directories, the deepest first. */
  end() {
    while (this.#levels.length > 0) this.#leave();
  }
  /** Closes all directories, finished or not. */
  close() {
    this.#levels.length = 0;
    this.#descent.close();
    this.#targets.close();
  }
  get #directory() {
    return this.#descent.directory;
  }
  get #path() {
    return this.#levels.at(-1)?.path ?? '';
  }
  #addRoot({ mode, mtimeUs }) {
    this.#root = {
      mode,
      mtimeUs,
    };
  }
  /** @param path of a directory that came before */
  #goTo(path) {
    while (this.#path !== path && !isBeneath(path, this.#path)) this.#leave();
    const from = this.#path === '' ? 0 : this.#path.length + 1;
    if (from > path.length) return;
    for (const name of path.slice(from).split('/')) if (name !== '') this.#enterAgain(name);
  }
  /** Enters a directory that was finished, or made by another stream of the transfer. */
  #enterAgain(name) {
    const stats = this.#directory.look(name);
    const metadata =
      stats === void 0
        ? {
            mode: 448,
            mtimeUs: 0,
          }
        : metadataOf(stats);
    if ((metadata.mode & 448) !== 448) this.#directory.setChildMode(name, 448);
    this.#enter(name, metadata);
  }
  #enter(name, metadata) {
    const path = joinPath(this.#path, name);
    this.#descent.enter(name);
    this.#levels.push({
      path,
      metadata,
    });
  }
  #leave() {
    const { path, metadata } = this.#levels.at(-1);
    this.#status.enter('writing', path);
    try {
      this.#directory.setMetadata(metadata);
    } catch (error) {
      throw destinationError(error, 'set mode and time of', path);
    }
    this.#levels.pop();
    this.#descent.leave();
  }
  #make(entry, name, content, again) {
    switch (entry.kind) {
      case 'directory':
        return this.#makeDirectory(entry, name, again);
      case 'symlink':
        return this.#makeSymlink(name, entry.link ?? '', entry.mtimeUs);
      case 'hardlink':
        return this.#makeHardlink(entry, name);
      case 'file':
        if (entry.contentOmitted === true) this.#adoptFile(entry, name);
        else this.#makeFile(entry, name, content);
    }
  }
  #makeDirectory({ path, mode, mtimeUs }, name, again) {
    if (again) this.#directory.setChildMode(name, 448);
    else this.#directory.makeDirectory(name, 448);
    this.#partialStages.enter(path);
    this.#enter(name, {
      mode,
      mtimeUs,
    });
  }
  #makeSymlink(name, text, mtimeUs) {
    this.#directory.makeSymlink(name, text);
    this.#directory.setChildTime(name, mtimeUs);
  }
  /** A symlink that cannot be hardlinked (macOS) is made again. */
  #makeHardlink({ link = '', mtimeUs }, name) {
    this.#withDirectoryOf(link, (from, target) => {
      try {
        from.link(target, this.#directory, name);
      } catch (error) {
        if (!(from.look(target)?.isSymbolicLink() === true) || errnoOf(error) !== 'ENOTSUP')
          throw error;
        this.#makeSymlink(name, from.readLink(target), mtimeUs);
      }
    });
  }
  #withDirectoryOf(path, use) {
    const [parent, name] = splitPath(path);
    if (parent === this.#path) return use(this.#directory, name);
    try {
      this.#targets.goTo(parent);
    } catch (error) {
      if (errnoOf(error) !== 'EACCES') throw error;
      return this.#withClosed(parent === '' ? [] : parent.split('/'), (at) => use(at, name));
    }
    use(this.#targets.directory, name);
  }
  /** Finished directories may deny us access: they get mode 0700 while we pass through. */
  #withClosed(names, use) {
    const way = new Descent(this.#tree);
    const passed = names.map((name) => {
      const before = way.directory.look(name);
      const mode = Number(before?.mode ?? 0) & 4095;
      if ((mode & 448) !== 448) way.directory.setChildMode(name, 448);
      way.enter(name);
      return mode;
    });
    try {
      use(way.directory);
      for (const mode of passed.toReversed()) {
        const name = way.leave();
        if ((mode & 448) !== 448) way.directory.setChildMode(name, mode);
      }
    } finally {
      way.close();
    }
  }
  #makeFile(entry, name, content) {
    const exact = (entry.mode & -512) === 0 && (entry.mode & this.#umask) === 0;
    const fd = this.#directory.openFile(name, NEW_FILE, exact ? entry.mode : 384);
    try {
      this.#writeContent(fd, entry.path, content);
      if (!exact) fchmodSync(fd, entry.mode);
      if (entry.mtimeUs >= 0) futimesSync(fd, this.#now, toUtimesSeconds(entry.mtimeUs));
    } finally {
      closeSync(fd);
    }
    if (entry.mtimeUs < 0) this.#directory.setChildTime(name, entry.mtimeUs);
  }
  /** Its content was found in a partial stage and verified. */
  #adoptFile({ path, mode, mtimeUs, size }, name) {
    const found = this.#partialStages.find(path, size, mtimeUs);
    if (found === void 0) throw sourceChanged(path, 'was written to');
    found.directory.rename(found.name, this.#directory, name);
    this.#directory.setChildMode(name, mode);
  }
  #writeContent(fd, path, content) {
    for (let bytes = content.content(); bytes.length > 0; bytes = content.content()) {
      this.#status.enter('writing', path);
      const count = writeSync(fd, bytes, 0, Math.min(bytes.length, MAX_WRITE_BYTES));
      content.consumed(count);
      this.#status.addBytes(count);
    }
  }
};
/** A path comes once in a context, so it is another context's, or the disk is case-insensitive. */
function collision$1(path) {
  const text = toText(path);
  return new CtxsyncError(
    'unsafe-entry',
    `refused ${text}: another context has it already, or this file system takes its name for the same as another`,
    { path: text },
  );
}
// src/entry/entry-digest.ts
/**
 * A digest of the kind and path of each entry, in order. It compares the entries received with those
 * requested, without a list of either. The kind must be included: if an entry listed as a directory
 * were sent as a symlink, the unchanged entries beneath it would end up outside OUT.
 */
var EntryDigest = class {
  #hash = createHash('sha256');
  #batch = '';
  add(kind, path) {
    this.#batch += `${kind} ${path}\0`;
    if (this.#batch.length >= 16384) this.#flush();
  }
  /** Returns hexadecimal digits. Call it only once. */
  digest() {
    this.#flush();
    return this.#hash.digest('hex');
  }
  #flush() {
    this.#hash.update(this.#batch, 'latin1');
    this.#batch = '';
  }
};
// src/disk/keyed-hash.ts
/**
 * HalfSipHash-2-4 with 64 bits of output (J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast
 * short-input PRF", and its reference code): made for tables whose keys an attacker chooses. In
 * JavaScript, because a call into node:crypto costs more than hashing a name here.
 *
 * The message is 12 bytes, as three little-endian words, and then a path: the digest of a directory
 * begins the message for each entry in it, so that no path is hashed twice.
 */
var KeyedHash = class {
  #key0;
  #key1;
  /** Output for the last message: the first four bytes, as a little-endian word, and the others. */
  low = 0;
  high = 0;
  /** @param key 8 bytes */
  constructor(key) {
    this.#key0 = key.readInt32LE(0);
    this.#key1 = key.readInt32LE(4);
  }
  /** @param prefix three words */
  update(prefix, path) {
    let v0 = this.#key0;
    let v1 = this.#key1 ^ 238;
    let v2 = this.#key0 ^ 1819895653;
    let v3 = this.#key1 ^ 1952801890;
    const words = 3 + (path.length >>> 2);
    for (let at = 0; at <= words + 2; at++) {
      let rounds = 2;
      let word = 0;
      if (at < 3) word = prefix[at];
      else if (at < words) word = wordAt(path, (at - 3) << 2);
      else if (at === words) word = lastWord(path);
      else {
        rounds = 4;
        if (at === words + 1) v2 ^= 238;
        else {
          this.low = v1 ^ v3;
          v1 ^= 221;
        }
      }
      v3 ^= word;
      for (let round = 0; round < rounds; round++) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    this.high = v1 ^ v3;
  }
};
function wordAt(path, at) {
  return (
    path.charCodeAt(at) |
    (path.charCodeAt(at + 1) << 8) |
    (path.charCodeAt(at + 2) << 16) |
    (path.charCodeAt(at + 3) << 24)
  );
}
/** The remaining bytes, and the message length in the highest byte. */
function lastWord(path) {
  let word = (12 + path.length) << 24;
  const from = path.length & -4;
  for (let at = from; at < path.length; at++) word |= path.charCodeAt(at) << ((at - from) << 3);
  return word;
}
// src/disk/path-table.ts
/** Words of a slot: a digest, with the value in two bits of the last. A value is never 0, so 0 is free. */
const WORDS = 3;
const VALUE_BITS = 3;
/** Segments grow one at a time: a single table would need twice its memory while it grows. */
const SEGMENTS = 256;
/** A quarter stays free, so that a probe soon finds a free slot. */
const FULL = 0.75;
const GROWTH = 1.5;
/**
 * A small value for each of many paths, in MAX_TABLE_BYTES_PER_ENTRY however long the path is: only its
 * digest is stored. The digest has 94 bits and a secret key, so nobody can choose two paths that collide;
 * by chance, two of 4 million collide with a probability of 1 in 10^15.
 */
var PathTable = class {
  #one = new KeyedHash(randomBytes(8));
  #other = new KeyedHash(randomBytes(8));
  #segments = Array.from({ length: SEGMENTS });
  /** Of the current path. */
  #digest = new Int32Array(WORDS);
  /** The directory whose digest is cached, as the next path is likely to be in it too. */
  #directory = '';
  #directoryDigest = new Int32Array(WORDS);
  /** Bytes of all slots, free ones included. */
  get bytes() {
    return this.#segments.reduce((sum, segment) => sum + (segment?.slots.byteLength ?? 0), 0);
  }
  /** The value of a path; 0 when it has none. */
  get(path) {
    const segment = this.#segments[this.#segmentOf(path)];
    if (segment === void 0) return 0;
    return segment.slots[slotOf(segment.slots, this.#digest) + 2] & VALUE_BITS;
  }
  /**
   * @param value 1 to 3
   * @returns the value that it had; 0 when it had none
   */
  set(path, value) {
    const at = this.#segmentOf(path);
    let segment = (this.#segments[at] ??= {
      slots: /* @__PURE__ */ new Int32Array(24),
      used: 0,
    });
    if ((segment.used + 1) * WORDS > segment.slots.length * FULL)
      this.#segments[at] = segment = grown(segment);
    const before = insert(segment.slots, this.#digest, value);
    if (before === 0) segment.used += 1;
    return before;
  }
  /** Leaves the path's digest in `#digest`. */
  #segmentOf(path) {
    const slash = path.lastIndexOf('/');
    const directory = slash < 0 ? '' : path.slice(0, slash);
    if (directory !== this.#directory) this.#enter(directory);
    this.#hash(this.#directoryDigest, slash < 0 ? path : path.slice(slash + 1), this.#digest);
    return this.#digest[2] >>> 24;
  }
  /** A directory's digest is made from its name and its parent's digest. */
  #enter(directory) {
    const digest = this.#directoryDigest.fill(0);
    if (directory !== '') for (const name of directory.split('/')) this.#hash(digest, name, digest);
    this.#directory = directory;
  }
  #hash(directory, name, digest) {
    this.#one.update(directory, name);
    this.#other.update(directory, name);
    digest[0] = this.#one.low;
    digest[1] = this.#one.high;
    digest[2] = this.#other.low & -4;
  }
};
/** Index of the digest's slot, or of the free slot for it. */
function slotOf(slots, digest) {
  const first = digest[0];
  const second = digest[1];
  const third = digest[2];
  let at = ((first >>> 0) % (slots.length / WORDS)) * WORDS;
  for (;;) {
    const last = slots[at + 2];
    if (last === 0) return at;
    if ((last & -4) === third && slots[at] === first && slots[at + 1] === second) return at;
    at += WORDS;
    if (at === slots.length) at = 0;
  }
}
/** @returns the value that the digest had, or 0 */
function insert(slots, digest, value) {
  const at = slotOf(slots, digest);
  const before = slots[at + 2] & VALUE_BITS;
  slots[at] = digest[0];
  slots[at + 1] = digest[1];
  slots[at + 2] = digest[2] | value;
  return before;
}
function grown({ slots, used }) {
  const larger = new Int32Array(Math.ceil((slots.length / WORDS) * GROWTH) * WORDS);
  const digest = new Int32Array(WORDS);
  for (let at = 0; at < slots.length; at += WORDS) {
    const last = slots[at + 2];
    if (last === 0) continue;
    digest[0] = slots[at];
    digest[1] = slots[at + 1];
    digest[2] = last & -4;
    insert(larger, digest, last & VALUE_BITS);
  }
  return {
    slots: larger,
    used,
  };
}
// src/dest/comparison.ts
/**
 * Compares a context, entry by entry as its manifest arrives, with the directory that it will become. An
 * entry is unchanged when kind, mode, mtime (in microseconds), size and link text are the same and, where
 * the manifest has a digest, the content too. Files have to be hardlinked with each other as in the
 * context.
 *
 * @throws CtxsyncError not-writable, unsafe-entry
 */
var Comparison = class {
  counts = {
    written: 0,
    unchanged: 0,
    wanted: 0,
  };
  #options;
  #existing;
  #ancestors = [];
  #wanted = new EntryDigest();
  #hasRoot = false;
  /** Unchanged files with several names here, by inode and by inode with first name. */
  #unchangedFirsts = new PathTable();
  /** Changed files and symlinks that have several names in the context. */
  #changedFirsts = new PathTable();
  constructor(options) {
    this.#options = options;
    this.#existing = new OrderedLookup(options.base, options.status, (path) => this.#passed(path));
  }
  /** @param entry checked; sorts after all that were added before */
  add(entry) {
    const { path } = entry;
    if (path === '') return this.#addRoot(entry);
    if (this.#options.others.includes(path)) throw collision(path);
    const found = this.#existing.find(path);
    const directory = entry.kind === 'directory';
    const closed = directory && found?.stats.isDirectory() === true && !this.#enter(path, found);
    if (directory) this.#options.partialStages.enter(path);
    this.#leaveAncestors(path);
    const same = found !== void 0 && !closed && this.#isSame(entry, found);
    if (same) this.counts.unchanged += 1;
    else this.#change(entry);
    this.#options.status.addEntry();
    if (directory)
      this.#ancestors.push({
        path,
        stamp: entry.stamp,
        wanted: !same,
      });
  }
  /** All entries were added. @throws CtxsyncError corrupt, when none was the root */
  end() {
    if (!this.#hasRoot) throw new CtxsyncError('corrupt', 'the manifest has no root');
    this.#existing.end();
  }
  /** The EntryDigest of the wanted entries. Call it only once. */
  wanted() {
    return this.#wanted.digest();
  }
  close() {
    this.#existing.close();
    this.#options.partialStages.close();
  }
  /** False: we have no permission to list it, so it is sent whole and replaces what is there. */
  #enter(path, found) {
    if (this.#existing.enter(path, found)) return true;
    this.#options.onLocalChange({
      kind: 'whole',
      path,
    });
    return false;
  }
  /** The commit sets a root's own mode and time. */
  #addRoot({ path, kind, stamp }) {
    this.#hasRoot = true;
    this.#options.onWant({
      path,
      kind,
      stamp,
    });
  }
  #change(entry) {
    this.counts.written += 1;
    const { path, kind, stamp, link = '' } = entry;
    if (kind === 'hardlink' && this.#changedFirsts.get(link) === 0) {
      this.#options.onLocalChange({
        kind: 'link',
        path,
        link,
      });
      return;
    }
    if (entry.linked === true) this.#changedFirsts.set(path, 1);
    for (const ancestor of this.#ancestors) {
      if (!ancestor.wanted)
        this.#want({
          path: ancestor.path,
          kind: 'directory',
          stamp: ancestor.stamp,
        });
      ancestor.wanted = true;
    }
    const kept = this.#keptContent(entry);
    this.#want(
      {
        path,
        kind,
        stamp,
        ...kept,
      },
      kept.sha256 === void 0 ? entry.size : 0,
    );
  }
  /** @param bytes of content to be sent */
  #want(want, bytes = 0) {
    this.counts.wanted += 1;
    this.#options.status.addWanted(bytes);
    this.#wanted.add(want.kind, want.path);
    this.#options.onWant(want);
  }
  /** The digest of a file that an earlier run left, which is nearly always the same file. */
  #keptContent({ path, kind, size, mtimeUs }) {
    const { partialStages } = this.#options;
    if (kind !== 'file' || partialStages.empty) return {};
    const found = partialStages.find(path, size, mtimeUs);
    const sha256 = found === void 0 ? '' : this.#hash(found, path);
    return sha256 === '' ? {} : { sha256 };
  }
  #isSame(entry, found) {
    const { stats } = found;
    if (!isKind(entry.kind, found)) return false;
    if (entry.kind === 'hardlink')
      return this.#unchangedFirsts.get(named(stats, entry.link ?? '')) !== 0;
    if (toMicroseconds(stats.mtimeNs) !== entry.mtimeUs) return false;
    if (entry.kind === 'symlink')
      return readLink(found, entry.path) === entry.link && this.#isFirstName(found, entry.path);
    if ((Number(stats.mode) & 4095) !== entry.mode) return false;
    return entry.kind === 'directory' || this.#isSameFile(entry, found);
  }
  #isSameFile(entry, found) {
    const { stats } = found;
    if (stats.size !== BigInt(entry.size)) return false;
    if (entry.sha256 !== void 0) {
      const sha256 = this.#hash(found, entry.path);
      this.#options.status.addBytes(entry.size);
      if (entry.sha256 !== sha256) return false;
    }
    return this.#isFirstName(found, entry.path);
  }
  /** False: it is hardlinked with an earlier entry, and should not be. */
  #isFirstName({ stats }, path) {
    if (stats.nlink === 1n) return true;
    if (this.#unchangedFirsts.set(inodeKey(stats), 1) !== 0) return false;
    this.#unchangedFirsts.set(named(stats, path), 1);
    return true;
  }
  /** Empty when we may not read it. */
  #hash({ directory, name }, path) {
    try {
      return hashOpenFile(directory.openFile(name, constants$1.O_RDONLY), () =>
        this.#options.status.enter('reading', path),
      ).sha256;
    } catch (error) {
      if (errnoOf(error) === 'EACCES') return '';
      throw destinationError(error, 'read', path);
    }
  }
  #leaveAncestors(path) {
    while (this.#ancestors.length > 0 && !isBeneath(path, this.#ancestors.at(-1).path))
      this.#ancestors.pop();
  }
  #passed(path) {
    if (isWorkName(splitPath(path)[1]) || this.#options.others.includes(path)) return;
    this.#options.onLocalChange({
      kind: 'remove',
      path,
    });
  }
};
/** An inode key has no slash. */
function named(stats, path) {
  return `${inodeKey(stats)}/${path}`;
}
function readLink({ directory, name }, path) {
  try {
    return directory.readLink(name);
  } catch (error) {
    throw destinationError(error, 'read the symlink', path);
  }
}
function isKind(kind, { stats }) {
  if (kind === 'directory') return stats.isDirectory();
  if (kind === 'hardlink') return stats.isFile() || stats.isSymbolicLink();
  return kind === 'symlink' ? stats.isSymbolicLink() : stats.isFile();
}
function collision(path) {
  const text = toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: another context has it already`, {
    path: text,
  });
}
// src/entry/manifest.ts
/** Writes the entries of a context, without content: a `manifest` stream. */
var ManifestWriter = class {
  #records;
  #before = '';
  constructor(sink) {
    this.#records = new RecordWriter(sink);
  }
  add(entry) {
    encodeManifestEntry(this.#records.buffer, this.#before, entry);
    this.#records.written();
    this.#before = entry.path;
  }
  end() {
    this.#records.end();
  }
};
/**
 * Reads a manifest. Checks that its entries come in walk order without duplicates, and nothing else
 * about their paths.
 *
 * @throws CtxsyncError corrupt
 */
function* readManifest(source) {
  const records = new RecordReader(source, "the sender's manifest");
  let before;
  for (;;) {
    const entry = records.next((cursor) => decodeManifestEntry(cursor, before));
    if (entry === void 0) return;
    checkOrder(entry.path, before, (what) => records.broken(what));
    before = entry.path;
    yield entry;
  }
}
// src/entry/earlier-entries.ts
/** Entries in any order, as in a foreign tar. Takes MAX_TABLE_BYTES_PER_ENTRY for each. */
var EntryTable = class {
  #kinds = new PathTable();
  /** The directory last found: most entries are in the same directory as the previous one. */
  #directory = '';
  hasDirectory(path) {
    if (path === this.#directory || path === '') return true;
    if (this.#kinds.get(path) !== VALUES.directory) return false;
    this.#directory = path;
    return true;
  }
  linkable(path) {
    const kind = KINDS[this.#kinds.get(path)];
    return kind === 'directory' ? void 0 : kind;
  }
  add({ path }, kind) {
    return KINDS[this.#kinds.set(path, VALUES[kind])];
  }
};
const KINDS = [void 0, 'file', 'directory', 'symlink'];
const VALUES = {
  file: 1,
  directory: 2,
  symlink: 3,
};
/**
 * Entries in walk order without duplicates, as checked by their reader. It keeps only the directories
 * above the last entry, and the files and symlinks listed as having several names, which take
 * MAX_TABLE_BYTES_PER_ENTRY each.
 */
var AscendingEntries = class {
  #above = [];
  #linkable = new PathTable();
  hasDirectory(path) {
    while (this.#above.length > 0 && !isAtOrBeneath(path, this.#above.at(-1))) this.#above.pop();
    return path === (this.#above.at(-1) ?? '');
  }
  linkable(path) {
    const kind = KINDS[this.#linkable.get(path)];
    return kind === 'directory' ? void 0 : kind;
  }
  add({ path, kind, linked }) {
    if (kind === 'directory') this.#above.push(path);
    if (linked === true && kind !== 'hardlink') this.#linkable.set(path, VALUES[kind]);
  }
};
function isAtOrBeneath(path, directory) {
  return path === directory || isBeneath(path, directory);
}
// src/entry/entry-validator.ts
/**
 * Decides for each entry of a stream whether it may reach a disk. Pure: it knows only the earlier
 * entries. An entry it accepts has a path below the root whose directories all came before it, does
 * not contradict an earlier entry, and hardlinks only to a file or symlink of the same stream.
 */
var EntryValidator = class {
  #budget;
  #earlier;
  #hasRoot = false;
  /** @param earlier EntryTable accepts any order; AscendingEntries only the order of a walk */
  constructor(budget, earlier = new EntryTable()) {
    this.#budget = budget;
    this.#earlier = earlier;
  }
  /**
   * @returns true when the path came before with the same kind: the later entry wins
   * @throws CtxsyncError unsafe-entry, over-limit
   */
  check(entry) {
    checkPath(entry.path);
    this.#budget.charge(entry.size, entry.path);
    if (entry.path === '') return this.#checkRoot(entry);
    const [directory] = splitPath(entry.path);
    if (!this.#earlier.hasDirectory(directory))
      throw unsafe(
        entry.path,
        `its parent ${toText(directory)} is not a directory of this context`,
      );
    const kind = this.#checkLink(entry);
    const before = this.#earlier.add(entry, kind);
    if (before !== void 0 && before !== kind)
      throw unsafe(entry.path, `it comes twice, as a ${before} and as a ${kind}`);
    return before !== void 0;
  }
  /**
   * A skipped member also counts as an entry: otherwise a peer could go on forever.
   * @throws CtxsyncError over-limit
   */
  checkSkipped(path) {
    this.#budget.charge(0, path);
  }
  /** Whether a directory of this path came before. */
  hasDirectory(path) {
    return this.#earlier.hasDirectory(path);
  }
  /** Whether a file or symlink of this path came before. */
  mayLinkTo(path) {
    return this.#earlier.linkable(path) !== void 0;
  }
  #checkRoot(entry) {
    if (entry.kind !== 'directory') throw unsafe('', `the root is a ${entry.kind}`);
    const before = this.#hasRoot;
    this.#hasRoot = true;
    return before;
  }
  /** @returns the entry's kind; for a hardlink, that of its target */
  #checkLink({ path, kind, link }) {
    if (kind !== 'symlink' && kind !== 'hardlink') return kind;
    if (link === void 0 || link === '') throw unsafe(path, 'it links to nothing');
    if (link.includes('\0')) throw unsafe(path, 'its link has a NUL byte');
    if (link.length > 4095) throw unsafe(path, `its link has ${link.length} bytes`);
    if (kind === 'symlink') return kind;
    if (link.startsWith('/')) throw unsafe(path, 'it is a hardlink to an absolute path');
    if (link === path) throw unsafe(path, 'it is a hardlink to itself');
    const target = this.#earlier.linkable(link);
    if (target !== void 0) return target;
    throw unsafe(
      path,
      `it is a hardlink to ${shortPath(toText(link))}, which is neither a file nor a symlink of this context`,
    );
  }
};
/** @throws CtxsyncError unsafe-entry, if no entry may have this path */
function checkPath(path) {
  if (path === '') return;
  if (path.startsWith('/')) throw unsafe(path, 'it is an absolute path');
  if (path.includes('\0')) throw unsafe(path, 'its path contains a NUL byte');
  if (path.length > 3800) throw unsafe(path, `its path has ${path.length} bytes`);
  const names = path.split('/');
  if (names.length > 1024) throw unsafe(path, `it lies deeper than ${MAX_DEPTH} directories`);
  for (const name of names) {
    if (name === '..') throw unsafe(path, 'its path contains ".."');
    if (name === '' || name === '.') throw unsafe(path, 'its path contains an empty name');
    if (isWorkName(name)) throw unsafe(path, "it has a receiver's own work name");
    if (name.length > 255) throw unsafe(path, `one of its names has ${name.length} bytes`);
  }
}
function unsafe(path, why) {
  const text = path === '' ? './' : toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: ${why}`, { path: text });
}
// src/entry/budget.ts
/**
 * The limits of a transfer, shared by all of its streams and the threads that unpack them. A size counts
 * as soon as it is declared: content over the limit is refused before its first byte.
 */
var Budget = class Budget {
  shared;
  /** @param limits whole numbers. @throws CtxsyncError usage */
  static create(limits) {
    for (const [limit, value] of Object.entries(limits)) {
      if (Number.isInteger(value) && value >= 0) continue;
      throw new CtxsyncError('usage', `${limit} is not a whole number from 0 up: ${value}`);
    }
    const shared = new BigInt64Array(new SharedArrayBuffer(32));
    shared[MAX_ENTRIES] = BigInt(limits.maxEntries);
    shared[MAX_BYTES] = BigInt(limits.maxBytes);
    return new Budget(shared);
  }
  static unlimited() {
    return Budget.create({
      maxEntries: Number.MAX_SAFE_INTEGER,
      maxBytes: Number.MAX_SAFE_INTEGER,
    });
  }
  constructor(shared) {
    this.shared = shared;
  }
  /** @throws CtxsyncError over-limit */
  charge(bytes, path) {
    this.#add(ENTRIES$1, 1n, MAX_ENTRIES, 'entries', 'max-entries', path);
    this.#add(BYTES$1, BigInt(bytes), MAX_BYTES, 'bytes', 'max-bytes', path);
  }
  #add(at, count, limitAt, unit, remedy, path) {
    const limit = this.shared[limitAt];
    if (Atomics.add(this.shared, at, count) + count <= limit) return;
    const text = toText(path);
    throw new CtxsyncError(
      'over-limit',
      `the context has more than ${limit} ${unit}; stopped at ${text}`,
      {
        path: text,
        remedy,
      },
    );
  }
};
const ENTRIES$1 = 0;
const BYTES$1 = 1;
const MAX_ENTRIES = 2;
const MAX_BYTES = 3;
// src/disk/worker-status.ts
/**
 * What a disk worker is doing. `waiting-*` waits for the ring between the threads; all others but `idle`
 * are system calls that can hang.
 */
const DISK_STATES = [
  'idle',
  'scanning',
  'reading',
  'waiting-for-room',
  'waiting-for-data',
  'writing',
  'locking',
  'committing',
  'cleaning',
];
const SEQUENCE = 0;
const STATE$1 = 1;
const PATH_LENGTH = 2;
const CANCELLED$1 = 3;
const INTS_BYTES = 16;
const CALLS = 0;
const ENTRIES = 1;
const BYTES = 2;
const WAITED_FOR_ROOM = 3;
const WAITED_FOR_DATA = 4;
const WANTED_ENTRIES = 5;
const WANTED_BYTES = 6;
const FLOATS_BYTES = 56;
const STATE_INDEX = Object.fromEntries(DISK_STATES.map((s, i) => [s, i]));
/** States that count as progress. Waiting does not, nor does refreshing our lock. */
const MOVES = /* @__PURE__ */ new Set(['scanning', 'reading', 'writing', 'committing', 'cleaning']);
/**
 * Shared state of one disk worker: written by the worker before each call that can hang, read by the main
 * thread. The worker needs no clock: the reader measures between two reads how long a call is pending.
 * The counters are aligned 64-bit floats, which do not tear on any Node platform.
 */
var WorkerStatus = class {
  shared;
  #ints;
  #floats;
  #path;
  constructor(shared = new SharedArrayBuffer(1096)) {
    this.shared = shared;
    this.#ints = new Int32Array(shared, 0, INTS_BYTES / 4);
    this.#floats = new Float64Array(shared, INTS_BYTES, FLOATS_BYTES / 8);
    this.#path = Buffer.from(shared, 72, STATUS_PATH_BYTES);
  }
  /**
   * Worker: a call on `path` begins, or a wait. An even sequence means that the path is complete.
   * @throws CtxsyncError interrupted, when the work was cancelled
   */
  enter(state, path = '') {
    if (Atomics.load(this.#ints, CANCELLED$1) !== 0)
      throw new CtxsyncError('interrupted', 'the transfer was given up');
    this.#set(state, path);
    if (MOVES.has(state)) this.#floats[CALLS] += 1;
  }
  /** Worker: nothing to do. */
  idle() {
    this.#set('idle', '');
  }
  #set(state, path) {
    const sequence = this.#ints[SEQUENCE];
    Atomics.store(this.#ints, SEQUENCE, sequence + 1);
    const tail = path.length > 1024 ? path.slice(-1024) : path;
    this.#ints[PATH_LENGTH] = this.#path.write(tail, 0, 'latin1');
    this.#ints[STATE$1] = STATE_INDEX[state];
    Atomics.store(this.#ints, SEQUENCE, sequence + 2);
  }
  /** Worker: an entry is done; addBytes has counted its bytes. */
  addEntry() {
    this.#floats[ENTRIES] += 1;
  }
  /** Worker: bytes of content that were read or written. */
  addBytes(count) {
    this.#floats[BYTES] += count;
  }
  /** Worker: an entry with these bytes of content is to be sent. */
  addWanted(bytes) {
    this.#floats[WANTED_ENTRIES] += 1;
    this.#floats[WANTED_BYTES] += bytes;
  }
  /** Worker: a wait is over. */
  addWait(state, ms) {
    this.#floats[state === 'waiting-for-room' ? WAITED_FOR_ROOM : WAITED_FOR_DATA] += ms;
  }
  /** Main: the worker's next call is not made; its job fails as interrupted. */
  cancel() {
    Atomics.store(this.#ints, CANCELLED$1, 1);
  }
  /** Main: the worker may work again, on a new job. */
  reset() {
    Atomics.store(this.#ints, CANCELLED$1, 0);
  }
  /** Main: what the worker is doing. */
  read() {
    for (let attempt = 0; ; attempt++) {
      const sequence = Atomics.load(this.#ints, SEQUENCE);
      const state = DISK_STATES[this.#ints[STATE$1]] ?? 'idle';
      const path = this.#path.toString('latin1', 0, this.#ints[PATH_LENGTH]);
      const whole = sequence % 2 === 0 && Atomics.load(this.#ints, SEQUENCE) === sequence;
      if (!whole && attempt < 3) continue;
      return {
        sequence,
        state,
        path: whole ? path : '',
        calls: this.#floats[CALLS],
        entries: this.#floats[ENTRIES],
        bytes: this.#floats[BYTES],
        wantedEntries: this.#floats[WANTED_ENTRIES],
        wantedBytes: this.#floats[WANTED_BYTES],
        waitedForRoomMs: this.#floats[WAITED_FOR_ROOM],
        waitedForDataMs: this.#floats[WAITED_FOR_DATA],
      };
    }
  }
};
// src/disk/unreadable-paths.ts
/**
 * The paths of a context that cannot be read. The first one ends the sending, but not the walk, which
 * continues for a moment so that the user learns of the others too.
 */
var UnreadablePaths = class {
  #onFailed;
  #errors = [];
  #count = 0;
  #foundAt = Infinity;
  /** @param onFailed called for each */
  constructor(onFailed = () => {}) {
    this.#onFailed = onFailed;
  }
  /** True: nothing more may be sent. */
  get found() {
    return this.#count > 0;
  }
  /**
   * Records a path that cannot be read.
   * @throws any other error that was thrown; source-unreadable for all, when the limit is reached
   */
  add(thrown, path) {
    const error = CtxsyncError.from(thrown);
    if (error.code !== 'source-unreadable') {
      if (error.code === 'source-changed') this.end();
      throw error;
    }
    if (!this.found) this.#foundAt = performance.now();
    this.#count += 1;
    if (this.#errors.length < 3) this.#errors.push(error);
    this.#onFailed(path, error.message);
    if (this.#count === 1e3) this.end();
  }
  /** Call it for each entry. @throws source-unreadable, when the walk went on for long enough */
  checkTime() {
    if (this.found && performance.now() - this.#foundAt > 2e3) this.end();
  }
  /** The walk is over. @throws source-unreadable, when anything was found */
  end() {
    const [first] = this.#errors;
    if (first === void 0) return;
    if (this.#count === 1) throw first;
    const named = this.#errors.map(({ path }) => path).join(', ');
    const more = this.#count - this.#errors.length;
    const all = more === 0 ? named : `${named} and ${more} more`;
    throw new CtxsyncError(
      'source-unreadable',
      `cannot read ${this.#count} paths: ${all}; ${first.message}`,
      {
        path: first.path,
        cause: first,
      },
    );
  }
};
typeof __require === 'function' || createRequire(import.meta.url);
// src/ignore/ignore-pattern.ts
const HIGH_BYTE = /[\x80-\xff]/;
const RUNE =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;
/**
 * The runes of a path as Go's utf8.DecodeRune yields them: each byte that is not UTF-8 is one
 * U+FFFD. (TextDecoder turns a whole truncated sequence into one U+FFFD, so `?` would miscount.)
 */
function decodeRunes(path) {
  if (!HIGH_BYTE.test(path)) return path;
  const bytes = Buffer.from(path, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return path.replace(RUNE, (rune) =>
    rune.length === 1 ? '�' : Buffer.from(rune, 'latin1').toString('utf8'),
  );
}
// src/ignore/ignore-rules.ts
/**
 * Rules in the order in which they were given; the last one that matches wins, and one that matches
 * a directory also matches everything beneath it (moby/patternmatcher MatchesOrParentMatches).
 *
 * So a path is decided by its parent's deciding rule or by a later rule that matches the path
 * itself, and a directory passes only one number to its children. (BuildKit's own walk uses
 * MatchesUsingParentResults, which drops matches it did not need: with `a/b` and then `!a` it
 * ignores a/b, while MatchesOrParentMatches includes it.)
 */
var IgnoreRules = class {
  #rules;
  /** One per rule, created once: a walk makes hundreds of thousands of decisions. */
  #decisions;
  #undecided = decisionOf(-1, void 0);
  /** @throws CtxsyncError 'bad-ignore-rule' over MAX_IGNORE_RULES */
  constructor(rules) {
    if (rules.length > 1e4)
      throw new CtxsyncError(
        'bad-ignore-rule',
        `${rules.length} ignore rules are more than ${MAX_IGNORE_RULES}; use wildcards`,
      );
    this.#rules = rules;
    this.#decisions = rules.map((rule, place) => decisionOf(place, rule));
  }
  /** The state of the context's root, which no rule can match. */
  root() {
    return this.#undecided;
  }
  /** Decides a child of a directory. */
  decide(path, parent) {
    const inherited = parent.place;
    let place = this.#rules.length - 1;
    if (place > inherited) {
      const runes = decodeRunes(path);
      while (place > inherited && !this.#patternAt(place).matches(path, runes)) place--;
    }
    return this.#decisions[place] ?? this.#undecided;
  }
  /**
   * Whether anything beneath an ignored directory could be re-included; if not, the walk need not
   * enter it.
   * @param match the directory's own state: an exception before the rule that ignored the directory
   * cannot override that rule
   */
  couldIncludeBeneath(path, match) {
    const runes = decodeRunes(path);
    for (let place = this.#rules.length - 1; place > match.place; place--) {
      const { negated, pattern } = this.#rules[place];
      if (negated && pattern.couldMatchBeneath(path, runes)) return true;
    }
    return false;
  }
  #patternAt(place) {
    return this.#rules[place].pattern;
  }
};
function decisionOf(place, rule) {
  return {
    place,
    rule,
    ignored: rule !== void 0 && !rule.negated,
  };
}
// src/tree/stamp.ts
const figures = /* @__PURE__ */ new BigInt64Array(5);
const halves = new Uint32Array(figures.buffer);
/** The prime of 32-bit FNV-1a. */
const PRIME = 16777619;
/**
 * 32 bits for each entry of a manifest, which a want returns: they identify the listed entry when it is
 * packed, without a list in memory. Another entry has the same stamp with a chance of 1 in 2^32. A
 * directory's stamp does not change with its children: OUT may be inside it.
 */
function stampOf(kind, identity) {
  figures[0] = identity.dev;
  figures[1] = identity.ino;
  figures[2] = identity.birthtimeNs;
  figures[3] = kind === 'directory' ? 0n : identity.size;
  figures[4] = kind === 'directory' ? 0n : identity.mtimeNs;
  let hash = 0;
  for (let at = 0; at < halves.length; at++) {
    hash = Math.imul(hash ^ halves[at], PRIME);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
// src/flow/ring.ts
const HEAD = 0;
const TAIL = 1;
const STATE = 2;
const DATA_EVENT = 3;
const ROOM_EVENT = 4;
const READER_WAITS = 5;
const WRITER_WAITS = 6;
/** The HEAD at which to wake the waiting writer. */
const WAKE_AT = 7;
const HEADER_BYTES = 32;
/** Values of READER_WAITS: when to wake the waiting reader. */
const ANY_BYTE = 1;
const A_QUARTER = 2;
const ENDED = 1;
const CANCELLED = 2;
/**
 * The bounded queue of one stream: bytes in shared memory, one writer, one reader, each on any thread.
 * When it is full the writer **waits**: nothing is ever dropped, and that wait is what carries
 * backpressure from one disk to the other. A worker blocks (`waitForRoom`, `waitForData`); the main
 * thread waits asynchronously (`room`, `data`).
 *
 * Positions count bytes modulo 2^32, so the capacity is a power of two. A waiter sets its flag, checks
 * again, and then waits on an event word that its waker increments: a wake-up between check and wait
 * cannot be lost, and none is sent when nobody waits. A waiting writer is woken when a quarter is free,
 * and a waiting reader on a worker when a quarter is filled or bytes come slowly, so that the two do
 * not wake each other for every few bytes.
 */
var Ring = class Ring {
  shared;
  /** Bytes. */
  capacity;
  #words;
  #bytes;
  /** Writer: bytes in the ring that are not yet published. */
  #unpublished = 0;
  constructor(shared) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(shared, HEADER_BYTES);
    this.capacity = this.#bytes.length;
  }
  /** @param capacity bytes, a power of two up to 2^30 */
  static create(capacity) {
    if (!Number.isInteger(Math.log2(capacity)) || capacity > 2 ** 30)
      throw new RangeError(`ring capacity must be a power of two up to 2^30: ${capacity}`);
    return new Ring(new SharedArrayBuffer(HEADER_BYTES + capacity));
  }
  /** Writer: the contiguous free bytes, to be filled from the front. May be empty. */
  writable() {
    const at = this.#writePosition();
    const free = this.#free();
    return this.#bytes.subarray(at, Math.min(at + free, this.capacity));
  }
  /** Writer: the first `count` bytes of `writable()` are filled. Published in batches. */
  produced(count) {
    this.#unpublished += count;
    if (this.#unpublished >= 65536) this.flush();
  }
  /** Writer: publishes what was produced and wakes the reader. */
  flush() {
    if (this.#unpublished === 0) return;
    Atomics.add(this.#words, TAIL, this.#unpublished);
    this.#unpublished = 0;
    const waitsFor = Atomics.load(this.#words, READER_WAITS);
    if (waitsFor === 0) return;
    if (waitsFor === ANY_BYTE || this.used >= this.#quarter) this.#signal(DATA_EVENT);
  }
  /** Writer: copies and publishes as many bytes as there is room for. Returns how many. */
  write(bytes) {
    let written = 0;
    while (written < bytes.length) {
      const space = this.writable();
      if (space.length === 0) break;
      const count = Math.min(space.length, bytes.length - written);
      space.set(bytes.subarray(written, written + count));
      this.#unpublished += count;
      written += count;
    }
    this.flush();
    return written;
  }
  /** Writer: no more bytes will follow. */
  end() {
    this.flush();
    this.#raise(ENDED);
  }
  /** Writer on a worker: blocks until there is room. Returns false when the ring was cancelled. */
  waitForRoom() {
    this.flush();
    this.#wakeWriterAt(this.#aQuarterOn());
    for (;;) {
      const event = Atomics.load(this.#words, ROOM_EVENT);
      if (this.cancelled || this.#free() > 0) break;
      Atomics.wait(this.#words, ROOM_EVENT, event);
    }
    Atomics.store(this.#words, WRITER_WAITS, 0);
    return !this.cancelled;
  }
  /** Writer on the main thread: settles when there is room or the ring was cancelled. */
  async room() {
    this.flush();
    this.#wakeWriterAt(this.#aQuarterOn());
    for (;;) {
      const event = Atomics.load(this.#words, ROOM_EVENT);
      if (this.cancelled || this.#free() > 0) break;
      await Atomics.waitAsync(this.#words, ROOM_EVENT, event).value;
    }
    Atomics.store(this.#words, WRITER_WAITS, 0);
  }
  /** The reader's position: bytes consumed, modulo 2^32, as a signed integer. */
  get head() {
    return Atomics.load(this.#words, HEAD);
  }
  /**
   * Writer on the main thread that does not wait for room: settles when the reader has consumed a
   * quarter of the ring's capacity since it was at `head`, or the ring was ended or cancelled.
   */
  async consumption(head) {
    const wanted = (head + this.#quarter) | 0;
    this.#wakeWriterAt(wanted);
    for (;;) {
      const event = Atomics.load(this.#words, ROOM_EVENT);
      if (this.cancelled || this.ended || ((this.head - wanted) | 0) >= 0) break;
      await Atomics.waitAsync(this.#words, ROOM_EVENT, event).value;
    }
    Atomics.store(this.#words, WRITER_WAITS, 0);
  }
  /** Reader: the contiguous bytes to read. Valid until they are `consumed`. */
  readable() {
    const head = this.#words[HEAD];
    const used = (Atomics.load(this.#words, TAIL) - head) | 0;
    const at = (head >>> 0) % this.capacity;
    return this.#bytes.subarray(at, Math.min(at + used, this.capacity));
  }
  /** Reader: the writer may reuse the first `count` bytes of `readable()`. */
  consumed(count) {
    if (count === 0) return;
    const head = Atomics.add(this.#words, HEAD, count) + count;
    if (Atomics.load(this.#words, WRITER_WAITS) === 0) return;
    if (((head - Atomics.load(this.#words, WAKE_AT)) | 0) >= 0) this.#signal(ROOM_EVENT);
  }
  /** Reader: every byte was consumed and none will follow. */
  get drained() {
    return this.ended && Atomics.load(this.#words, TAIL) === this.#words[HEAD];
  }
  /**
   * Reader on a worker: blocks until there are bytes, the ring has ended or was cancelled, or
   * `timeoutMs` have passed.
   */
  waitForData(timeoutMs = Infinity) {
    const gatherMs = Math.min(timeoutMs, 1);
    if (!this.#waitFor(A_QUARTER, gatherMs)) this.#waitFor(ANY_BYTE, timeoutMs - gatherMs);
    Atomics.store(this.#words, READER_WAITS, 0);
    if (this.cancelled) return 'cancelled';
    if (this.used > 0) return 'data';
    return this.drained ? 'end' : 'timeout';
  }
  /** @returns whether the reader may go on */
  #waitFor(what, timeoutMs) {
    Atomics.store(this.#words, READER_WAITS, what);
    for (;;) {
      const event = Atomics.load(this.#words, DATA_EVENT);
      if (this.#readerMayGoOn()) return true;
      if (Atomics.wait(this.#words, DATA_EVENT, event, timeoutMs) === 'timed-out')
        return this.#readerMayGoOn();
    }
  }
  /** Reader on the main thread: settles when there are bytes, or the ring has ended or was cancelled. */
  async data() {
    Atomics.store(this.#words, READER_WAITS, ANY_BYTE);
    for (;;) {
      const event = Atomics.load(this.#words, DATA_EVENT);
      if (this.#readerMayGoOn()) break;
      await Atomics.waitAsync(this.#words, DATA_EVENT, event).value;
    }
    Atomics.store(this.#words, READER_WAITS, 0);
  }
  /** Abandons the ring and wakes all waiters. */
  cancel() {
    this.#raise(CANCELLED);
  }
  /**
   * Detaches this object from its memory, which another ring may reuse: to all who still hold it, it is
   * then a cancelled ring without room or data. No thread may be using the memory.
   */
  retire() {
    this.cancel();
    const words = new Int32Array(new SharedArrayBuffer(HEADER_BYTES));
    words[STATE] = 3;
    this.#words = words;
    this.#bytes = /* @__PURE__ */ new Uint8Array(0);
    this.#unpublished = 0;
    return this.shared;
  }
  /** An empty ring in the memory of a retired one. */
  static reuse(shared) {
    new Int32Array(shared, 0, HEADER_BYTES / 4).fill(0);
    return new Ring(shared);
  }
  get cancelled() {
    return (Atomics.load(this.#words, STATE) & CANCELLED) !== 0;
  }
  /** The writer has written its last byte; some may be left to read. */
  get ended() {
    return (Atomics.load(this.#words, STATE) & ENDED) !== 0;
  }
  /** Bytes that were published and are not consumed yet. */
  get used() {
    return (Atomics.load(this.#words, TAIL) - Atomics.load(this.#words, HEAD)) | 0;
  }
  get #quarter() {
    return Math.ceil(this.capacity / 4);
  }
  #aQuarterOn() {
    return (this.head + this.#quarter) | 0;
  }
  #wakeWriterAt(head) {
    Atomics.store(this.#words, WAKE_AT, head);
    Atomics.store(this.#words, WRITER_WAITS, 1);
  }
  #writePosition() {
    return ((this.#words[TAIL] + this.#unpublished) >>> 0) % this.capacity;
  }
  #readerMayGoOn() {
    return this.cancelled || this.used > 0 || this.drained;
  }
  #free() {
    return this.capacity - this.used - this.#unpublished;
  }
  #raise(state) {
    Atomics.or(this.#words, STATE, state);
    this.#signal(DATA_EVENT);
    this.#signal(ROOM_EVENT);
  }
  #signal(event) {
    Atomics.add(this.#words, event, 1);
    Atomics.notify(this.#words, event);
  }
};
// src/worker/ring-io.ts
/**
 * The writing end of a ring on a worker: a full ring blocks the thread, and so stops reading from the
 * disk.
 */
var RingSink = class {
  #ring;
  #status;
  #flushedAt = 0;
  constructor(ring, status) {
    this.#ring = ring;
    this.#status = status;
  }
  reserve() {
    const room = this.#ring.writable();
    if (room.length > 0) return room;
    const since = performance.now();
    this.#status.enter('waiting-for-room');
    if (!this.#ring.waitForRoom()) throw cancelled();
    this.#status.addWait('waiting-for-room', performance.now() - since);
    return this.#ring.writable();
  }
  /** Flushes in batches, but soon for a slow disk or stdin, so that slow does not become stalled. */
  produced(count) {
    this.#ring.produced(count);
    const now = performance.now();
    if (now - this.#flushedAt < 100) return;
    this.#flushedAt = now;
    this.#ring.flush();
  }
};
/** The reading end of a ring on a worker: an empty ring blocks the thread until bytes come. */
var RingSource = class {
  #ring;
  #status;
  #everyMs;
  #chore;
  #choreAt;
  /** @param chore called every `everyMs`, also while no data comes */
  constructor(ring, status, everyMs = Infinity, chore = () => {}) {
    this.#ring = ring;
    this.#status = status;
    this.#everyMs = everyMs;
    this.#chore = chore;
    this.#choreAt = performance.now() + everyMs;
  }
  peek() {
    this.#doChore();
    const bytes = this.#ring.readable();
    return bytes.length > 0 ? bytes : this.#wait();
  }
  consumed(count) {
    this.#ring.consumed(count);
  }
  #wait() {
    const since = performance.now();
    this.#status.enter('waiting-for-data');
    for (;;) {
      const came = this.#ring.waitForData(this.#everyMs);
      if (came === 'cancelled') throw cancelled();
      if (came !== 'timeout') break;
      this.#doChore();
      this.#status.enter('waiting-for-data');
    }
    this.#status.addWait('waiting-for-data', performance.now() - since);
    return this.#ring.readable();
  }
  #doChore() {
    if (this.#everyMs === Infinity || performance.now() < this.#choreAt) return;
    this.#choreAt = performance.now() + this.#everyMs;
    this.#chore();
  }
};
function cancelled() {
  return new CtxsyncError('interrupted', 'the transfer was given up');
}
export {
  AscendingEntries,
  Budget,
  Comparison,
  EntryValidator,
  HeldDirectory,
  IgnoreRules,
  ManifestWriter,
  PartialStages,
  Ring,
  RingSink,
  RingSource,
  StageWriter,
  TreeReader,
  UnreadablePaths,
  WorkerStatus,
  pack,
  readManifest,
  stampOf,
  unpack,
  walk,
};
