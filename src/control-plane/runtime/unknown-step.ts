/** What is said of a step that somebody asked for and that the run does not have, or has no longer. */
import { YardmasterError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import { nodeOf, shownSteps } from '../engine/frames.ts';
import type { RunState } from '../engine/state.ts';

export function stepNotFound(state: RunState, path: string, action = 'explain'): YardmasterError {
  const { runId, workflow } = state;
  return new YardmasterError(
    'STEP_NOT_FOUND',
    `Cannot ${action} step "${path}": run "${runId}" ${factOf(state, path)}`,
    {
      next: `yardmaster runs get ${runId}, or workflows get ${workflow.name}`,
    },
  );
}

function factOf(state: RunState, path: string): string {
  const node = nodeOf(state, path);
  const isInside = node !== undefined && node.owner >= 0;
  if (isInside && path.includes('/')) return 'has it no longer, or not yet: its iteration or item does not run';
  if (isInside)
    return `has it within a loop or a map: its path names the iteration or item, such as ${exampleOf(state, path)}`;
  const names = new Set([...state.workflow.indexById.keys(), ...shownSteps(state).map((step) => step.path)]);
  const near = nearest(path, names);
  return near === undefined ? 'has no such step' : `has no such step; did you mean "${near}"?`;
}

/** One that runs, if there is one. */
function exampleOf(state: RunState, id: string): string {
  return shownSteps(state).find((step) => step.node.id === id && step.path !== id)?.path ?? `LOOP/1/${id}`;
}
