/**
 * A step failed: who handles it, and what follows. A failure is handled by the step's own `onFailure: continue` or by the
 * policy of a parallel around it; otherwise the run enters ENDING at once.
 */

import type { Draft } from './decision.ts';
import { beginEnding } from './ending.ts';
import type { Failure } from './events.ts';
import { nodeAt, type RunState } from './state.ts';
import { stopSiblings } from './stop.ts';
import { wake } from './wake.ts';

export function failStep(draft: Draft, index: number, status: 'FAILED' | 'TIMED_OUT', failure: Failure): void {
  const { state } = draft;
  draft.emit({ type: 'StepFailed', at: draft.now, path: nodeAt(state, index).id, status, failure });
  wake(draft, index);
  react(draft, index, failure);
}

function react(draft: Draft, index: number, failure: Failure): void {
  const { state } = draft;
  let node = nodeAt(state, index);
  for (;;) {
    if (node.onFailure === 'continue') return;
    if (node.parent < 0) break;
    const parent = nodeAt(state, node.parent);
    if (parent.kind === 'parallel') {
      if (parent.onFailure === 'failFast') stopSiblings(draft, parent.index);
      return;
    }
    node = parent;
  }
  if (!node.isCleanup) beginEnding(draft, 'FAILED', failure);
}

/** True when dependents may run although this node failed. */
export function isHandled(state: RunState, index: number): boolean {
  return nodeAt(state, index).onFailure === 'continue';
}
