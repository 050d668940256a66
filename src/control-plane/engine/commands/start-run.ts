import { advance } from '../advance.ts';
import type { Decision, StartRun } from '../commands.ts';
import { type DecideContext, Draft } from '../decision.ts';
import type { RunCreated } from '../events.ts';
import { createRunState, type RunState } from '../state.ts';
import { beginRun, openRun } from './admit-run.ts';

/** Creates the run, takes over what another try takes over, and starts what has no dependencies left, unless it is queued. */
export function startRun(
  command: StartRun,
  context: DecideContext,
): { readonly state: RunState; readonly decision: Decision } {
  const { workflow } = command;
  const created: RunCreated = {
    type: 'RunCreated',
    at: context.now,
    runId: command.runId,
    namespace: command.namespace,
    workflow: workflow.name,
    version: workflow.version,
    params: command.params,
    priority: command.priority,
    ...(command.requestId === undefined ? {} : { requestId: command.requestId }),
    ...(command.labels === undefined ? {} : { labels: command.labels }),
    ...(command.retry === undefined ? {} : { retryOf: command.retry.of }),
    ...(command.rerunOf === undefined ? {} : { rerunOf: command.rerunOf }),
    ...(command.parent === undefined ? {} : { parent: command.parent }),
  };
  const state = createRunState(created, workflow);
  const draft = new Draft(state, context);
  draft.adopt(created);
  const isQueued = command.queued === true;
  if (!isQueued) beginRun(draft, command.timeoutMs);
  for (const step of command.retry?.steps ?? []) draft.emit({ ...step, at: context.now });
  if (!isQueued) openRun(draft);
  advance(draft);
  return { state, decision: draft.finish() };
}
