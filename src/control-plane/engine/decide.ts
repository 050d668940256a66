/**
 * PURE: what follows from a command. `state` is changed in place by the events that are emitted (through `evolve`); when
 * `decide` throws, the state is spoilt and its owner reloads it.
 */
import { advance } from './advance.ts';
import { admitRun } from './commands/admit-run.ts';
import { assignStep } from './commands/assign-step.ts';
import { cancelRun } from './commands/cancel-run.ts';
import { beginChild, settleChild } from './commands/child-run.ts';
import { endAttempt, rerouteAttempt, returnAttempt } from './commands/end-attempt.ts';
import { failRun } from './commands/fail-run.ts';
import { pauseRun, resumeRun } from './commands/pause-run.ts';
import { confirmStop, settleAttempt } from './commands/settle-attempt.ts';
import { signalRun } from './commands/signal-run.ts';
import { timerFired } from './commands/timer-fired.ts';
import type { Command, Decision, StartRun } from './commands.ts';
import { type DecideContext, Draft, MissingValues, RUN } from './decision.ts';
import { findStep } from './frames.ts';
import type { RunState } from './state.ts';

export function decide(state: RunState, command: Exclude<Command, StartRun>, context: DecideContext): Decision {
  const draft = new Draft(state, context);
  try {
    apply(draft, command);
  } catch (error) {
    if (error instanceof MissingValues && draft.eventCount === 0)
      return draft.finish({ command, blobIds: error.blobIds });
    throw error;
  }
  advance(draft);
  return draft.finish();
}

function apply(draft: Draft, command: Exclude<Command, StartRun>): void {
  switch (command.type) {
    case 'AdmitRun':
      return admitRun(draft);
    case 'AssignStep':
      return assignStep(draft, command);
    case 'SettleAttempt':
      return settleAttempt(draft, command);
    case 'EndAttempt':
      return endAttempt(draft, command);
    case 'RerouteAttempt':
      return rerouteAttempt(draft, command);
    case 'ReturnAttempt':
      return returnAttempt(draft, command);
    case 'TimerFired':
      return timerFired(draft, command);
    case 'ConfirmStop':
      return confirmStop(draft, command);
    case 'CancelRun':
      return cancelRun(draft, command);
    case 'PauseRun':
      return pauseRun(draft, command);
    case 'ResumeRun':
      return resumeRun(draft);
    case 'SignalRun':
      return signalRun(draft, command);
    case 'BeginChild':
      return beginChild(draft, command);
    case 'SettleChild':
      return settleChild(draft, command);
    case 'FailRun':
      return failRun(draft, command);
    case 'Continue':
      return resume(draft, command.paths);
  }
}

function resume(draft: Draft, paths: readonly string[]): void {
  for (const path of paths) {
    const step = path === RUN ? undefined : findStep(draft.state, path);
    if (step !== undefined) draft.work.push(step);
  }
}
