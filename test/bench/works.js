/**
 * What is measured: each work is done by ctxsync and by others, in turn. In a script "$IN" is the tree, "$OUT"
 * the directory that it becomes, "$WORK" an empty directory, and `ctxsync` is this checkout.
 */
const PIPE = 'ctxsync send -q "$IN" | ctxsync receive -q "$OUT"';
const SOCKET =
  'ctxsync receive -q --socket "$WORK/s" "$OUT" & ctxsync send -q --socket "$WORK/s" "$IN" && wait $!';
const TAR = { name: 'tar c | tar x', needs: ['tar'], script: 'tar c -C "$IN" . | tar x -C "$OUT"' };
const BSDTAR = {
  name: 'bsdtar c | bsdtar x',
  needs: ['bsdtar'],
  script: 'bsdtar c -C "$IN" . | bsdtar x -C "$OUT"',
};
const RSYNC = { name: 'rsync -a', needs: ['rsync'], script: 'rsync -a "$IN/" "$OUT/"' };
const PACKAGE = {
  name: "the tar package's own streams",
  needs: [],
  script: 'tar-package c "$IN" | tar-package x "$OUT"',
};
const BARE = { name: 'two bare Nodes', needs: [], script: 'node -e 0 | node -e 0', copies: false };
const OURS = { name: 'ctxsync', needs: [], script: PIPE };
const OVER_SOCKET = { name: 'ctxsync', needs: [], script: SOCKET };

/**
 * `before` is what OUT holds: nothing, or the tree as it was. `where` is a kind of disk, see run.js. `shown`:
 * the works that the README shows, by the kind of disk.
 */
export const WORKS = [
  {
    name: 'small files, by a pipe',
    tree: 'small',
    where: ['memory', 'disk', 'cold'],
    shown: { memory: '40,000 small files, in memory', disk: '40,000 small files, on a disk' },
    before: 'nothing',
    ways: [OURS, TAR, BSDTAR, RSYNC, PACKAGE],
  },
  {
    name: 'big files, by a pipe',
    tree: 'big',
    where: ['memory'],
    shown: { memory: 'two files of 768 MiB, in memory' },
    before: 'nothing',
    ways: [OURS, TAR, RSYNC],
  },
  {
    name: 'many files, by a pipe',
    tree: 'many',
    where: ['memory'],
    before: 'nothing',
    ways: [OURS, TAR],
  },
  {
    name: 'small files, nothing changed, over a socket',
    tree: 'small',
    where: ['memory'],
    shown: { memory: '40,000 small files, nothing changed, in memory' },
    before: 'the same',
    ways: [OVER_SOCKET, RSYNC],
  },
  {
    name: 'small files, 1 % changed, over a socket',
    tree: 'small',
    where: ['memory'],
    before: 'the older',
    ways: [OVER_SOCKET, RSYNC],
  },
  {
    name: 'fewer small files, by a pipe',
    tree: 'few',
    where: ['slow'],
    shown: { slow: '5,000 small files, on a disk that takes 1 ms a call' },
    before: 'nothing',
    ways: [OURS, TAR],
  },
  {
    name: 'fewer small files, nothing changed, over a socket',
    tree: 'few',
    where: ['slow'],
    before: 'the same',
    ways: [OVER_SOCKET, RSYNC],
  },
  {
    name: 'one file, by a pipe',
    tree: 'one',
    where: ['memory'],
    before: 'nothing',
    ways: [OURS, BARE],
  },
];
