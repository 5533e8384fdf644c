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
 * Node runtime takes 10 to 20 MB, and on a slow disk MAX_POOL_STEPS x (MAX_POOL_FILE_BYTES + MAX_PATH_BYTES) more.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

// --- protocol: both sides rely on these, see wire/PROTOCOL.md ---------------------------------

/**
 * Maximum bytes of payload in one frame. From memory to memory this takes 8 % less CPU than 64 KiB
 * (measured).
 */
export const MAX_PAYLOAD_BYTES = 256 * KiB;
/** Maximum bytes of payload in one control frame (any but DATA). */
export const MAX_CONTROL_BYTES = 16 * KiB;
/** UTF-16 units of an ERROR's message; with its path it always fits MAX_CONTROL_BYTES. */
export const MAX_MESSAGE_CHARS = 1_024;
/** UTF-16 units of the state that a BEAT reports. */
export const MAX_STATE_CHARS = 64;
/** Bytes of the current path in a status; of a longer path only the end is kept. */
export const STATUS_PATH_BYTES = 1024;
/** Capabilities in a HELLO. */
export const MAX_CAPABILITIES = 32;
/** Characters of one capability. */
export const MAX_CAPABILITY_CHARS = 64;
/** Names of contexts in a HELLO. Each may take 1.5 kB of JSON, and all have to fit MAX_CONTROL_BYTES. */
export const MAX_HELLO_CONTEXTS = 8;
/** Streams open at the same time. A sender with more contexts opens the next one when one ends. */
export const MAX_STREAMS = 8;
/** Streams in one transfer: ids are 16 bits and never reused; 0 is the connection itself. */
export const MAX_STREAM_ID = 0xffff;
/** Bytes of one component of a path (NAME_MAX of every common file system). */
export const MAX_NAME_BYTES = 255;
/** Bytes of a path or a link text in a record; limits for paths on disk are checked after reading. */
export const MAX_RECORD_TEXT_BYTES = 4 * KiB;
/** Bytes of one record of an entry: a path, a link text, and 64 for numbers, a stamp and a digest. */
export const MAX_RECORD_BYTES = 2 * MAX_RECORD_TEXT_BYTES + 64;

/** The oldest Node that runs ctxsync; bin/ctxsync.js and package.json name it, too. */
export const OLDEST_NODE = 20;

// --- bounds: what a peer, a disk or a user can make us hold or do -----------------------------

/** Bytes of the data received instead of the magic by which the error message tells what it is: a tar's header. */
export const STRAY_BYTES = 512;
/** UTF-16 units of a path in a message; of a longer path only the end is shown. */
export const MAX_SHOWN_PATH_CHARS = 160;
/** UTF-16 units of a command line in a message. */
export const MAX_SHOWN_COMMAND_CHARS = 160;
/** Bytes of a Unix socket's path: the size of sun_path, which is smaller on macOS, less its final NUL. */
export const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;
/** Symlinks followed in a socket's path: as many as Linux follows. */
export const MAX_SYMLINKS = 40;
/** Simultaneous transfers of a serving receiver, including those that wait for their turn. */
export const MAX_SERVED = 32;
/** Connections that wait to become one of those transfers; more are closed at once. */
export const MAX_WAITING_CONNECTIONS = 128;
/** Bytes of one answer of the other side before the program runs there: a path, and a message. */
export const MAX_ANSWER_BYTES = 16 * KiB;
/** Versions of the program that a cache at the other side keeps, about 1 MB each. */
export const MAX_CACHED_VERSIONS = 3;
/** UTF-16 units of a command's stderr that are kept for the error message. */
export const LAST_WORDS_CHARS = 2_000;
/**
 * Directories that one descent into a tree holds open, however deep it goes. A receiver has four such
 * descents per stream and one for each partial stage, and Linux lets it open at least
 * 1,024 files (Node raises its soft limit to the hard limit).
 */
export const MAX_HELD_DIRECTORIES = 32;
/** Entries that a message of a commit names; the rest are counted. */
export const MAX_NAMED_ENTRIES = 5;
/** Bytes of a lock file, which describes its holder in JSON. */
export const MAX_LOCK_BYTES = 4 * KiB;
/** Bytes of an entry's path. Linux PATH_MAX, 4,096, also includes our stage's name and the final NUL. */
export const MAX_PATH_BYTES = 3_800;
/** Components of an entry's path: the directories above it, and its own name. */
export const MAX_DEPTH = 1_024;
/** Bytes of a symlink's text. */
export const MAX_LINK_BYTES = 4_095;
/**
 * Bytes of one extended header that we read: besides a path and a link text it may hold extended
 * attributes or the map of a sparse file. libarchive, Go and the tar package accept as much.
 */
