import { type Batch, StoreError } from './port.ts';

/** Rows that a batch writes, for `stats`. */
export function countRows(batch: Batch): number {
  return (
    batch.journal.length +
    batch.snapshots.length +
    batch.runs.length +
    batch.tasks.length +
    batch.tasksDeleted.length +
    batch.checkpoints.length +
    batch.blobs.length +
    batch.blobCopies.length +
    batch.outputs.reduce((sum, { chunks }) => sum + chunks.length, 0) +
    batch.agentEvents.length +
    batch.audit.length +
    batch.schedules.length +
    batch.agentLabels.length
  );
}

/** Parts of a blob come in order; part 0 starts it again. */
export function partOutOfOrder(blobId: string, part: number, expected: number): StoreError {
  return new StoreError('CONFLICT', `cannot store part ${part} of blob "${blobId}": the next is part ${expected}`);
}
