/**
 * A process whose files may not grow beyond a limit (`ulimit -f`), as on a full disk: fills the store at argv[2] until a commit
 * fails, then tells what works. Prints one line of JSON.
 */
import { openSqliteStore, StoreError } from '../../../src/control-plane/store/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { aBatch, aRun, insert, runId } from './rows.ts';

const BATCHES_MAX = 1_000;
const store = openSqliteStore({ file: process.argv[2] ?? '', inline: true, clock: systemClock });
const { epoch } = await store.open();
const bytes = new Uint8Array(16 * 1024);
const kinds: string[] = [];
let acknowledged = 0;

async function commit(number: number): Promise<void> {
  try {
    await store.commit(
      aBatch(epoch, { ...insert(aRun(number)), blobs: [{ runId: runId(number), blobId: 'b', bytes }] }),
    );
    acknowledged += 1;
  } catch (error) {
    kinds.push(error instanceof StoreError ? error.kind : String(error));
  }
}

for (let number = 1; number <= BATCHES_MAX && kinds.length === 0; number++) await commit(number);
const readable = (await store.loadQueuedRuns('', BATCHES_MAX)).length;
await store.reopen();
await commit(BATCHES_MAX + 1);
await store.reopen();
await store.commit(aBatch(epoch));
console.log(JSON.stringify({ acknowledged, readable, kinds }));
