/**
 * Every bound of ctxsync, with its unit. Nothing is buffered, counted or waited for past one of
 * these. Memory of one process, the Node runtime apart, is at most
 * 3 x MAX_STREAMS x (RING_BYTES + IO_BUFFER_BYTES), as so many manifests, wants and trees may be under
 * way, and MAX_TABLE_BYTES_PER_ENTRY in each table for each of --max-entries paths; and the names in
 * the directories that the way down a tree leads through, about 100 bytes each.
 * Of one that serves (receive --serve) it is that for each transfer that has its turn, of which there
 * are at most MAX_SERVED, and one that waits in their place has 2 x IO_BUFFER_BYTES; and
 * MAX_WAITING_CONNECTIONS x IO_BUFFER_BYTES for those that wait to be one of them. Between
 * transfers MAX_SPARE_RINGS x RING_BYTES are kept. A transfer has a disk thread a stream, which the
 * Node runtime takes 10 to 20 MB for.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

// --- protocol: both sides rely on these, see wire/PROTOCOL.md ---------------------------------

/**
 * Bytes of payload in one frame, at the most. Measured against 64 KiB from memory to memory: 8 % less
 * of the CPU.
 */
export const MAX_PAYLOAD_BYTES = 256 * KiB;
/** Bytes of payload in one control frame (any but DATA), at the most. */
export const MAX_CONTROL_BYTES = 16 * KiB;
/** UTF-16 units of an ERROR's message; with its path it always fits MAX_CONTROL_BYTES. */
export const MAX_MESSAGE_CHARS = 1_024;
/** UTF-16 units of the word for what a peer is at. */
export const MAX_STATE_CHARS = 64;
/** Bytes of the current path that a status shows; the end of a longer one. */
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
/** Bytes of a path or a link text in a record; what may get near a disk is checked after it is read. */
export const MAX_RECORD_TEXT_BYTES = 4 * KiB;
/** Bytes of one record of an entry: a path, a link text, and 64 for numbers, a stamp and a digest. */
export const MAX_RECORD_BYTES = 2 * MAX_RECORD_TEXT_BYTES + 64;

// --- bounds: what a peer, a disk or a user can make us hold or do -----------------------------

/** Bytes that are kept of what came in place of the magic, for the error message. */
export const STRAY_BYTES = 200;
/** UTF-16 units of a path that a message shows; of a longer one the end. */
export const MAX_SHOWN_PATH_CHARS = 160;
/** Bytes of a Unix socket's path: macOS's sun_path, the shorter, less its final NUL; Linux has 107. */
export const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;
/** Symlinks on the way to a socket: as many as Linux follows. */
export const MAX_SYMLINKS = 40;
/** Transfers of a receiver that serves, at the same time; those that wait for their turn too. */
export const MAX_SERVED = 32;
/** Connections that wait until they can be one of them; more are closed at once. */
export const MAX_WAITING_CONNECTIONS = 128;
/** UTF-16 units of a command's stderr that are kept for the error message. */
export const LAST_WORDS_CHARS = 2_000;
/**
 * Directories that one way down a tree holds open, however deep it leads. A receiver has four such ways
 * a stream and five for the stages of runs that broke off, where Linux lets it open 1,024 files at
 * least (Node raises its own limit to the hard one).
 */
export const MAX_HELD_DIRECTORIES = 32;
/** Entries that a warning of a commit names; more are counted. */
export const MAX_NAMED_ENTRIES = 5;
/** Bytes of a lock: its holder in JSON. */
export const MAX_LOCK_BYTES = 4 * KiB;
/** Bytes of an entry's path. Linux PATH_MAX is 4,096 including the final NUL and our stage's name. */
export const MAX_PATH_BYTES = 3_800;
/** Components of an entry's path: the directories above it, and its own name. */
export const MAX_DEPTH = 1_024;
/** Bytes of a symlink's text. */
export const MAX_LINK_BYTES = 4_095;
/**
 * Bytes of one extended header that is read: beside a path and a link text it may have extended
 * attributes, or where a sparse file has its data. libarchive, Go and the tar package take as much.
 */
export const MAX_PAX_BYTES = 1 * MiB;
/** Bytes of one that is written: a path, a link text and a few numbers. */
export const MAX_OWN_PAX_BYTES = 64 * KiB;
/** Regions of data in a sparse file: 2 GiB of which every second block of 4 KiB is a hole. 4 MiB. */
export const MAX_SPARSE_REGIONS = 256 * KiB;
/** Headers of a tar that only tell about members to come, one after another. */
export const MAX_TAR_HEADERS = 64;
/**
 * Bytes for each path that has to be known again, however long it is: of a tree in any order each path;
 * of one in order, and of a manifest, the files with several names; a comparison has a table of those too.
 */
export const MAX_TABLE_BYTES_PER_ENTRY = 24;
/**
 * Bytes that a sender keeps of files with several names, until it has met all of them. A package
 * manager may link each file of a context to a store elsewhere: then it is all files.
 */
