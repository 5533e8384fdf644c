#!/bin/sh
':' /*
# A shell script first: Node gives signals that are ignored when it starts, as after nohup, their default
# action back (node.cc, ResetSignalHandlers), and then nobody can tell. So they are looked at before:
# in /proc, and where there is none in what the shell says of its own traps.
CTXSYNC_IGNORED=
if [ -r /proc/self/status ]; then
  while read -r name value; do
    case $name in SigIgn:) CTXSYNC_IGNORED=$value ;; esac
  done < /proc/self/status
else
  CTXSYNC_IGNORED=$(trap)
fi
export CTXSYNC_IGNORED
# Node does not start in a directory that was removed.
if ! [ . -ef "$PWD" ] && [ -z "$(pwd -P 2> /dev/null)" ]; then
  cd / && export CTXSYNC_DIRECTORY_GONE=1
fi
exec node "$0" "$@"
*/
// The same file for Node: what the shell runs is a comment here. Any Node has to understand these lines.
if (parseInt(process.versions.node, 10) < 20) {
  const found = process.version + ' (' + process.execPath + ')';
  process.stderr.write('ctxsync: error: this needs Node 20 or newer, and is run by ' + found + '\n');
  process.exit(2);
}
void require('../dist/ctxsync.cjs');
