/** Who stands where: the frame of a step, the block around it, what is in it, what belongs to it, and what that means for its end. */
import type { CompiledPolicy } from '../../workflow/compiled.ts';
import { type BlockStep, type Frame, isBlockStep, isLoopStep, isMapStep, type Step } from './state.ts';

export function stepAt(frame: Frame, slot: number): Step {
  const step = frame.steps[slot];
  if (step === undefined) throw new RangeError(`no step in slot ${slot} of frame "${frame.prefix}"`);
  return step;
}

/** The frame that the children of a block are in; undefined for a loop between two iterations, and for a map, which has many. */
export function frameInside(block: BlockStep): Frame | undefined {
  if (isMapStep(block)) return undefined;
  return isLoopStep(block) ? block.detail?.loop?.frame : block.frame;
}

/** What the failure of a child, or of an item, means for a block that has a policy; undefined for all others. */
export function policyOf({ node }: Step): CompiledPolicy | undefined {
  return node.kind === 'parallel' || node.kind === 'map' ? node : undefined;
}

/** True for a block that completes although children failed. */
export function tolerates(step: Step): boolean {
  const policy = policyOf(step);
  return policy?.onFailure === 'continue' || policy?.quorum !== undefined;
}

const NO_FRAMES: readonly Frame[] = [];

/** The frames that a step has opened and that are not over. */
export function framesOf(step: Step): readonly Frame[] {
  if (isMapStep(step)) return [...(step.detail?.map?.frames.values() ?? [])];
  const frame = isLoopStep(step) ? step.detail?.loop?.frame : undefined;
  return frame === undefined ? NO_FRAMES : [frame];
}

/** The block around a step; undefined at the top of the run, and for a step that belongs to another. */
export function parentOf({ node, frame }: Step): BlockStep | undefined {
  if (node.attached !== undefined) return undefined;
  if (node.parent < 0) return frame.owner;
  const found = stepAt(frame, node.parent);
  return isBlockStep(found) ? found : undefined;
}

const NO_STEPS: readonly Step[] = [];

/** Of a loop those of the iteration that runs, of a map those of the items that run. */
export function childrenOf(step: Step): readonly Step[] {
  if (isMapStep(step)) return framesOf(step).flatMap((frame) => step.node.children.map((slot) => stepAt(frame, slot)));
  const inside = isBlockStep(step) ? frameInside(step) : undefined;
  return inside !== undefined && isBlockStep(step) ? step.node.children.map((slot) => stepAt(inside, slot)) : NO_STEPS;
}

/**
 * True for steps that still run while the run is ENDING: `finally`, compensations, `runOn: failure | always`, and what is
 * inside them or belongs to them.
 */
export function isProtected(step: Step): boolean {
  for (let current: Step | undefined = step; current !== undefined; current = ownerOf(current) ?? parentOf(current)) {
    if (current.node.isCleanup || current.node.runOn !== 'success') return true;
  }
  return false;
}

/** How much of a map is done, from 0 to 1; 0 for all other steps. */
export function shareOfItems({ detail }: Step): number {
  const { count, ended } = detail?.map ?? { count: 0, ended: 0 };
  return count === 0 ? 0 : ended / count;
}

/** The step that a fallback or a compensation belongs to. */
export function ownerOf({ node, frame }: Step): Step | undefined {
  return node.attached === undefined ? undefined : stepAt(frame, node.attached.owner);
}

export function fallbackOf({ node, frame }: Step): Step | undefined {
  return node.fallback === undefined ? undefined : stepAt(frame, node.fallback);
}

export function compensationOf({ node, frame }: Step): Step | undefined {
  return node.compensate === undefined ? undefined : stepAt(frame, node.compensate);
}

/** It failed, and its fallback decides what becomes of it. */
export function isFallingBack({ detail }: Step): boolean {
  return detail?.fellBack !== undefined;
}

/** False for a fallback or a compensation that nobody called for: there is nothing to tell of it. */
export function isCalledFor({ node, status, detail }: Step): boolean {
  if (node.attached === undefined) return true;
  return status === 'SKIPPED' ? detail?.skip !== undefined : status !== 'PENDING';
}