export const MAX_HARDLINK_BYTES = 512 * MiB;
/** Bytes of an ignore file. */
export const MAX_IGNORE_FILE_BYTES = 1 * MiB;
/** Bytes of one of its lines: what Go's bufio.Scanner, which moby reads them with, can hold. */
export const MAX_LINE_BYTES = 65_535;
/** Rules of an ignore file, --exclude and --include together. */
export const MAX_IGNORE_RULES = 10_000;
/**
 * RE2 instructions of one rule's pattern, about a character each; but `x{1000}` counts a thousand
 * times. A longer one could only match a path that is over MAX_PATH_BYTES. (RE2JS itself stops at
 * 1.4 million, which are 1 GB.)
 */
export const MAX_PATTERN_INSTRUCTIONS = 8_192;
/** Unreadable paths that a message names; the rest are counted. */
export const MAX_NAMED_UNREADABLE = 3;
/** Unreadable paths after which the search for more ends. */
export const MAX_UNREADABLE_PATHS = 1_000;
/** Bytes of output read from the process that lists extended attributes; the rest is not reported. */
export const MAX_ATTRIBUTE_OUTPUT_BYTES = 4 * MiB;
/** Skipped or otherwise reported paths that one report names; the rest are counted. */
export const MAX_REPORTED_PATHS = 1_000;
/** Stalls that a report names; a later one is still said aloud. */
export const MAX_STALL_REPORTS = 1_000;
/**
 * Bytes that stderr's reader may be behind until lines of a command's are lost: it may talk without
 * end.
 */
export const MAX_UNREAD_BYTES = 1 * MiB;
/** Stages of interrupted runs that are kept at the same time. */
export const MAX_PARTIAL_STAGES = 4;
/** Bytes that a file with several names takes beside its path: measured, with its place in the map. */
export const HARDLINK_GROUP_BYTES = 480;

// --- time: how long something may last, and when it counts as something else ------------------

/** Milliseconds between two BEATs. */
export const BEAT_INTERVAL_MS = 1_000;
/**
 * Milliseconds from our sending a HELLO or BEAT to the peer's acknowledging it, below which a link is not
 * slow: up to one beat interval of that is waiting.
 */
export const FAST_ROUND_TRIP_MS = 2 * BEAT_INTERVAL_MS;
/** Beats that may be unacknowledged on a slow link before fewer are sent. */
export const MAX_UNHEARD_BEATS = 2;
/** Milliseconds between two BEATs then: at 170 bytes each, 34 B/s of the 40 B/s of the slowest link tried. */
export const SLOW_BEAT_INTERVAL_MS = 5_000;
/** The same while payload of ours is in flight: that shows that we are alive, and beats would delay it. */
export const RARE_BEAT_INTERVAL_MS = 20_000;
/** Milliseconds that a failing side keeps trying to deliver its ERROR frame. */
export const LINGER_MS = 2_000;
/** The same, when the transfer was given up because nothing moves. */
export const STALLED_LINGER_MS = 300;
/** Milliseconds between two attempts to connect. */
export const CONNECT_RETRY_MS = 100;
/** Milliseconds that a sender may stay connected to a serving receiver without sending HELLO. */
export const HELLO_TIMEOUT_MS = 10_000;
/** Milliseconds that a command has to exit by itself, and again after it was sent SIGTERM. */
export const CHILD_GRACE_MS = 2_000;
/**
 * Milliseconds to wait for the rest of a command's stderr after it has exited. Its children may hold stderr
 * open for ever.
 */
export const CHILD_WORDS_MS = 200;
/**
 * Milliseconds by which our own signal may come later than the exit of a command that got it too: Ctrl-C
 * at a terminal goes to both.
 */
export const SAME_SIGNAL_MS = 200;
/** Milliseconds between two reads of an ignore file that comes through a pipe, while the pipe is empty. */
export const EMPTY_PIPE_RETRY_MS = 20;
/** Milliseconds for which the search for unreadable paths goes on after the first one. */
export const UNREADABLE_SEARCH_MS = 2_000;
/** The longest delay of a Node timer, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
/** Milliseconds between two looks at the status of the disk threads. */
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
 * while others wait. Less than half of the slowest link tried.
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
/** Milliseconds after which the next beat is late, so that the peer may be dead. */
export const LATE_BEAT_MS = 1.5 * BEAT_INTERVAL_MS;
/** Milliseconds after which a beat no longer proves that the peer is alive. */
export const BEAT_FRESH_MS = 3 * BEAT_INTERVAL_MS;
/** The same, on a slow link. */
export const SLOW_BEAT_FRESH_MS = 3 * SLOW_BEAT_INTERVAL_MS;
/**
 * A tick that is late by more than twice this, in milliseconds, means that we were suspended. More than
 * TICK_MS, so that a loaded machine does not pass for a suspended one.
 */
