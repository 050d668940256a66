/** What a run says of the attempts of one of its steps, for readers of what they write. */
import { YardmasterError } from '../../core/errors.ts';
import { attemptsOf } from '../engine/attempts.ts';
import { findStep, nodeOf } from '../engine/frames.ts';
import { isAgentStep, type RunState } from '../engine/state.ts';
import { isRunOver, isStepOver } from '../engine/status.ts';
import type { OutputHead } from '../store/port.ts';
import type { OutputFacts } from './output-watch.ts';
import { stepNotFound } from './unknown-step.ts';

/** Undefined: the step is in none of the iterations or items that run. Throws STEP_NOT_FOUND and NO_OUTPUT. */
export function outputFactsOf(state: RunState, path: string): OutputFacts | undefined {
  const { runId, position } = state;
  const step = findStep(state, path);
  if (step === undefined) {
    if (nodeOf(state, path) === undefined || !path.includes('/')) throw stepNotFound(state, path, 'read the output of');
    return undefined;
  }
  if (!isAgentStep(step)) throw noOutput(path, step.node.kind);
  const attempts = attemptsOf(step);
  const winner = attempts.findLast(({ outcome }) => outcome === 'COMPLETED')?.number;
  const isOver = isStepOver(step.status);
  return {
    runId,
    position,
    newest: attempts.at(-1)?.number ?? 0,
    winner,
    status: isOver ? step.status : undefined,
    isOver: isOver || isRunOver(state.status),
  };
}

/** Of an iteration or an item that is over: what is stored is all there is. */
export function factsOfGone(state: RunState, path: string, last: OutputHead | undefined): OutputFacts {
  if (last === undefined) throw stepNotFound(state, path, 'read the output of');
  const { runId, position } = state;
  return { runId, position, newest: last.attempt, winner: undefined, status: undefined, isOver: true };
}

function noOutput(path: string, kind: string): YardmasterError {
  return new YardmasterError(
    'NO_OUTPUT',
    `Cannot read the output of step "${path}": it is a ${kind}, and no agent writes`,
    {
      next: 'name an agent step; yardmaster runs get lists them',
    },
  );
}
