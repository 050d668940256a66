import { DatabaseSync } from 'node:sqlite';
import { YardmasterError } from '../../../core/errors.ts';
import { StoreError } from '../port.ts';
import { createPrivateFile } from './create-file.ts';
import { CACHE_KIB, LOG_BYTES_MAX, type SqliteTuning } from './tuning.ts';

/** Opens the file in WAL mode, which recovers what the last process left in the log. */
export function openDatabase(file: string, tuning: SqliteTuning): DatabaseSync {
  createPrivateFile(file);
  const db = new DatabaseSync(file, { timeout: tuning.busyTimeoutMs });
  try {
    const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
    if (mode !== 'wal')
      throw new YardmasterError('STORE_CORRUPT', `cannot open store "${file}": no WAL on this file system`);
    db.exec(`
      PRAGMA synchronous = ${tuning.synchronous};
      PRAGMA wal_autocheckpoint = ${tuning.checkpointPages};
      PRAGMA journal_size_limit = ${LOG_BYTES_MAX};
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA temp_store = MEMORY;
    `);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Moves the whole log into the file and empties it. Throws BUSY when a reader is in the way. */
export function truncateLog(db: DatabaseSync): void {
  const row = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
  if (row?.busy !== 0) throw new StoreError('BUSY', 'cannot checkpoint the store: somebody reads it');
}
