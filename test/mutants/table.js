/**
 * Faults of other programs, and some of our own, reintroduced on purpose: see run.js.
 *
 * @typedef {object} Mutant
 * @property {string} name what is wrong with it
 * @property {readonly { file: string, find: string, replace: string }[]} edits each `find` occurs once
 * @property {string} file the file of the test that must detect it
 * @property {string} test its full name
 * @property {RegExp} seen matches the failure; a timeout only if the fault is an endless wait
 * @property {boolean} [root] the test needs another user, and is skipped without one
 * @property {boolean} [builds] the test runs the program
 */

/** @type {readonly Mutant[]} */
export const MUTANTS = [
  // --- nothing is lost -------------------------------------------------------------------------
  {
    name: 'drop on full: what has no room in a queue is thrown away',
    edits: [
      {
        file: 'src/wire/demux.ts',
        find: 'const taken = stream.ring.cancelled ? payload.length : stream.ring.write(payload);',
        replace:
          'if (!stream.ring.cancelled) stream.ring.write(payload);\n    const taken = payload.length;',
      },
    ],
    file: 'test/wire/no-lost-packet.test.ts',
    test: '64 packets through a queue of 32 with a slow consumer every packet is delivered in order, and the end is seen, 20 times in a row',
    seen: /expected/,
  },
  {
    name: 'drop on full: the end of a stream gets lost in a full queue',
    edits: [
      {
        file: 'src/wire/demux.ts',
        find: '    stream.ring.end();\n',
        replace: '    if (stream.ring.writable().length > 0) stream.ring.end();\n',
      },
    ],
    file: 'test/wire/no-lost-packet.test.ts',
    test: '64 packets through a queue of 32 with a slow consumer every packet is delivered in order, and the end is seen, 20 times in a row',
    seen: /never came|expected/,
  },
  {
    name: 'drop on full: what is left of a compressed frame is thrown away',
    edits: [
      {
        file: 'src/wire/compressed-payload.ts',
        find: '      if (taken === 0) return 0;\n',
        replace: '      if (taken === 0) break;\n',
      },
    ],
    file: 'test/wire/compression.test.ts',
    test: 'a full queue makes the reader wait within a frame of gzip, and nothing is lost',
    seen: /after 256 bytes/,
  },
  {
    name: 'a lost wake-up: who waits for bytes is not told of them',
    edits: [
      {
        file: 'src/flow/ring.ts',
        find: 'if (waitsFor === ANY_BYTE || this.used >= this.#quarter) this.#signal(DATA_EVENT);',
        replace: 'if (this.used >= this.#quarter) this.#signal(DATA_EVENT);',
      },
    ],
    file: 'test/flow/ring.test.ts',
    test: 'on the main thread data() waits while the ring is empty, and for no longer',
    seen: /never came/,
  },

  // --- no stream delays another ----------------------------------------------------------------
  {
    name: 'grant on arrival: credit goes back before anybody has read',
    edits: [
      {
        file: 'src/wire/demux.ts',
        find: '    this.#current = stream;\n',
        replace:
          '    this.#current = stream;\n    this.#handler.raised?.(stream.id, stream.bytes + header.length + stream.ring.capacity);\n',
      },
      {
        file: 'src/flow/credit.ts',
        find: 'return this.#received <= this.#limit;',
        replace: 'return this.#received <= this.#limit + 1e9;',
      },
    ],
    file: 'test/wire/duplex-known-bad.test.ts',
    test: 'a stream that nobody reads, among others, in both directions stops at its ring and delays no other',
    seen: /at expectIsolation/,
  },
  {
    name: 'shared window: one credit for all streams of the connection',
    edits: [
      {
        file: 'src/wire/mux.ts',
        find: '      const most = Math.min(stream.limit - stream.bytes, mostPayload);\n',
        replace:
          '      const window = this.#streams.reduce((left, each) => left - each.bytes + each.limit - this.#firstCredit, this.#firstCredit);\n      const most = Math.min(window, stream.limit - stream.bytes, mostPayload);\n',
      },
    ],
    file: 'test/wire/duplex-known-bad.test.ts',
    test: 'a stream that nobody reads, among others, in both directions stops at its ring and delays no other',
    seen: /at expectIsolation/,
  },
  {
    name: 'gated reader: answers are read on only when something was written',
    edits: [
      {
        file: 'src/transfer/peer-link.ts',
        find: '      return this.#isDiscarding ? undefined : gate(this.#demux!.push(bytes));\n',
        replace: `      const written = this.#mux?.wireBytes;
      const pushed = this.#demux!.push(bytes);
      return (async () => {
        await pushed;
        while (this.#mux?.wireBytes === written && !this.finished) await new Promise((r) => setTimeout(r, 5));
      })();
`,
      },
    ],
    file: 'test/send/answers.test.ts',
    test: 'answers are read while nothing can be written',
    seen: /nothing can run/,
  },
  {
    name: 'credit that goes back is believed',
    edits: [
      {
        file: 'src/wire/mux.ts',
        find: '    if (limit < stream.limit) return false;\n',
        replace: '',
      },
    ],
    file: 'test/wire/duplex-violations.test.ts',
    test: 'a sender with stream 1 open and a limit of 16 refuses CREDIT below the first',
    seen: /expected undefined to match/,
  },
  {
    name: 'more than was granted is taken',
    edits: [
      {
        file: 'src/flow/credit.ts',
        find: 'return this.#received <= this.#limit;',
        replace: 'return true;',
      },
    ],
    file: 'test/wire/duplex-violations.test.ts',
    test: 'a receiver on duplex accepts as many bytes as it granted, and ends the connection at one more',
    seen: /to throw/,
  },

  // --- success is proven -----------------------------------------------------------------------
  {
    name: 'END ignored: count and digest of a stream are not compared',
    edits: [
      {
        file: 'src/wire/demux.ts',
        find: 'if (end.bytes !== stream.bytes) {',
        replace: 'if (end.bytes < 0) {',
      },
      {
        file: 'src/wire/demux.ts',
        find: 'if (end.gmac !== stream.digest.digest()) {',
        replace: "if (stream.digest.digest() === '') {",
      },
    ],
    file: 'test/wire/damage.test.ts',
    test: 'the session of a sender, one way, is never accepted with any one bit flipped',
    seen: /whole, with damage at/,
  },
  {
    name: 'FIN ignored: the end of the transport is success',
    edits: [
      {
        file: 'src/wire/demux.ts',
        find: '    if (this.finished) return;\n',
        replace: '    if (this.#open.size === 0) return;\n',
      },
    ],
    file: 'test/wire/damage.test.ts',
    test: 'the session of a sender, one way, is never accepted when it is cut anywhere',
    seen: /without a FIN/,
  },
  {
    name: 'FIN not compared with the streams before it',
    edits: [
      {
        file: 'src/wire/demux.ts',
        find: 'if (said.streams !== streams || said.bytes !== bytes || said.digest !== digest) {',
        replace: 'if (said.streams < 0 && said.bytes !== bytes && said.digest !== digest) {',
      },
    ],
    file: 'test/wire/demux.test.ts',
    test: 'FIN with a wrong digest is a protocol error',
    seen: /expected undefined to match/,
  },
  {
    name: 'streams that are open at FIN are taken for whole',
    edits: [
      {
        file: 'src/wire/demux.ts',
        find: "    this.#checkAllEnded('FIN', at);\n",
        replace: '',
      },
    ],
    file: 'test/wire/demux.test.ts',
    test: 'FIN while a stream is open is a protocol error',
    seen: /expected CtxsyncError: the connection is damaged/,
  },
  {
    name: 'any receipt is believed',
    edits: [
      {
        file: 'src/send/answers.ts',
        find: 'receipt.transferId !== transferId || receipt.digest !== digest()',
        replace: 'receipt.transferId !== transferId && receipt.digest !== digest()',
      },
    ],
    file: 'test/send/answers.test.ts',
    test: 'a receipt with another digest is rejected',
    seen: /expected 'receipt' to be 'corrupt'/,
  },
  {
    name: 'success on the end of the connection, without a receipt',
    edits: [
      {
        file: 'src/send/answers.ts',
        find: 'if (this.#receipt === undefined) throw this.#error ?? link.stray ?? lost(link.finished);',
        replace: 'if (this.#error !== undefined) throw this.#error;',
      },
    ],
    file: 'test/send/answers.test.ts',
    test: 'the end of the connection without a receipt does not count as success',
    seen: /expected 'receipt' to be 'outcome-unknown'/,
  },
  {
    name: 'receipt before the commit',
    edits: [
      {
        file: 'src/receive/receive.ts',
        find: '    await failure.race(this.#target.commit());\n',
        replace: `    await this.link.confirm(this.#target.counts());
    await failure.race(this.#target.commit());
`,
      },
    ],
    file: 'test/e2e/duplex-receipt.test.ts',
    test: 'a sender exits with 9 and the message of its receiver when the commit is refused, and OUT is as it was',
    seen: /code/,
    builds: true,
    root: true,
  },
  {
    name: 'exit right after write: bytes that nobody has taken count as handed over',
    edits: [
      {
        file: 'src/transport/node-stream.ts',
        find: 'else this.#stream.write(piece, (error) => (error == null ? done() : this.#break(error)));',
        replace: 'else { this.#stream.write(piece); done(); }',
      },
    ],
    file: 'test/transport/node-stream.test.ts',
    test: 'a write settles only once its bytes were handed over, because an exit would lose them',
    seen: /expected true to be false/,
  },
  {
    name: 'no linger: whoever fails closes at once',
    edits: [
      {
        file: 'src/transfer/peer-link.ts',
        find: '    await this.end();\n    await this.#reading;\n',
        replace: '    await this.end();\n    void this.#reading;\n',
      },
    ],
    file: 'test/transfer/peer-link.test.ts',
    test: 'a side that sends ERROR reads until the peer has ended, or closing could lose the ERROR',
    seen: /isDone/,
  },

  // --- nobody hangs, and nobody is blamed wrongly ----------------------------------------------
  {
    name: 'beats counted as progress: what a peer claims puts the time-out off for ever',
    edits: [
      {
        file: 'src/observe/movement.ts',
        find: '{ payloadBytes, diskWork }: Movement): number {\n  return payloadBytes + diskWork;',
        replace:
          '{ payloadBytes, diskWork, claims }: Movement): number {\n  return payloadBytes + diskWork + claims;',
      },
    ],
    file: 'test/observe/stall-detector.test.ts',
    test: 'StallDetector, while only the peer reports progress, reports no stall, and gives up after several timeouts',
    seen: /expected/,
  },
  {
    name: 'beats counted as claims: one that says the same again puts the time-out off',
    edits: [
      {
        file: 'src/transfer/peer-beat.ts',
        find: 'if (this.#beat !== undefined && hasMoved(this.#beat, beat)) this.#claims += 1;',
        replace: 'if (this.#beat !== undefined) this.#claims += 1;',
      },
    ],
    file: 'test/transfer/peer-beat.test.ts',
    test: 'a peer that repeats a beat, only older, claims no progress',
    seen: /expected/,
  },
  {
    name: 'a length is waited for before it is checked',
    edits: [
      {
        file: 'src/wire/frame.ts',
        find: 'if (header.length > most) {',
        replace: 'if (header.length > most * 2 ** 20) {',
      },
    ],
    file: 'test/wire/memory-bound.test.ts',
    test: 'nothing is allocated for what a peer declares',
    seen: /to throw|corrupt/,
  },

  // --- what was read is what was there ---------------------------------------------------------
  {
    name: 'a source file is not looked at again after its last byte',
    edits: [
      {
        file: 'src/entry/pack.ts',
        find: '      checkUnchanged(entry, statFile(fd, entry.path));\n    }\n    tree.finish();\n',
        replace: '    }\n    tree.finish();\n',
      },
    ],
    file: 'test/entry/pack.test.ts',
    test: 'a file that changes while it is read fails if it was written to, even with the same size',
    seen: /did not fail|expected/,
  },
  {
    name: 'kind not compared: what is listed as a directory may be sent as a symlink',
    edits: [
      {
        file: 'src/entry/entry-digest.ts',
        find: 'this.#batch += `${kind} ${path}\\0`;',
        replace: 'this.#batch += `${kind.slice(99)} ${path}\\0`;',
      },
    ],
    file: 'test/exploits/listed-and-sent-differ.test.ts',
    test: 'an entry listed as one kind and sent as another is refused, and OUT is unchanged a symlink as a file',
    seen: /at refused|expectExit/,
    builds: true,
  },
  {
    name: 'what was compared is not looked at again: a file that changed gets the mode and time of another content',
    edits: [
      {
        file: 'src/dest/graft.ts',
        find: 'if (stats === undefined || versionOf(stats) !== version) throw',
        replace: 'if (stats === undefined || version === "") throw',
      },
    ],
    file: 'test/dest/metadata-only.test.ts',
    test: 'a file whose content stays is refused, and OUT left as it is then, if it was written to before the commit',
    seen: /to throw|did not throw/,
  },
  {
    name: 'the content of a moved file is copied and not hashed again',
    edits: [
      {
        file: 'src/dest/omitted-files.ts',
        find: 'if (copied.sha256 !== sha256 || copied.bytes !== size) throw',
        replace: 'if (sha256 === "" || copied.bytes !== size) throw',
      },
    ],
    file: 'test/dest/moved-files.test.ts',
    test: 'a file that OUT has elsewhere is refused, and OUT left as it is then, if it changes before it is copied',
    seen: /to throw|did not throw/,
  },
  {
    name: 'an answer that nobody asked for: a file may come without content wherever OUT has one',
    edits: [
      {
        file: 'src/dest/omitted-files.ts',
        find: 'if (copy === undefined) throw withoutContent(path);',
        replace: 'if (copy === undefined) return;',
      },
    ],
    file: 'test/exploits/content-omitted.test.ts',
    test: 'a sender that keeps content back is refused where OUT has a file of another size',
    seen: /expected/,
    builds: true,
  },
  {
    name: 'stamp not compared: another file in the place of the listed one is sent',
    edits: [
      {
        file: 'src/tree/walk-wanted.ts',
        find: 'if (stampOf(kind, identity) === want.stamp) return;',
        replace: 'if (stampOf(kind, identity).length === want.stamp.length) return;',
      },
    ],
    file: 'test/tree/walk-wanted.test.ts',
    test: 'a context that changed since it was offered fails as changed if it has another file like it for a file',
    seen: /expected/,
  },
  {
    name: 'order not checked: a list may say the same path twice',
    edits: [
      {
        file: 'src/entry/entry-record.ts',
        find: 'comparePaths(before, path) < 0) return;',
        replace: 'comparePaths(before, path) <= 0) return;',
      },
    ],
    file: 'test/entry/manifest.test.ts',
    test: 'a broken manifest with an entry twice is refused as corrupt, with the position',
    seen: /to throw/,
  },
  {
    name: 'end not required: half a list is taken for a whole one',
    edits: [
      {
        file: 'src/entry/record-io.ts',
        find: "if (bytes.length === 0) throw this.broken('ends too early');",
        replace: 'if (bytes.length === 0) return undefined;',
      },
    ],
    file: 'test/entry/record-io.test.ts',
    test: 'a list of records that has no end is corrupt',
    seen: /to throw/,
  },

  // --- nothing leaves OUT ----------------------------------------------------------------------
  {
    name: "a receiver's own names are accepted below the top level",
    edits: [
      {
        file: 'src/entry/entry-validator.ts',
        find: 'if (isWorkName(name)) throw',
        replace: 'if (isWorkName(name) && path.startsWith(name)) throw',
      },
    ],
    file: 'test/exploits/work-names.test.ts',
    test: "a receiver's work names are refused, with {} .ctxsync-lock",
    seen: /expected undefined to match object/,
  },
  {
    name: 'a path that climbs is let through',
    edits: [
      {
        file: 'src/entry/entry-validator.ts',
        find: "if (name === '..') throw",
        replace: "if (name === '..' && path.startsWith('..')) throw",
      },
    ],
    file: 'test/exploits/dot-dot.test.ts',
    test: 'a path with ".." is refused, with {} a/..',
    seen: /to match \/its path contains/,
  },
  {
    name: 'parent not checked: an entry may lie beneath a symlink',
    edits: [
      {
        file: 'src/entry/entry-validator.ts',
        find: 'if (!this.#earlier.hasDirectory(directory)) {',
        replace:
          'if (!this.#earlier.hasDirectory(directory) && this.#earlier.linkable(directory) === undefined) {',
      },
    ],
    file: 'test/entry/entry-validator.test.ts',
    test: "directories a 'symlink' cannot have entries beneath it",
    seen: /to throw/,
  },
  {
    name: 'order not checked: an entry of a list may lie in a directory that never came',
    edits: [
      {
        file: 'src/entry/earlier-entries.ts',
        find: "return path === (this.#above.at(-1) ?? '');",
        replace: "return path === '' || this.#above.length > 0;",
      },
    ],
    file: 'test/entry/earlier-entries.test.ts',
    test: 'an entry in a directory of a directory that never came is refused',
    seen: /to throw an error/,
  },
  {
    name: 'symlink followed in the commit: directories are reached by path, and not through what is held',
    edits: [
      {
        file: 'src/disk/open-directory.ts',
        find: 'return joinPath(this.#prefix, name);',
        replace: 'return joinPath(this.#path, name);',
      },
    ],
    file: 'test/dest/commit-swapped.test.ts',
    test: 'a commit never follows a symlink that replaces a directory at any step: compared',
    seen: /swapped at step/,
  },
  {
    name: 'lock followed: what lies in its place is opened, whatever it is',
    edits: [
      {
        file: 'src/dest/lock.ts',
        find: 'if (stats.isFile() && stats.size <= MAX_LOCK_BYTES) return;',
        replace: 'if (!stats.isDirectory()) return;',
      },
      {
        file: 'src/disk/held-directory.ts',
        find: 'const all = flags | constants.O_NOFOLLOW | constants.O_NONBLOCK;',
        replace: 'const all = flags | constants.O_NONBLOCK;',
      },
    ],
    file: 'test/dest/lock.test.ts',
    test: 'the lock of OUT that is a symlink to /dev/zero is refused at once, with its path',
    seen: /the lock was taken/,
  },
  {
    name: 'guards of --delete: an empty context takes everything out',
    edits: [
      {
        file: 'src/dest/removals.ts',
        find: 'if (context !== undefined && empty.includes(context)) throw emptied(context);',
        replace: 'if (context !== undefined && empty.length < 0) throw emptied(context);',
      },
    ],
    file: 'test/e2e/delete-guards.test.ts',
    test: 'a context without entries deletes nothing over a pipe',
    seen: /expected/,
    builds: true,
  },
  {
    name: 'a source file that became a symlink is followed out of the context',
    edits: [
      {
        file: 'src/disk/open-file.ts',
        find: 'constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK',
        replace: 'constants.O_RDONLY | constants.O_NONBLOCK',
      },
    ],
    file: 'test/tree/walk-opened.mock.test.ts',
    test: 'a walk that opens files follows no symlink that has taken the place of a file',
    seen: /expected/,
  },

  // --- others are left alone -------------------------------------------------------------------
  {
    name: 'O_NONBLOCK left on a descriptor that other programs share',
    edits: [
      {
        file: 'src/transport/shared-descriptor.ts',
        find: 'if (this.#wasBlocking && user !== undefined) setBlocking(user, true);',
        replace: 'if (this.#wasBlocking && user === undefined) setBlocking(user!, true);',
      },
    ],
    file: 'test/e2e/shared-descriptors.test.ts',
    test: 'a socket that others share is blocking again as stdin (0) after SIGQUIT',
    seen: /expected \[ 131, true \]/,
    builds: true,
  },

  // --- the other side of a command -------------------------------------------------------------
  {
    name: 'whatever lies in the cache of the other side is run',
    edits: [
      {
        file: 'src/bootstrap/second-stage.ts',
        find: 'return isWanted(file) ? file : undefined;',
        replace: 'return file;',
      },
    ],
    file: 'test/e2e/bootstrap.test.ts',
    test: 'send --bootstrap copies itself in place of a file with another digest',
    seen: /code: 7/,
    builds: true,
  },
  {
    name: 'a character that a shell changes stays in the words that start Node',
    edits: [
      {
        file: 'src/bootstrap/first-stage.ts',
        find: "/[!'()*~]/g",
        replace: '/[!*~]/g',
      },
    ],
    file: 'test/bootstrap/command-words.test.ts',
    test: 'the words that start Node have no character that any shell changes',
    seen: /to match/,
  },
  {
    name: 'a value of an option is taken for an option: -u -i',
    edits: [
      {
        file: 'src/cli/remote-command.ts',
        find: 'if (valued.has(word)) index++;',
        replace: '',
      },
    ],
    file: 'test/cli/remote-command.test.ts',
    test: 'a command that runs the receiver elsewhere is refused: docker container exec -e -i builder ctxsync receive /src',
    seen: /did not fail|expected/,
  },
  // --- what a context holds, and why -----------------------------------------------------------
  {
    name: 'an ignored directory that is sent for what is in it is explained by no rule',
    edits: [
      {
        file: 'src/survey/visit-context.ts',
        find: 'this.#places.set(path, decision.place);',
        replace: 'if (!decision.ignored) this.#places.set(path, decision.place);',
      },
    ],
    file: 'test/survey/dockerignore-cases.test.ts',
    test: "every case of the tests of moby, BuildKit and others is explained 'fsutil-TestFSWalkNested-1'",
    seen: /expected/,
  },
  {
    name: 'a key among the dependencies hides the one that was forgotten',
    edits: [
      {
        file: 'src/survey/findings.ts',
        find: 'this.#within = undefined;',
        replace: 'return;',
      },
    ],
    file: 'test/survey/findings.test.ts',
    test: 'a finding does not count what is in another one: keys among dependencies are those of tests',
    seen: /expected/,
  },
  {
    name: 'an exception is called void only where its path was met',
    edits: [
      {
        file: 'src/survey/hints.ts',
        find: "(effect === 'decides' ? undefined : voidBy(rules, place))",
        replace: 'undefined',
      },
    ],
    file: 'test/survey/survey.test.ts',
    test: 'a hint names the rule that makes an exception void',
    seen: /expected/,
  },
];
