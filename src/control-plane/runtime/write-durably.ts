/** Rows that must be durable before what they tell is done. */
import type { Committer } from './committer.ts';
import type { StagedBatch } from './staged-batch.ts';

/**
 * Resolves when what `add` put into a batch is durable. A commit that failed is made again: after an unclear one nobody knows,
 * and the rows are the same.
 */
export async function writeDurably(committer: () => Committer, add: (batch: StagedBatch) => void): Promise<void> {
  for (let isDurable = false; !isDurable; ) {
    const writer = committer();
    const batch = writer.current;
    add(batch);
    const settled = new Promise<boolean>((resolve) => batch.onSettled.push(resolve));
    writer.kick();
    isDurable = await settled;
  }
}
