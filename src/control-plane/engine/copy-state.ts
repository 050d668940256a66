import {
  type BodyStep,
  type Frame,
  isBodyStep,
  type LoopDetail,
  type MapDetail,
  type RunState,
  Step,
  type StepDetail,
} from './state.ts';

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

function copyFrame(frame: Frame, owner: BodyStep | undefined): Frame {
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
  if (!isBodyStep(owner)) return copy;
  return { ...copy, loop: detail.loop && copyLoop(detail.loop, owner), map: detail.map && copyMap(detail.map, owner) };
}

function copyLoop(loop: LoopDetail, owner: BodyStep): LoopDetail {
  return { ...loop, frame: loop.frame && copyFrame(loop.frame, owner), kept: copyFrames(loop.kept, owner) };
}

function copyMap(map: MapDetail, owner: BodyStep): MapDetail {
  const { frames, kept, outputs } = map;
  return { ...map, frames: copyFrames(frames, owner), kept: copyFrames(kept, owner), outputs: [...outputs] };
}

function copyFrames(frames: ReadonlyMap<number, Frame>, owner: BodyStep): Map<number, Frame> {
  return new Map([...frames].map(([number, frame]) => [number, copyFrame(frame, owner)]));
}
