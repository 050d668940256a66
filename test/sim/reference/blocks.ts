/** Steps with steps in them: how they end by the ends of those, and what they give. A new kind of block has its rule here. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../../../src/core/json.ts';
import { type LoopStepDefinition, type ParallelStepDefinition, runsBodies } from '../../../src/workflow/definition.ts';
import { plain, show } from './compare.ts';
import { type Context, continues, isFailed } from './context.ts';
import { Unknown } from './expressions.ts';
import type { End, IterationFacts, Moment, StepFacts } from './facts.ts';
import { listOutput } from './items.ts';
import { completed, interrupted } from './leaves.ts';
import type { Place } from './outline.ts';

/** Ends of a block that opened; `end` is when it ended. */
export function blockEnds(run: Context, place: Place, facts: StepFacts, end: Moment): readonly End[] {
  const { step, lists } = place.node;
  const stops = interrupted(run, place, facts, end);
  const chosen = chooseBranch(run, place, facts);
  if (chosen !== undefined && !chosen.ok) return [{ status: 'FAILED', code: chosen.code }];
  if (facts.started === undefined) return [];
  // Another try may go on in the branch that it took steps over from.
  const hasTaken = (lists[facts.branch ?? 0] ?? []).some(({ step: { id } }) => isTaken(run, place, id));
  if (chosen !== undefined && facts.branch !== chosen.branch && !hasTaken)
    run.fault(place, `branch ${facts.branch} runs instead of ${chosen.branch}`);
  const children = place.frame.placesOf(lists.flat());
  const open = children.filter((child) => run.endBefore(child, end.position) === undefined);
  for (const child of open) run.fault(place, `it ends before ${child.path}`);
  if (step.type === 'loop') return [...loopEnds(run, place, step, facts, end), ...stops];
  const failures =
    step.type === 'parallel' ? parallelFailures(run, children, step, end) : failuresOf(run, children, end);
  // Whoever was stopped may have failed before; what is in it may also have ended well in its grace time.
  if (failures.length > 0) return [...failures, ...stops];
  return [...natural(run, place, facts, end), ...stops];
}

function isTaken(run: Context, { frame }: Place, id: string): boolean {
  const child = frame.places.get(id);
  const facts = child && run.of(child);
  return facts?.isTakenOver === true || facts?.isKept === true;
}

/** Completed, with what it gives. What a block gives without an `output` shows only where it is read, but for loops and maps. */
export function natural(run: Context, place: Place, facts: StepFacts, end: Moment): readonly End[] {
  const { step } = place.node;
  const isOpen = step.output !== undefined || step.assert !== undefined;
  if (!isOpen && !runsBodies(step)) return [{ status: 'COMPLETED' }];
  try {
    return [completed(run, place, naturalOutput(run, place, facts), end.at)];
  } catch (error) {
    if (!(error instanceof Unknown)) throw error;
    return [{ status: 'COMPLETED' }, ...(isOpen ? [{ status: 'FAILED' } as const] : [])];
  }
}

/** Steps that failed and do not say `continue`; what they mean for a block without a policy. */
export function failuresOf(run: Context, children: readonly Place[], { position }: Moment): readonly End[] {
  const ends = children.flatMap((child) => (continues(child) ? [] : (run.endBefore(child, position) ?? [])));
  const failed = ends.filter(isFailed);
  return failed.length === 0 ? [] : [{ status: 'FAILED' }, ...failed.map(({ status }) => ({ status }))];
}

function parallelFailures(run: Context, children: readonly Place[], step: ParallelStepDefinition, end: Moment) {
  if (step.quorum === undefined) return step.onFailure === 'continue' ? [] : failuresOf(run, children, end);
  const ends = children.map((child) => run.endBefore(child, end.position));
  const count = ends.filter((ended) => ended?.status === 'COMPLETED').length;
  return count >= step.quorum ? [] : [{ status: 'FAILED', code: 'QUORUM_NOT_REACHED' } as const];
}

type Chosen = { readonly ok: true; readonly branch: number } | { readonly ok: false; readonly code: string };

/** Undefined for a block that has nothing to choose. */
function chooseBranch(run: Context, place: Place, { started, end }: StepFacts): Chosen | undefined {
  const { step } = place.node;
  if (step.type !== 'condition' && step.type !== 'switch') return undefined;
  const now = started?.at ?? end?.at ?? 0;
  const read =
    step.type === 'condition'
      ? run.read('cel', step.if, place, 'if', now)
      : run.read('cel', step.switch, place, 'switch', now);
  if (!read.ok) return read;
  if (step.type === 'condition') {
    if (typeof read.value !== 'boolean') return { ok: false, code: 'BAD_EXPRESSION' };
    return { ok: true, branch: read.value ? 0 : 1 };
  }
  const found = step.cases.findIndex(({ equals }) => equals === read.value);
  return { ok: true, branch: found === -1 ? step.cases.length : found };
}

