/**
 * Writes runs into the store at argv[2] with `synchronous` argv[3], two batches at a time, until it is killed. Prints the id of
 * each run once its commit has resolved, and the kind of an error; after an error it reopens and goes on.
 */
import { openSqliteStore, StoreError } from '../../../src/control-plane/store/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { aBatch, aJournal, aRun, aTask, insert, runId } from '../../contract/store/rows.ts';

const [, , file = '', synchronous = 'FULL'] = process.argv;
const store = openSqliteStore({
  file,
  clock: systemClock,
  tuning: { synchronous: synchronous === 'NORMAL' ? 'NORMAL' : 'FULL' },
});
const { epoch } = await store.open();

// On POSIX a pipe is written at once: what was acknowledged is told even if the kill comes now.
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

async function write(number: number): Promise<void> {
  const journal = [aJournal(number, 0, 'extract', 'transform')];
  await store.commit(aBatch(epoch, { ...insert(aRun(number)), journal, tasks: [aTask(number, 'extract', 1)] }));
  print(runId(number));
}

for (let number = 1; ; number += 2) {
  const results = await Promise.allSettled([write(number), write(number + 1)]);
  const failed = results.filter((result) => result.status === 'rejected');
  for (const { reason } of failed) print(reason instanceof StoreError ? reason.kind : String(reason));
  if (failed.length > 0) await store.reopen();
}
