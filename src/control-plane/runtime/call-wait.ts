/**
 * What only calls can do to each other: the handler that waits for a call holds a slot, and when the call needs that very slot, neither
 * goes on until one of them times out. Nobody can tell from the outside whether the slot would have become free, so it is told, not
 * prevented.
 */
import { formatAttemptId } from '../../core/ids.ts';
import { liveAttempts } from '../engine/attempts.ts';
import { findAgentStep } from '../engine/frames.ts';
import type { RunState } from '../engine/state.ts';
import type { Candidate, Explanation } from '../scheduler/types.ts';
import type { StepExplanation } from './control-plane.ts';

/** Attempts that wait for the end of a run, directly or by way of other calls, by the instance that holds them. */
export function callersOf(state: RunState, peek: (runId: string) => RunState | undefined): ReadonlyMap<string, string> {
  const callers = new Map<string, string>();
  for (let { parent } = state; parent !== undefined; ) {
    const { runId, path } = parent;
    const above = peek(runId);
    const step = above === undefined ? undefined : findAgentStep(above, path);
    for (const { instanceId, number } of step === undefined ? [] : liveAttempts(step))
      callers.set(instanceId, formatAttemptId({ runId, path, number }));
    parent = above?.parent;
  }
  return callers;
}

/** The same, and which of those that are full are so with who waits for this step. */
export function tellCallers(explained: StepExplanation, callers: ReadonlyMap<string, string>): StepExplanation {
  const { wait, explanation } = explained;
  const isHeld = ({ reason, instanceId }: Candidate): boolean =>
    (reason === 'busy' || reason === 'concurrency') && callers.has(instanceId);
  const held = explanation.candidates.find(isHeld);
  if (held === undefined) return explained;
  const told: Explanation = {
    ...explanation,
    candidates: explanation.candidates.map((candidate) =>
      isHeld(candidate)
        ? {
            ...candidate,
            detail: `${candidate.detail}; ${callers.get(candidate.instanceId)} there waits for this step`,
          }
        : candidate,
    ),
  };
  if (wait.reason !== 'NO_SLOT') return { ...explained, explanation: told };
  const summary = `${wait.summary}; ${callers.get(held.instanceId)}, which waits for this step, holds one of them`;
  const next = `more slots on ${held.agentId}, or another agent that offers the same`;
  return { ...explained, explanation: told, wait: { ...wait, summary, next } };
}