export const MAX_PAX_BYTES = 1 * MiB;
/** Bytes of one extended header that we write: a path, a link text and a few numbers. */
export const MAX_OWN_PAX_BYTES = 64 * KiB;
/** Data regions of a sparse file: 2 GiB in which every second 4 KiB block is a hole. They take 4 MiB. */
export const MAX_SPARSE_REGIONS = 256 * KiB;
/** Consecutive headers of a tar that only describe a later member. */
export const MAX_TAR_HEADERS = 64;
/**
 * Bytes for each path that must be recognized later, whatever its length: each path of an unordered
 * tree; only the files with several names of an ordered tree and of a manifest. A comparison has a table
 * of those too.
 */
export const MAX_TABLE_BYTES_PER_ENTRY = 24;
/**
 * Bytes that a sender keeps about files with several names, until it has met all their names. That may
 * be every file of a context: a package manager may link each one to a store elsewhere.
 */
export const MAX_HARDLINK_BYTES = 512 * MiB;
/** Bytes of an ignore file. */
export const MAX_IGNORE_FILE_BYTES = 1 * MiB;
/** Bytes of one line of an ignore file: the limit of Go's bufio.Scanner, with which moby reads it. */
export const MAX_LINE_BYTES = 65_535;
/** Rules of an ignore file, --exclude and --include together. */
export const MAX_IGNORE_RULES = 10_000;
/**
 * RE2 instructions of one rule's pattern: about one per character, but a thousand for `x{1000}`. A
 * longer pattern could only match a path over MAX_PATH_BYTES. (The limit of RE2JS itself is
 * 1.4 million, which take 1 GB.)
 */
export const MAX_PATTERN_INSTRUCTIONS = 8_192;
/** Paths that a finding names; the rest are counted. */
export const MAX_FINDING_EXAMPLES = 3;
/** Bytes of a file that are read to see whether it is a private key or holds credentials. */
export const SNIFFED_BYTES = 4 * KiB;
/** Entries of ignored directories that are counted to explain a context; then they are too many. */
export const MAX_MEASURED_ENTRIES = 4_000_000;
/**
 * Patterns that are tried only to tell a rule that matches nothing from one that others override, and as
 * many again to find what a pattern would match deeper: at most about a second each.
 */
export const MAX_RULE_TRIALS = 5_000_000;
/** Largest directories, and largest files, that an explanation can list. */
export const MAX_LARGEST = 1_000;
/**
 * Bytes that a comparison keeps about the files of OUT to find moved ones, and what it counts for each besides
 * its path.
 */
export const MAX_MOVED_INDEX_BYTES = 32 * MiB;
export const MOVED_CANDIDATE_BYTES = 200;
/** Files of the same size among which a moved one is looked for. */
export const MAX_MOVED_CANDIDATES = 16;
/** Milliseconds for which a comparison looks through OUT for moved files: OUT may be a whole disk. */
export const MAX_MOVED_SEARCH_MS = 2_000;
/** Unreadable paths that a message names; the rest are counted. */
export const MAX_NAMED_UNREADABLE = 3;
/** Unreadable paths after which the search for more ends. */
export const MAX_UNREADABLE_PATHS = 1_000;
/** Bytes of output read from the process that lists extended attributes; the rest is not reported. */
export const MAX_ATTRIBUTE_OUTPUT_BYTES = 4 * MiB;
/** Skipped or otherwise reported paths that one report names; the rest are counted. */
export const MAX_REPORTED_PATHS = 1_000;
/** Stalls that a report names; later ones are still reported as events. */
export const MAX_STALL_REPORTS = 1_000;
/** Characters of a trace after which its samples become rarer: after each of these, half as many. */
export const SPARSER_TRACE_CHARS = 4 * MiB;
/** Characters at which a trace ends. A transfer of a day takes some 40 MB (measured: 10 kB a second at first). */
export const MAX_TRACE_CHARS = 64 * MiB;
/**
 * Bytes that the reader of stderr may lag behind before lines of a command are dropped: a command may
 * print without end.
 */
export const MAX_UNREAD_BYTES = 1 * MiB;
/** Steps of a disk thread that wait for their turn behind calls of its pool; each may have a call. */
export const MAX_POOL_STEPS = 64;
/** Bytes of a file that a pool thread reads or writes; larger ones are left to the disk thread. */
export const MAX_POOL_FILE_BYTES = 64 * KiB;
/**
 * Pool threads of a process. Each takes 10 MB, nearly all of it the Node runtime's; the disk thread makes calls
 * besides.
 */
