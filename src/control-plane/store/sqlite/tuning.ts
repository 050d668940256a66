/** How SQLite is run. Not configuration: tests change it to show that it matters. */
export interface SqliteTuning {
  /** FULL: each commit is fsynced. NORMAL loses acknowledged batches with the power. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** How long a write waits for somebody else's lock (a backup, a person with the sqlite3 shell). */
  readonly busyTimeoutMs: number;
  /** A commit that leaves this many pages in the log also checkpoints; each such commit takes tens of milliseconds. */
  readonly checkpointPages: number;
}

export const DEFAULT_TUNING: SqliteTuning = {
  synchronous: 'FULL',
  busyTimeoutMs: 1_000,
  // 16 MiB of log: about one commit in several hundred, which does not show in p99.
  checkpointPages: 4_000,
};

/** A pause this long, after batches of so many bytes, is used to checkpoint before the log gets to `checkpointPages`. */
export const IDLE_CHECKPOINT_MS = 25;
export const IDLE_CHECKPOINT_BYTES = 256 * 1024;

/**
 * Page cache of the connection. Small on purpose: a commit that rebalanced a tree walks all of the cache (SQLite renumbers pages by
 * way of a number above all others, and drops what is above the file's end), and a miss is only a copy out of the system's cache.
 */
export const CACHE_KIB = 4_096;
/** The size to which the log is cut when it grew for once. */
export const LOG_BYTES_MAX = 64 * 1024 * 1024;
