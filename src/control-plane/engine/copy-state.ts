import type { RunState, StepDetail, StepRecord } from './state.ts';
import { StepRecord as Step } from './state.ts';

/** A copy of a run's state for readers: it shares what never changes (the definition, stored values) and nothing else. */
export function copyState(state: RunState): RunState {
  return { ...state, cleanupFailures: [...state.cleanupFailures], steps: state.steps.map(copyStep) };
}

function copyStep(record: StepRecord): StepRecord {
  const copy = Object.assign(new Step(record.pendingDependencies), record);
  if (record.detail !== undefined) copy.detail = copyDetail(record.detail);
  return copy;
}

function copyDetail(detail: StepDetail): StepDetail {
  return { ...detail, attempts: detail.attempts.map((attempt) => ({ ...attempt })) };
}
