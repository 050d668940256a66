/** What a child run is made from: the version of its workflow that is pinned now, and the parameters that its step gives. */
import type { Clock } from '../../core/clock.ts';
import { toYardmasterError, type YardmasterError } from '../../core/errors.ts';
import { shardOf } from '../../core/ids.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import { childDepthOf } from '../engine/child-runs.ts';
import type { ChildEnd, StartRun } from '../engine/commands.ts';
import type { Failure, ParentStep } from '../engine/events.ts';
import { EMPTY_INPUT } from '../engine/outputs.ts';
import type { ChildStep, RunState } from '../engine/state.ts';
import type { RunRow } from '../store/port.ts';
import type { Admission } from './admission.ts';
import type { Blobs } from './blobs.ts';
import type { Pending } from './run-holder.ts';
import { checkParameters, NO_CALLER, type Starts, toStored } from './starts.ts';
import { isUndecided } from './undecided.ts';

/** Problems of parameters that the failure of a step tells. */
const PROBLEMS_TOLD = 20;

/** What a step asks for. */
export interface WantedChild {
  readonly namespace: string;
  readonly parent: ParentStep;
  readonly workflow: string;
  /** 0: the latest. */
  readonly version: number;
  readonly priority: Priority;
  /** Of the parent. */
  readonly try: number;
  /** A value of the parent. */
  readonly input: StoredValue;
}

export function wantedBy(state: RunState, { path, node, input, detail }: ChildStep): WantedChild {
  const { runId, namespace, priority, try: asked } = state;
  return {
    namespace,
    parent: { runId, path, depth: childDepthOf(state) },
    workflow: node.workflow,
    version: detail?.child?.version ?? node.version,
    priority,
    try: asked,
    input: input ?? EMPTY_INPUT,
  };
}

export interface ChildStart extends Pick<Pending, 'attachment'> {
  readonly row: RunRow;
  readonly command: StartRun;
  readonly parent: ParentStep;
}

export interface ChildStartOptions {
  readonly clock: Clock;
  readonly starts: Pick<Starts, 'fit'>;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly admission: Pick<Admission, 'learn'>;
  readonly latest: (namespace: string, name: string, version: number) => Promise<CompiledWorkflow>;
}

/** Throws WORKFLOW_NOT_FOUND, PARAMETERS_INVALID and what reading the store throws. */
export async function makeChildStart(
  { clock, starts, blobs, admission, latest }: ChildStartOptions,
  wanted: WantedChild,
  runId: string,
): Promise<ChildStart> {
  const { namespace, parent, priority } = wanted;
  const what = startOf(wanted.workflow);
  const workflow = await latest(namespace, wanted.workflow, wanted.version);
  await admission.learn(namespace, workflow.name);
  const given = await blobs.read(parent.runId, wanted.input);
  checkParameters(what, given);
  const { params, attachment } = toStored(await starts.fit(what, workflow, given));
  const { name, version, labels } = workflow;
  const common = { runId, namespace, priority, labels };
  return {
    row: {
      ...common,
      shard: shardOf(runId),
      workflow: name,
      version,
      status: 'RUNNING',
      queuedAt: clock.now(),
      endedAt: undefined,
      requestId: undefined,
      inputHash: '',
      failureCode: undefined,
      retryOf: undefined,
      rerunOf: undefined,
      parentRunId: parent.runId,
      parentStep: parent.path,
      caller: NO_CALLER,
    },
    command: { type: 'StartRun', ...common, workflow, params, parent },
    parent,
    attachment,
  };
}

/** For refusals. */
export function startOf(workflow: string): string {
  return `start a child run of "${workflow}"`;
}

/** Why there is no child run, as the failure of its step. */
export function refusalOf({ code, message, problems }: YardmasterError): Failure {
  if (problems.length < 2) return { code, message };
  const told = problems.slice(0, PROBLEMS_TOLD).map((problem) => problem.message);
  return { code, message, details: { problems: told } };
}

/** What cannot be had is the failure of the step. Throws what is to be tried again. */
export async function orRefusal<T extends object>(make: () => Promise<T>): Promise<T | { readonly refused: ChildEnd }> {
  try {
    return await make();
  } catch (thrown) {
    const error = toYardmasterError(thrown);
    if (isUndecided(error)) throw error;
    return { refused: { kind: 'refused', failure: refusalOf(error) } };
  }
}
