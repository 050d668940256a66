/** A condition: its branch is chosen once, when it opens; what stands in the others will not run. */
import type { CompiledConditionNode } from '../../workflow/compiled.ts';
import type { Draft } from './decision.ts';
import { requireValues, scopeOf } from './outputs.ts';
import type { Step } from './state.ts';
import { isStepOver } from './status.ts';
import { stepAt } from './step-tree.ts';

/** Throws MissingValues, and what the condition throws, before it has emitted anything. */
export function openCondition(draft: Draft, { path, frame }: Step, { branches, choice }: CompiledConditionNode): void {
  const isOver = (slot: number): boolean => isStepOver(stepAt(frame, slot).status);
  // Another try goes on in the branch whose steps it took over.
  let branch = branches.findIndex((steps) => steps.some(isOver));
  if (branch < 0) {
    requireValues(draft, frame, choice);
    branch = choice.choose(scopeOf(draft, frame));
  }
  draft.emit({ type: 'BlockStarted', at: draft.now, path, branch });
  // Nobody has to be woken: whatever depends on these steps stands beside them and is skipped, too.
  for (const slot of branches.filter((_, i) => i !== branch).flat()) {
    draft.emit({ type: 'StepSkipped', at: draft.now, path: stepAt(frame, slot).path, reason: 'BRANCH' });
  }
}
