import { type Frame, isLoopStep, type LoopStep, type RunState, Step, type StepDetail } from './state.ts';

/** A copy of a run's state for readers: it shares what never changes (the definition, stored values) and nothing else. */
export function copyState(state: RunState): RunState {
  return {
    ...state,
    cleanupFailures: [...state.cleanupFailures],
    owed: [...state.owed],
    root: copyFrame(state.root, undefined),
    signals: [...state.signals],
    signalRequests: new Map(state.signalRequests),
  };
}

function copyFrame(frame: Frame, owner: LoopStep | undefined): Frame {
  const copy: Frame = { ...frame, owner, steps: [] };
  for (const step of frame.steps) copy.steps.push(copyStep(step, copy));
  return copy;
}

function copyStep(step: Step, frame: Frame): Step {
  const copy = Object.assign(new Step(step.node, frame), step, { frame });
  if (step.detail !== undefined) copy.detail = copyDetail(step.detail, copy);
  return copy;
}

function copyDetail(detail: StepDetail, owner: Step): StepDetail {
  const copy = { ...detail, attempts: detail.attempts.map((attempt) => ({ ...attempt })) };
  const { loop } = detail;
  if (loop === undefined || !isLoopStep(owner)) return copy;
  const frame = loop.frame === undefined ? undefined : copyFrame(loop.frame, owner);
  return { ...copy, loop: { ...loop, frame, kept: copyKept(loop.kept, owner) } };
}

function copyKept(kept: ReadonlyMap<number, Frame>, owner: LoopStep): Map<number, Frame> {
  return new Map([...kept].map(([number, frame]) => [number, copyFrame(frame, owner)]));
}
