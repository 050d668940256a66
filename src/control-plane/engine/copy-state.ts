import { type RunState, Step, type StepDetail } from './state.ts';

/** A copy of a run's state for readers: it shares what never changes (the definition, stored values) and nothing else. */
export function copyState(state: RunState): RunState {
  return {
    ...state,
    cleanupFailures: [...state.cleanupFailures],
    steps: state.steps.map(copyStep),
    signals: [...state.signals],
    signalRequests: new Map(state.signalRequests),
  };
}

function copyStep(step: Step): Step {
  const copy = Object.assign(new Step(step.node), step);
  if (step.detail !== undefined) copy.detail = copyDetail(step.detail);
  return copy;
}

function copyDetail(detail: StepDetail): StepDetail {
  return { ...detail, attempts: detail.attempts.map((attempt) => ({ ...attempt })) };
}