/** Iteration after iteration, as the conditions and the limit say. */
function loopEnds(run: Context, place: Place, step: LoopStepDefinition, seen: StepFacts, end: Moment): readonly End[] {
  const facts = { ...seen, iterations: seen.iterations.map((iteration) => closed(run, place, iteration, end)) };
  let before: IterationFacts | undefined;
  for (let iteration = 1; ; iteration++) {
    const last = (): JsonValue => lastOf(run, place, before);
    const loop = { iteration, last };
    // For those that have begun in an earlier try nothing is asked again, nor for the one that came next.
    const isDecided = seen.goesOn !== undefined && iteration <= seen.goesOn.iterations + 1;
    const isKept = seen.goesOn !== undefined && iteration <= seen.goesOn.iterations;
    const goesOn =
      step.while === undefined || isDecided ? undefined : run.read('cel', step.while, place, 'while', end.at, { loop });
    if (goesOn?.ok === false) return [{ status: 'FAILED', code: goesOn.code }];
    const over = (after: number, ends: readonly End[]): readonly End[] => {
      for (const { number } of facts.iterations.slice(after)) run.fault(place, `iteration ${number} is one too many`);
      return ends;
    };
    if (goesOn?.value === false) return over(iteration - 1, natural(run, place, facts, end));
    if (iteration > step.maxIterations) {
      const limit: End = { status: 'FAILED', code: 'LOOP_LIMIT' };
      return over(iteration - 1, step.onMaxIterations === 'stop' ? natural(run, place, facts, end) : [limit]);
    }
    const now = facts.iterations[iteration - 1];
    // It was stopped between two iterations, or in one; if nothing could stop it, no end fits.
    if (now === undefined) return [];
    if (now.number !== iteration) run.fault(place, `iteration ${now.number} begins as number ${iteration}`);
    if (
      !isDecided &&
      before?.ended !== undefined &&
      !run.hasCome(now.started.at, before.ended.at + (step.delayMs ?? 0))
    )
      run.fault(place, `iteration ${iteration} begins before its delay is over`);
    const failures = failuresOf(run, run.body(place, iteration), end);
    if (now.ended === undefined || failures.length > 0) return over(iteration, failures);
    before = now;
    if (now.output !== undefined && !isDeepStrictEqual(plain(now.output), plain(last())))
      run.fault(place, `iteration ${iteration} gives ${show(now.output)} instead of ${show(last())}`);
    if (step.until === undefined || isKept) continue;
    const isDone = run.read('cel', step.until, place, 'until', now.ended.at, { loop: { iteration, last } });
    if (!isDone.ok) return [{ status: 'FAILED', code: isDone.code }];
    if (isDone.value === true) return over(iteration, natural(run, place, facts, end));
  }
}

/** Of an iteration that ended in the decision that failed its loop there is no other word than the ends of its steps. */
function closed(run: Context, loop: Place, iteration: IterationFacts, { position }: Moment): IterationFacts {
  if (iteration.ended !== undefined) return iteration;
  const ends = run.body(loop, iteration.number).map((place) => run.endBefore(place, position));
  const wasStopped = ends.some((end) => end === undefined || end.status === 'CANCELLED' || isStop(end));
  return { ...iteration, ended: wasStopped ? undefined : ends.at(-1) };
}

function isStop({ reason }: End): boolean {
  return reason === 'RUN_ENDING' || reason === 'BLOCK_STOPPED';
}

/** The output of an iteration; null before the first one. */
export function lastOf(run: Context, loop: Place, iteration: IterationFacts | undefined): JsonValue {
  if (iteration === undefined) return null;
  try {
    return lastOutput(run, run.body(loop, iteration.number));
  } catch (error) {
    if (error instanceof Unknown && iteration.output !== undefined) return iteration.output;
    throw error;
  }
}

/** What a block gives before its `output`; of the list that ran the last step's. */
export function naturalOutput(run: Context, place: Place, facts: StepFacts): JsonValue {
  const { step, lists } = place.node;
  if (step.type === 'loop')
    return lastOf(
      run,
      place,
      facts.iterations.findLast(({ ended }) => ended !== undefined),
    );
  if (step.type === 'map') return listOutput(run, place, facts);
  if (step.type !== 'parallel') return lastOutput(run, place.frame.placesOf(listThatRan(run, place, facts)));
  const given = place.frame.placesOf(lists.flat()).flatMap((child): readonly [string, JsonValue][] => {
    const end = run.endBefore(child, Number.POSITIVE_INFINITY);
    return end?.status === 'COMPLETED' ? [[child.node.step.id, run.output(child)]] : [];
  });
  return Object.fromEntries(given);
}

/** Of a block that was taken over it shows in the ends: the steps of all others were left out. */
function listThatRan(run: Context, { node, frame }: Place, { branch }: StepFacts): Place['node']['lists'][number] {
  if (branch !== undefined || node.lists.length === 1) return node.lists[branch ?? 0] ?? [];
  const ran = node.lists.filter((list) =>
    frame.placesOf(list).some((child) => run.endBefore(child, Number.POSITIVE_INFINITY)?.reason !== 'BRANCH'),
  );
  return ran[0] ?? [];
}

/** The documents do not say what a list gives whose last step gives nothing. */
function lastOutput(run: Context, places: readonly Place[]): JsonValue {
  const last = places.at(-1);
  if (last === undefined) return null;
  if (run.endBefore(last, Number.POSITIVE_INFINITY)?.status !== 'COMPLETED') throw new Unknown();
  return run.output(last);
}