export const MAX_POOL_THREADS = 3;
/** Stages of interrupted runs that are kept at the same time. */
export const MAX_PARTIAL_STAGES = 4;
/** Bytes that a file with several names takes besides its path, including its map entry (measured). */
export const HARDLINK_GROUP_BYTES = 480;

// --- time: how long something may last, and when it counts as something else ------------------

/** Milliseconds between two BEATs. */
export const BEAT_INTERVAL_MS = 1_000;
/**
 * Milliseconds between our HELLO or BEAT and the peer's acknowledgement, below which a link is not slow:
 * up to one beat interval of this is spent waiting.
 */
export const FAST_ROUND_TRIP_MS = 2 * BEAT_INTERVAL_MS;
/** Beats that may be unacknowledged on a slow link before fewer are sent. */
export const MAX_UNHEARD_BEATS = 2;
/** Milliseconds between two BEATs after that: at 170 bytes, 34 of the 40 B/s of the slowest link tried. */
export const SLOW_BEAT_INTERVAL_MS = 5_000;
/** The same while our payload is in flight: it shows that we are alive, and beats would delay it. */
export const RARE_BEAT_INTERVAL_MS = 20_000;
/** Milliseconds that a failing side keeps trying to deliver its ERROR frame. */
export const LINGER_MS = 2_000;
/** The same, if the transfer was given up because nothing moved. */
export const STALLED_LINGER_MS = 300;
/** Milliseconds by which the other side may delay the rejection after an abort, unless the caller gives more. */
export const DEFAULT_ABORT_GRACE_MS = 100;
/** Milliseconds between two attempts to connect. */
export const CONNECT_RETRY_MS = 100;
/** Milliseconds before a lost transfer is tried again for the first time; then twice as many each time. */
export const RETRY_DELAY_MS = 1_000;
/** The most of that. */
export const MAX_RETRY_DELAY_MS = 30_000;
/** Milliseconds that a sender may stay connected to a serving receiver without sending HELLO. */
export const HELLO_TIMEOUT_MS = 10_000;
/** Milliseconds that a command has to exit on its own, and again after SIGTERM. */
export const CHILD_GRACE_MS = 2_000;
/**
 * Milliseconds to wait for the rest of a command's stderr after it has exited. Its children may hold stderr
 * open for ever.
 */
export const CHILD_WORDS_MS = 200;
/**
 * Milliseconds by which our own signal may arrive after the exit of a command that got it too: Ctrl-C at
 * a terminal goes to both.
 */
export const SAME_SIGNAL_MS = 200;
/** Milliseconds between two reads of an ignore file that comes through a pipe, while the pipe is empty. */
export const EMPTY_PIPE_RETRY_MS = 20;
/** Milliseconds for which the search for unreadable paths goes on after the first one. */
export const UNREADABLE_SEARCH_MS = 2_000;
/** The longest delay of a Node timer, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
/** Milliseconds between two checks of the status of the disk threads. */
export const TICK_MS = 100;
/**
 * Stall timeouts for which the peer's reports of its own work (it hashes a large file, it commits) keep a
 * transfer alive without a byte of payload and without work on this side.
 */
export const CLAIMED_STALL_TIMEOUTS = 4;
/** The longest that a sender waits for its turn, in milliseconds, whatever the receiver reports. */
export const MAX_QUEUED_MS = 24 * 60 * 60 * 1_000;
/**
 * Bytes of payload per second that a transfer must average to keep its turn for longer than a stall timeout
 * while others wait. Less than half the rate of the slowest link tried.
 */
export const MIN_TURN_BYTES_PER_SECOND = 16;
/**
 * Bytes per second below which a link counts as slow: a control frame may take more than a second there.
 */
export const SLOW_LINK_BYTES_PER_SECOND = 16 * KiB;
/** Milliseconds over which the rate of arrival is averaged. */
export const ARRIVAL_WINDOW_MS = 5_000;
/** Milliseconds after which a pending call counts as the cause of a stall. */
export const PENDING_MS = 1_000;
/** Milliseconds after which the next beat is late, so the peer may be dead. */
export const LATE_BEAT_MS = 1.5 * BEAT_INTERVAL_MS;
/** Milliseconds after which a beat no longer proves that the peer is alive. */
export const BEAT_FRESH_MS = 3 * BEAT_INTERVAL_MS;
/** The same, on a slow link. */
export const SLOW_BEAT_FRESH_MS = 3 * SLOW_BEAT_INTERVAL_MS;
/**
 * More than three times this between two ticks, in milliseconds, means that we were suspended. It is more
 * than TICK_MS, so that a loaded machine is not mistaken for a suspended one.
 */