export const SUSPENSION_MS = 1_000;
/** Milliseconds of silence after which stray bytes count as complete. */
export const STRAY_SILENCE_MS = 1_000;
/** Milliseconds between two attempts to write to a full stderr. */
export const STDERR_RETRY_MS = 10;
/** Milliseconds to wait at exit for stderr's reader to take the last lines. */
export const LAST_WORDS_MS = 1_000;
/** Milliseconds that writing --report may take: it must not hold up the exit. */
export const REPORT_WRITE_MS = 1_000;
/** Milliseconds that loading the colours may take before lines are printed without them. */
export const STYLE_LOAD_MS = 500;
/** Milliseconds that a thread has to end before the process is killed by a signal. */
export const STUCK_THREAD_MS = 500;
/** Milliseconds after which the stage of an interrupted run is no longer used. */
export const PARTIAL_STAGE_MS = 24 * 60 * 60 * 1_000;
/** Milliseconds after which a lock that was not refreshed counts as stale, when its holder cannot be checked. */
export const LOCK_STALE_MS = 300_000;
/** Attempts to take over a stale lock before other receivers are assumed to do the same. */
export const LOCK_ATTEMPTS = 5;
/** Milliseconds between two refreshes of our own lock. */
export const LOCK_REFRESH_MS = 30_000;
/** Milliseconds between two lines of plain progress. */
export const PLAIN_LINE_MS = 5_000;
/** Milliseconds over which the rate of a transfer is averaged. */
export const RATE_WINDOW_MS = 5_000;
/** Milliseconds between two samples of that rate. */
export const RATE_SAMPLE_MS = 100;
/** Milliseconds of samples that a rate needs before it is shown. */
export const MIN_RATE_SPAN_MS = 500;
/** Milliseconds of a stall after which it is reported for the second time. */
export const STALL_AGAIN_MS = 30_000;
/** Milliseconds between two reports from then on. */
export const STALL_EVERY_MS = 60_000;

// --- tuning: measured, and nothing else depends on them ---------------------------------------

/**
 * Bytes of payload in our first frames: with its header such a frame fills the 64 KiB of a Linux pipe,
 * and not 16 bytes more, which would cost a wake-up of their own (measured: 7 % of a transfer).
 */
export const FIRST_FRAME_BYTES = 64 * KiB - 16;
/** Bytes of payload to which frames shrink where the transport is slow. */
export const MIN_FRAME_BYTES = 4 * KiB;
/** Milliseconds below which the write of a frame was fast: the next one may be larger. */
export const FAST_WRITE_MS = 10;
/** Milliseconds above which the write of a frame was slow: beats wait behind it, and progress is not seen. */
export const SLOW_WRITE_MS = 250;
/** Bytes of the ring between the disk worker and the wire, one a stream. 4 MiB measured 12 % faster than 1. */
export const RING_BYTES = 4 * MiB;
/** Rings whose memory is kept for runs to come. */
export const MAX_SPARE_RINGS = 32;
/** Bytes that a ring's writer gathers before it wakes the reader. */
export const RING_BATCH_BYTES = 64 * KiB;
/**
 * Milliseconds that a reader on a worker lets bytes gather before any single one wakes it: a fifth off
 * a large file in memory.
 */
export const RING_GATHER_MS = 1;
/** Milliseconds after which a disk worker wakes the reader for less than a batch. */
export const FLUSH_AFTER_MS = 100;
/** Bytes of one read from, or write to, the transport. */
export const IO_BUFFER_BYTES = 64 * KiB;
/**
 * Bytes of one read from a source file: less than a ring, so that it empties while it is filled (6 % of
 * a large file that is not in memory), and so that a slow disk is seen to move.
 */
export const MAX_READ_BYTES = 256 * KiB;
/**
 * Bytes that are written at once. For more, ext4 (Linux 6.18) looks for larger pieces of memory: 1 MiB
 * at a time took three times the system time.
 */
export const MAX_WRITE_BYTES = 256 * KiB;
/** Names of a directory that are listed until the status shows that the disk answers. */
export const LIST_BATCH = 10_000;
/** Steps of a commit that are held in memory; older ones are in a file of the stage. */
export const UNDO_STEPS_IN_MEMORY = 4_096;
/** Bytes of executables' paths until one process looks for the attributes that they travel without. */
export const ATTRIBUTE_BATCH_BYTES = 64 * KiB;
/** Milliseconds a transfer has to have run before the totals for an ETA are counted. */
export const COUNT_AFTER_MS = 3_000;
/** Bytes of records that are gathered before they go on. */
export const RECORD_BATCH_BYTES = 16 * KiB;
/** Characters of entries that are gathered before they are hashed: a call for each would cost more. */
export const DIGEST_BATCH_CHARS = 16 * KiB;
/** Milliseconds of writing without a pause after which timers get their turn. */
export const YIELD_AFTER_MS = 20;

// --- defaults: options change these -----------------------------------------------------------

/** Entries of a transfer when --max-entries is not given. */
export const DEFAULT_MAX_ENTRIES = 4_000_000;
/** Milliseconds without progress until a stall is said aloud. */
export const DEFAULT_STALL_AFTER_MS = 10_000;
/** Milliseconds without progress until the transfer fails; 0 stands for never. */
export const DEFAULT_STALL_TIMEOUT_MS = 300_000;
/** Milliseconds that a sender waits for a receiver to listen. */
export const DEFAULT_SEND_CONNECT_MS = 60_000;
/** Milliseconds that a receiver waits for its sender. */
export const DEFAULT_RECEIVE_CONNECT_MS = 300_000;
