import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore, type SqliteStoreOptions, type Store } from '../../src/control-plane/store/index.ts';
import { startStoreWorker, WorkerLink } from '../../src/control-plane/store/sqlite/worker-link.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { YardmasterError } from '../../src/core/errors.ts';
import { aBatch, aJournal, aRun, insert, runId } from './store/rows.ts';

const run = promisify(execFile);
const OPEN_FILE = fileURLToPath(new URL('./store/open-file.ts', import.meta.url));
const FILL_DISK = fileURLToPath(new URL('./store/fill-disk.ts', import.meta.url));

describe('the SQLite store', () => {
  let folder: string;
  let file: string;
  const stores: Store[] = [];

  function create(options: Partial<SqliteStoreOptions> = {}): Store {
    const store = openSqliteStore({ file, inline: true, clock: systemClock, ...options });
    stores.push(store);
    return store;
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'yardmaster-sqlite-'));
    file = join(folder, 'deep', 'store.db');
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    rmSync(folder, { recursive: true });
  });

  describe('ownership', () => {
    it('refuses a second control plane in another process and names the pid and address of the first', async () => {
      await create({ address: '127.0.0.1:7420' }).open();
      const { stdout } = await run(process.execPath, [OPEN_FILE, file]);
      const answer = JSON.parse(stdout) as YardmasterError;
      expect(answer.code).toBe('STORE_OWNED');
      expect(answer.message).toContain(`pid ${process.pid} at 127.0.0.1:7420`);
      expect(answer.meta).toMatchObject({ pid: String(process.pid) });
    });

    it('refuses a second store in the same process, and the first goes on', async () => {
      const first = create();
      const { epoch } = await first.open();
      await expect(create().open()).rejects.toMatchObject({ code: 'STORE_OWNED' });
      await expect(create({ inline: false }).open()).rejects.toMatchObject({ code: 'STORE_OWNED' });
      await first.commit(aBatch(epoch, insert(aRun(1))));
      const { stdout } = await run(process.execPath, [OPEN_FILE, file]);
      expect(JSON.parse(stdout)).toMatchObject({ code: 'STORE_OWNED' });
    });

    it('lets the next one in after a close', async () => {
      const first = create();
      const { epoch } = await first.open();
      await first.close();
      const { stdout } = await run(process.execPath, [OPEN_FILE, file]);
      expect(JSON.parse(stdout)).toEqual({ epoch: epoch + 1 });
    });
  });

  describe('opening', () => {
    it('creates files that only their owner may read', async () => {
      const store = create();
      const { epoch } = await store.open();
      await store.commit(aBatch(epoch, insert(aRun(1))));
      const names = readdirSync(join(folder, 'deep')).sort();
      expect(names).toEqual(['store.db', 'store.db-owner', 'store.db-shm', 'store.db-wal']);
      for (const name of names) expect(statSync(join(folder, 'deep', name)).mode & 0o777, name).toBe(0o600);
    });

    it('refuses the schema of a newer program and leaves the file alone', async () => {
      const store = create();
      const { schemaVersion } = await store.open();
      await store.close();
      const db = new DatabaseSync(file);
      db.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
      db.close();
      await expect(create().open()).rejects.toMatchObject({
        code: 'SCHEMA_NEWER',
        message: expect.stringContaining(`version ${schemaVersion + 1}`),
      });
      const after = new DatabaseSync(file);
      expect(after.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()?.value).toBe(1);
      after.close();
    });

    it('refuses a SQLite file of another program', async () => {
      const other = join(folder, 'other.db');
      const db = new DatabaseSync(other);
      db.exec('CREATE TABLE mine (x)');
      db.close();
      await expect(create({ file: other }).open()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    });

    it('says what is wrong with a place where no file can be', async () => {
      writeFileSync(join(folder, 'plain'), '');
      await expect(create({ file: join(folder, 'plain', 'store.db') }).open()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(/^cannot open store ".*plain\/store\.db": E/),
      });
    });

    it('refuses a file that is no database', async () => {
      const other = join(folder, 'notes.txt');
      writeFileSync(other, 'not a database, but longer than one page header is. '.repeat(40));
      await expect(create({ file: other }).open()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      expect(statSync(other).size).toBe(2080);
    });
  });

  it('answers BUSY while somebody else writes, and goes on after a reopen', async () => {
    const store = create({ tuning: { busyTimeoutMs: 0 } });
    const { epoch } = await store.open();
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.commit(aBatch(epoch, insert(aRun(1))))).rejects.toMatchObject({ kind: 'BUSY' });
    expect(await store.loadQueuedRuns('', 9)).toEqual([]);
    other.exec('ROLLBACK');
    other.close();
    await store.reopen();
    await store.commit(aBatch(epoch, insert(aRun(1))));
    expect(await store.loadQueuedRuns('', 9)).toHaveLength(1);
  });

  it('fails a run whose journal is damaged with STORE_CORRUPT, and no other', async () => {
    const store = create();
    const { epoch } = await store.open();
    await store.commit(aBatch(epoch, { journal: [aJournal(1, 0, 'a'), aJournal(2, 0, 'a')] }));
    const other = new DatabaseSync(file);
    other.prepare("UPDATE journal SET events = x'12ff' WHERE run_id = ?").run(runId(1));
    other.close();
    await expect(store.loadJournal(runId(1), 0, 9)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(await store.loadJournal(runId(2), 0, 9)).toHaveLength(1);
  });

  it('acknowledges nothing on a full disk, reads on, and goes on without a restart', async () => {
    const limit = 'ulimit -f 1024; exec "$0" "$1" "$2"';
    const { stdout } = await run('/bin/sh', ['-c', limit, process.execPath, FILL_DISK, file]);
    const { acknowledged, readable, kinds } = JSON.parse(stdout) as Record<string, unknown>;
    expect(kinds).toEqual(['FULL', 'FULL']);
    expect(acknowledged).toBeGreaterThan(0);
    expect(readable).toBe(acknowledged);
    const store = create();
    await store.open();
    expect(await store.loadQueuedRuns('', 1000)).toHaveLength(Number(acknowledged));
  });

  describe('the worker thread', () => {
    const workers: Worker[] = [];
    const fatal: YardmasterError[] = [];

    function createWithWorkers(): Store {
      workers.length = 0;
      fatal.length = 0;
      const startWorker = (): Worker => {
        const worker = startStoreWorker();
        workers.push(worker);
        return worker;
      };
      return create({ link: new WorkerLink({ startWorker, onFatal: (error) => fatal.push(error) }) });
    }

    it('is started again once: the batch under way is UNCLEAR, and after a reopen the store goes on', async () => {
      const store = createWithWorkers();
      const { epoch } = await store.open();
      await store.commit(aBatch(epoch, insert(aRun(1))));
      const lost = store.commit(aBatch(epoch, insert(aRun(2))));
      await Promise.all([workers[0]?.terminate(), expect(lost).rejects.toMatchObject({ kind: 'UNCLEAR' })]);
      await expect(store.commit(aBatch(epoch, insert(aRun(3))))).rejects.toMatchObject({ kind: 'ABANDONED' });
      await store.reopen();
      await store.commit(aBatch(epoch, insert(aRun(4))));
      const runIds = (await store.loadQueuedRuns('', 9)).map((row) => row.runId);
      expect(runIds.filter((id) => id !== runId(2))).toEqual([runId(1), runId(4)]);
      expect(fatal).toEqual([]);
      expect(workers).toHaveLength(2);
    });

    it('reports a second death once and answers CLOSED from then on', async () => {
      const store = createWithWorkers();
      const { epoch } = await store.open();
      await workers[0]?.terminate();
      await store.reopen();
      await store.commit(aBatch(epoch, insert(aRun(1))));
      await workers[1]?.terminate();
      await expect(store.commit(aBatch(epoch))).rejects.toMatchObject({ kind: 'CLOSED' });
      await expect(store.getRun('default', runId(1))).rejects.toMatchObject({ kind: 'CLOSED' });
      expect(fatal.map((error) => error.code)).toEqual(['STORE_LOST']);
      expect(workers).toHaveLength(2);
    });

    it('checkpoints in a pause, so that the log does not grow for ever', async () => {
      const store = create({ inline: false });
      const { epoch } = await store.open();
      const bytes = new Uint8Array(200_000);
      for (const number of [1, 2, 3]) {
        await store.commit(aBatch(epoch, { blobs: [{ runId: runId(number), blobId: 'b', bytes }] }));
      }
      await expect.poll(() => statSync(file).size).toBeGreaterThan(600_000);
    });
  });
});