export const SUSPENSION_MS = 1_000;
/** Milliseconds of silence after which stray bytes count as complete. */
export const STRAY_SILENCE_MS = 1_000;
/** Milliseconds between two attempts to write to a full stderr. */
export const STDERR_RETRY_MS = 10;
/** Milliseconds to wait at exit for stderr's reader to take the last lines. */
export const LAST_WORDS_MS = 1_000;
/** Milliseconds that writing --report or --trace may take: it must not hold up the exit. */
export const OUTPUT_FILE_MS = 1_000;
/** Milliseconds that loading the colours may take before lines are printed without them. */
export const STYLE_LOAD_MS = 500;
/** Milliseconds that a thread has to end before the process is killed by a signal. */
export const STUCK_THREAD_MS = 500;
/** Milliseconds after which the stage of an interrupted run is no longer used. */
export const PARTIAL_STAGE_MS = 24 * 60 * 60 * 1_000;
/** Milliseconds after which an unrefreshed lock counts as stale, if its holder cannot be checked. */
export const LOCK_STALE_MS = 300_000;
/** Attempts to take over a stale lock before other receivers are assumed to do the same. */
export const LOCK_ATTEMPTS = 5;
/** Milliseconds between two attempts to take a lock that another receiver holds. */
export const LOCK_RETRY_MS = 250;
/** Milliseconds between two refreshes of our own lock. */
export const LOCK_REFRESH_MS = 30_000;
/**
 * Milliseconds after which a sender reports that it waits for a receiver: one that is started together with
 * it listens by then.
 */
export const WAITING_SHOWN_MS = 1_000;
/** Milliseconds for which a terminal shows the same rate, ETA and path. */
export const FIGURES_MS = 1_000;
/** Milliseconds between two lines of plain progress. */
export const PLAIN_LINE_MS = 5_000;
/** Milliseconds over which the rate of a transfer is averaged. */
export const RATE_WINDOW_MS = 5_000;
/** Milliseconds between two samples of that rate. */
export const RATE_SAMPLE_MS = 100;
/** Milliseconds of samples that a rate needs before it is shown. */
export const MIN_RATE_SPAN_MS = 500;
/** Milliseconds without progress from which on the status line of a terminal counts them. */
export const STALL_SHOWN_MS = 3_000;
/** Milliseconds of a stall after which it is reported for the second time. */
export const STALL_AGAIN_MS = 30_000;
/** Milliseconds between two reports from then on. */
export const STALL_EVERY_MS = 60_000;

// --- tuning: measured, and nothing else depends on them ---------------------------------------

/**
 * Bytes of payload in our first frames: with its header such a frame exactly fills the 64 KiB of a Linux
 * pipe. 16 more bytes would cost another wake-up (measured: 7 % of a transfer).
 */
export const FIRST_FRAME_BYTES = 64 * KiB - 16;
/** Bytes of payload to which frames shrink where the transport is slow. */
export const MIN_FRAME_BYTES = 4 * KiB;
/** Milliseconds below which the write of a frame counts as fast: the next one may be larger. */
export const FAST_WRITE_MS = 10;
/** Milliseconds above which the write of a frame counts as slow: it delays beats and hides progress. */
export const SLOW_WRITE_MS = 250;
/**
 * Bytes per second below which a transport is so slow that compressing pays, by codec: a fraction of what
 * one core compresses.
 */
export const COMPRESS_BELOW_BYTES_PER_SECOND = { gzip: 8e6, zstd: 32e6 } as const;
/**
 * The rate of the transport is measured for that over at least so many writes, and so many milliseconds of
 * writing or bytes. The longest write does not count.
 */
export const TRANSPORT_RATE_WRITES = 4;
export const TRANSPORT_RATE_MS = 200;
export const TRANSPORT_RATE_BYTES = 8 * MiB;
/** Milliseconds of a limited bandwidth that one frame may take, so that beats fit in between. */
export const LIMITED_FRAME_MS = 100;
/** Bytes of the ring between disk worker and wire, one per stream. 4 MiB is 12 % faster than 1 (measured). */
export const RING_BYTES = 4 * MiB;
/** Rings whose memory is kept for later runs. */
export const MAX_SPARE_RINGS = 32;
/** Bytes that a ring's writer gathers before it wakes the reader. */
export const RING_BATCH_BYTES = 64 * KiB;
/**
 * Milliseconds for which a reader on a worker lets bytes gather before a single byte wakes it: this saves
 * a fifth of the time for a large file in memory.
 */
