import type { Draft } from './decision.ts';
import { nodeAt, recordAt } from './state.ts';

/** Tells everyone who waits for a node that it is over. The work list is a stack: the first dependent is pushed last. */
export function wake(draft: Draft, index: number): void {
  const node = nodeAt(draft.state, index);
  for (const dependent of node.dependents.toReversed()) {
    if (recordAt(draft.state, dependent).pendingDependencies === 0) draft.work.push(dependent);
  }
  if (node.parent >= 0) draft.work.push(node.parent);
}
