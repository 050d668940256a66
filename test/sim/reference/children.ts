/** A step that is a run of another workflow: it ends by the end of that, which is told by its own history. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../../../src/core/json.ts';
import type { WorkflowStepDefinition } from '../../../src/workflow/definition.ts';
import { plain, show } from './compare.ts';
import type { Context } from './context.ts';
import type { ChildFacts, End, Moment, RunFacts, SeenEnd, StepFacts } from './facts.ts';
import { completed, interrupted } from './leaves.ts';
import { stopOf } from './order.ts';
import type { Place } from './outline.ts';
import { fill } from './parameters.ts';

const DEPTH_MAX = 8;
/** Two commits on a slow disk, one of them made again. */
const ON_THE_WAY_MS = 2_000;

export function childEnds(run: Context, place: Place, step: WorkflowStepDefinition, facts: StepFacts): readonly End[] {
  const { started, end, child, input: seen } = facts;
  const input = run.read('template', step.parameters ?? {}, place, 'input', started?.at ?? end?.at ?? 0);
  if (!input.ok) return [{ status: 'FAILED', code: input.code }];
  if (started === undefined || end === undefined) return [];
  if (seen !== undefined && !isDeepStrictEqual(plain(seen), plain(input.value)))
    run.fault(place, `its input is ${show(seen)} instead of ${show(input.value)}`);
  const stops = interrupted(run, place, facts, end);
  if (child?.run === undefined) return [...refusals(run, step, input.value, started, end), ...stops];
  checkBeginning(run, place, step, child, input.value);
  checkStop(run, place, child.run);
  const over = child.run.end;
  if (over === undefined || !run.hasCome(end.at, over.at)) {
    if (!isGivenUp(run, end)) run.fault(place, `it ends before its child run ${child.runId}`);
    return stops;
  }
  // It counts beside a cancel, as a result within the grace does, and not after the time of the step.
  if (over.status === 'COMPLETED')
    return [
      completed(run, place, over.output ?? null, end.at),
      // Whoever gave it up may not have heard of its end.
      ...stops.filter(({ status }) => status === 'TIMED_OUT' || isGivenUp(run, end)),
    ];
  if (end.code === 'CHILD_FAILED') checkDetails(run, place, end, child, over);
  return [{ status: 'FAILED', code: 'CHILD_FAILED' }, ...stops];
}

/** Why there is no child run. */
function refusals(
  { facts }: Context,
  step: WorkflowStepDefinition,
  input: JsonValue,
  started: Moment,
  end: Moment,
): readonly End[] {
  const failed = (code: string): End => ({ status: 'FAILED', code });
  if (facts.depth >= DEPTH_MAX) return [failed('CHILD_DEPTH')];
  const known = facts.registered.get(step.workflow);
  const isUnknown = failed('WORKFLOW_NOT_FOUND');
  const vagueMs = known?.vagueMs ?? 0;
  if (known === undefined || known.since - vagueMs > end.at) return [isUnknown];
  const { parameters, concurrency } = known.definition;
  return [
    // It came while the step looked for it: a row has the time of its making, and is there when it has landed.
    ...(known.since + vagueMs + ON_THE_WAY_MS >= started.at ? [isUnknown] : []),
    ...(fill(parameters ?? {}, input) === undefined ? [failed('PARAMETERS_INVALID')] : []),
    ...(concurrency?.overflow === 'reject' ? [failed('CONCURRENCY_LIMIT')] : []),
  ];
}

/** It runs what the step says, with what the step gives. */
function checkBeginning(
  run: Context,
  place: Place,
  step: WorkflowStepDefinition,
  { run: child, version }: ChildFacts,
  input: JsonValue,
): void {
  if (child === undefined) return;
  const { definition } = run.facts.registered.get(step.workflow) ?? {};
  const isRight =
    child.workflow === step.workflow && child.version === version && version === (step.version ?? version);
  if (!isRight) run.fault(place, `its child run is of ${child.workflow} ${child.version}`);
  if (child.depth !== run.facts.depth + 1) run.fault(place, `its child run is ${child.depth} deep`);
  const params = fill(definition?.parameters ?? {}, input);
  if (!isDeepStrictEqual(plain(child.params), plain(params)))
    run.fault(place, `its child run is given ${show(child.params)} instead of ${show(params)}`);
}

/** What ends the run cancels the child run, unless that comes to an end of its own while the word is on its way. */
function checkStop(run: Context, place: Place, child: RunFacts): void {
  const { ending } = run.facts;
  const end = run.of(place)?.end;
  if (ending === undefined || end === undefined || end.position < ending.position) return;
  if (stopOf(run, place, { position: ending.position + 1, at: ending.at }) !== 'yes') return;
  // One that is open was given up in the decision that stopped it: its cancel comes after the end of the run.
  const isLate = !run.hasCome(ending.at + ON_THE_WAY_MS, child.ending?.at ?? 0);
  if (isLate && child.cancels.length === 0) run.fault(place, `its child run ${child.runId} is not cancelled`);
}

/** Nobody waits for the cleanup of a child run any longer. */
function isGivenUp(run: Context, end: Moment): boolean {
  const { ending, cancels } = run.facts;
  if (ending === undefined) return false;
  if (run.hasCome(end.at, ending.at + run.cleanupTimeoutMs)) return true;
  return cancels.some(({ position }) => position > ending.position && position < end.position);
}

function checkDetails(run: Context, place: Place, end: SeenEnd, child: ChildFacts, over: SeenEnd): void {
  const { runId, run: itself, version } = child;
  const told = { runId, workflow: itself?.workflow, version, status: over.status };
  const { details = {} } = end;
  for (const [name, value] of Object.entries(told))
    if (details[name] !== value)
      run.fault(place, `its failure says ${name} ${show(details[name])}, not ${show(value)}`);
}
