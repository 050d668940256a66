/**
 * The real SQL in a part of the seeds: every batch that lands in the model store is written to SQLite as well, and everything
 * that is read comes from there. Faults and crashes stay the model's, so that they come when the seed says.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore, type Store } from '../../src/control-plane/store/index.ts';
import type { Clock } from '../../src/core/clock.ts';

/** One file that outlives the processes of one world. */
export class SqlDisk {
  private readonly folder = mkdtempSync(join(tmpdir(), 'yardmaster-sim-'));

  open(clock: Clock): Store {
    // Nothing here survives the machine, so nothing is worth an fsync.
    return openSqliteStore({
      file: join(this.folder, 'sim.db'),
      inline: true,
      clock,
      tuning: { synchronous: 'NORMAL' },
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Writes go to both, reads to `sql`. Batches reach `sql` when they land. */
export function mirrored(model: Store, sql: Store): Store {
  return {
    open: async () => {
      await sql.open();
      return model.open();
    },
    reopen: () => model.reopen(),
    close: async () => {
      await model.close();
      await sql.close();
    },
    commit: (batch) => model.commit(batch),
    putBlobPart: async (runId, blobId, part, bytes) => {
      await model.putBlobPart(runId, blobId, part, bytes);
      await sql.putBlobPart(runId, blobId, part, bytes);
    },
    putWorkflow: async (...row) => {
      await model.putWorkflow(...row);
      return sql.putWorkflow(...row);
    },
    prune: async (before, limit) => {
      await model.prune(before, limit);
      return sql.prune(before, limit);
    },
    loadActiveRuns: (after, limit) => sql.loadActiveRuns(after, limit),
    loadQueuedRuns: (after, limit) => sql.loadQueuedRuns(after, limit),
    loadTasks: (after, limit) => sql.loadTasks(after, limit),
    loadJournal: (runId, from, limit) => sql.loadJournal(runId, from, limit),
    loadSnapshot: (runId) => sql.loadSnapshot(runId),
    getRun: (namespace, runId) => sql.getRun(namespace, runId),
    findRunByRequest: (namespace, requestId) => sql.findRunByRequest(namespace, requestId),
    listRuns: (query) => sql.listRuns(query),
    findRunsByTail: (namespace, tail, limit) => sql.findRunsByTail(namespace, tail, limit),
    getBlob: (runId, blobId) => sql.getBlob(runId, blobId),
    getOutput: (key) => sql.getOutput(key),
    findLastOutput: (runId, path) => sql.findLastOutput(runId, path),
    sumOutputs: (runId) => sql.sumOutputs(runId),
    loadChunks: (query) => sql.loadChunks(query),
    getWorkflow: (namespace, name, version) => sql.getWorkflow(namespace, name, version),
    listWorkflows: (namespace, after, limit) => sql.listWorkflows(namespace, after, limit),
    getSchedule: (key) => sql.getSchedule(key),
    loadSchedules: (after, limit) => sql.loadSchedules(after, limit),
    loadAgentLabels: (after, limit) => sql.loadAgentLabels(after, limit),
    listAgentEvents: (agentId, limit) => sql.listAgentEvents(agentId, limit),
    listAudit: (query) => sql.listAudit(query),
    stats: () => model.stats(),
  };
}