export const RING_GATHER_MS = 1;
/** Milliseconds after which a disk worker wakes the reader for less than a batch. */
export const FLUSH_AFTER_MS = 100;
/** Bytes of one read from, or write to, the transport. */
export const IO_BUFFER_BYTES = 64 * KiB;
/**
 * Bytes of one read from a source file: less than a ring, so that the ring empties while it fills (6 %
 * for a large file that is not in memory), and so that a slow disk is seen to make progress.
 */
export const MAX_READ_BYTES = 256 * KiB;
/**
 * Bytes of one write. For larger writes ext4 (Linux 6.18) looks for larger pieces of memory: 1 MiB at a
 * time took three times the system time.
 */
export const MAX_WRITE_BYTES = 256 * KiB;
/**
 * MB of V8's young generation in a disk thread. By default it grows to 48; with 12 the same work took
 * 40 MB less, and no longer.
 */
export const DISK_THREAD_YOUNG_MB = 12;
/** The same in a pool thread, which makes little garbage. */
export const POOL_THREAD_YOUNG_MB = 1;
/**
 * Milliseconds of a call on a file from which on it counts as slow. In memory it takes a hundredth of that, and a
 * new file on a busy local disk half of it.
 */
export const SLOW_CALL_MS = 0.5;
/** Slow calls, among those that are timed, after which a pool opens; each fast one in between costs two more. */
export const SLOW_CALLS = 8;
/** Names of a directory that are listed before the status shows that the disk answers. */
export const LIST_BATCH = 10_000;
/** Bytes of a directory itself, from which on the names in it are kept packed: some 50,000 entries. */
export const LARGE_DIRECTORY_BYTES = MiB;
/** Bytes of a commit's steps that are held in memory, at least one step; older ones are in a file of the stage. */
export const UNDO_BYTES_IN_MEMORY = 256 * KiB;
/** Bytes of executables' paths gathered before one process looks up the attributes that are not sent. */
export const ATTRIBUTE_BATCH_BYTES = 64 * KiB;
/** Bytes from which on a file is looked for elsewhere in OUT: a smaller one is sent as fast. */
export const MIN_MOVED_BYTES = 1 * KiB;
/**
 * Milliseconds after which a transfer's contexts are counted, for a percentage and an ETA. One that is
 * over by then needs neither, and would take longer by the start of a thread.
 */
export const COUNT_AFTER_MS = 200;
/**
 * The nice value of a thread that counts (Linux): a busy thread gets a quarter more.
 */
export const COUNT_NICENESS = 1;
/** Bytes of content that take about as long to send and write as one entry does besides its content. */
export const ENTRY_WORK_BYTES = 32 * KiB;
/** The same for the comparison of an entry on both sides. */
export const COMPARE_WORK_BYTES = 8 * KiB;
/** The same for the commit of an entry into a directory with which it was compared. */
export const COMMIT_WORK_BYTES = 12 * KiB;
/** Bytes of records that are gathered before they are passed on. */
export const RECORD_BATCH_BYTES = 16 * KiB;
/** Characters of entries that are gathered before they are hashed: a call for each would cost more. */
export const DIGEST_BATCH_CHARS = 16 * KiB;
/** Milliseconds of writing without a pause after which timers get their turn. */
export const YIELD_AFTER_MS = 20;

// --- defaults: options change these -----------------------------------------------------------

/** Entries of a transfer when --max-entries is not given. */
export const DEFAULT_MAX_ENTRIES = 4_000_000;
/** Bytes of content above which a context counts as large. */
export const DEFAULT_LARGE_CONTEXT_BYTES = 500_000_000;
/** Largest directories, and largest files, that an explanation lists. */
export const DEFAULT_LARGEST = 10;
/** Milliseconds without progress until a stall is reported. */
export const DEFAULT_STALL_AFTER_MS = 10_000;
/** Milliseconds without progress until the transfer fails; 0 means never. */
export const DEFAULT_STALL_TIMEOUT_MS = 300_000;
/** Milliseconds that a sender waits for a receiver to listen. */
export const DEFAULT_SEND_CONNECT_MS = 60_000;
/** Milliseconds that `receive --wait` waits for another receiver to release its OUT. */
export const DEFAULT_LOCK_WAIT_MS = 600_000;
/** Milliseconds that a receiver waits for its sender. */
export const DEFAULT_RECEIVE_CONNECT_MS = 300_000;
