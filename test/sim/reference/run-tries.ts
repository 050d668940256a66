/** The tries of a run: what each keeps of the one before, and whether there had to be another. */
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import type { RunFacts, StepFacts } from './facts.ts';
import { isInKept, type KeptBodies, keepBodies } from './kept-bodies.ts';
import { type Node, type Outline, outlineOf } from './outline.ts';
import { type TakeOver, takeOverOf } from './take-over.ts';

/** Each with what it keeps, so that it can be judged as a run by itself. */
export function completeTries(definition: WorkflowDefinition, tries: readonly RunFacts[]): readonly RunFacts[] {
  const outline = outlineOf(definition);
  let before: RunFacts | undefined;
  return tries.map((facts) => {
    before = before === undefined ? facts : keep(outline, before, facts);
    return before;
  });
}

/**
 * The facts of a run that is another try of one that ended, with what that one left in loops and maps: all before anything of its own.
 * It is done, and nothing of it is undone any more.
 */
export function takeUp(outline: Outline, { bodies }: TakeOver, before: RunFacts, now: RunFacts): RunFacts {
  const past = { position: 0, at: 0 };
  const steps = new Map(now.steps);
  const aged = new Map(
    [...bodies].map(([path, kept]): readonly [string, KeptBodies] => [
      path,
      {
        ...kept,
        iterations: kept.iterations.map((iteration) => ({ ...iteration, started: past, ended: past })),
        items: kept.items.map((item) => ({ ...item, started: past, ended: past })),
      },
    ]),
  );
  for (const [path, facts] of before.steps) {
    const isCompensation = outline.compensations.has(path.slice(path.lastIndexOf('/') + 1));
    if (isCompensation || !isInKept(path, bodies)) continue;
    const end = facts.end && { ...facts.end, ...past };
    steps.set(path, { ...facts, end, isKept: true, isPast: true, startsAgain: now.steps.has(path) });
  }
  keepBodies(steps, aged);
  return { ...now, steps };
}

/** What is wrong with the number of them, in words. */
export function* faultsOfTries(
  { retries = 0, timeoutMs = 0 }: WorkflowDefinition,
  tries: readonly RunFacts[],
): Generator<string> {
  for (const { try: number, ending, end, cancels, isTriedAgain, startedAt, vagueMs = 0 } of tries) {
    const isFailed = ending?.outcome === 'FAILED';
    const mayGoOn = isFailed && cancels.length === 0 && number <= retries;
    const isOver = timeoutMs > 0 && (end?.at ?? 0) + vagueMs >= (startedAt ?? 0) + timeoutMs;
    if (isTriedAgain && !mayGoOn) yield `try ${number} is not the last`;
    if (!isTriedAgain && mayGoOn && !isOver) yield `try ${number} is the last`;
  }
}

function keep(outline: Outline, before: RunFacts, now: RunFacts): RunFacts {
  const taken = takeOverOf(outline, before);
  const owners = belongings(outline);
  const steps = new Map<string, StepFacts>();
  const frames = new Set(['', ...[...taken.bodies].map(([path, { cut }]) => `${path}/${cut}/`)]);
  for (const [path, facts] of now.steps) {
    const isCounted = frames.has(path.slice(0, path.lastIndexOf('/') + 1));
    steps.set(path, isCounted ? { ...facts, ...countedBefore(before.steps.get(path)) } : facts);
  }
  for (const [path, facts] of before.steps)
    if (isDone(path, taken, owners, now) || isInKept(path, taken.bodies))
      steps.set(path, kept(facts, now.steps.get(path)));
  keepBodies(steps, taken.bodies);
  return { ...now, steps };
}

/** What stands in a loop or a map goes with it, and what belongs to a step with that. */
function isDone(path: string, { ends, open }: TakeOver, owners: ReadonlyMap<string, string>, now: RunFacts): boolean {
  const parts = path.split('/');
  for (let i = 0; i < parts.length; i += 2) {
    const id = parts[i] ?? '';
    const step = [...parts.slice(0, i), owners.get(id) ?? id].join('/');
    if (ends.has(step) || (open.has(step) && !now.steps.has(step))) return true;
  }
  return false;
}

/** `again`: what it did in this try although it is done; it must have done nothing. */
function kept(facts: StepFacts, again: StepFacts | undefined): StepFacts {
  return { ...facts, isKept: true, startsAgain: again !== undefined };
}

/** The numbers of attempts go on. */
function countedBefore(before: StepFacts | undefined): Partial<StepFacts> {
  if (before === undefined) return {};
  const last = before.attempts.at(-1);
  return {
    attemptsBefore: before.attemptsBefore + before.attempts.length,
    agentBefore: last?.agentId ?? before.agentBefore,
  };
}

/** Ids of steps by those of their fallbacks and compensations. */
function belongings({ body }: Outline): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  const visit = ({ step, lists, fallback, compensation }: Node): void => {
    for (const attached of [fallback, compensation]) if (attached) owners.set(attached.step.id, step.id);
    for (const child of lists.flat()) visit(child);
  };
  for (const node of body) visit(node);
  return owners;
}
