import type { Draft } from './decision.ts';
import { nodeAt, recordAt } from './state.ts';

/** Tells everyone who waits for a node that it is over. */
export function wake(draft: Draft, index: number): void {
  const node = nodeAt(draft.state, index);
  for (const dependent of node.dependents) {
    if (recordAt(draft.state, dependent).pendingDependencies === 0) draft.work.push(dependent);
  }
  if (node.parent >= 0) draft.work.push(node.parent);
}
