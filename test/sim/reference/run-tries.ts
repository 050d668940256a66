/** The tries of a run: what each keeps of the one before, and whether there had to be another. */
import { runsBodies, type WorkflowDefinition } from '../../../src/workflow/definition.ts';
import type { RunFacts, StepFacts } from './facts.ts';
import { type Outline, outlineOf } from './outline.ts';
import { takeOverOf } from './take-over.ts';

/** Each with what it keeps, so that it can be judged as a run by itself. */
export function completeTries(definition: WorkflowDefinition, tries: readonly RunFacts[]): readonly RunFacts[] {
  const outline = outlineOf(definition);
  let before: RunFacts | undefined;
  return tries.map((facts) => {
    before = before === undefined ? facts : keep(outline, before, facts);
    return before;
  });
}

/** What is wrong with the number of them, in words. */
export function* faultsOfTries(
  { retries = 0, timeoutMs = 0 }: WorkflowDefinition,
  tries: readonly RunFacts[],
): Generator<string> {
  for (const { try: number, ending, end, cancels, isTriedAgain, startedAt } of tries) {
    const isFailed = ending?.outcome === 'FAILED';
    const mayGoOn = isFailed && cancels.length === 0 && number <= retries;
    const isOver = timeoutMs > 0 && (end?.at ?? 0) >= (startedAt ?? 0) + timeoutMs;
    if (isTriedAgain && !mayGoOn) yield `try ${number} is not the last`;
    if (!isTriedAgain && mayGoOn && !isOver) yield `try ${number} is the last`;
  }
}

function keep(outline: Outline, before: RunFacts, now: RunFacts): RunFacts {
  const { ends, open, reopened } = takeOverOf(outline, before);
  const steps = new Map<string, StepFacts>();
  for (const [path, facts] of now.steps) steps.set(path, { ...facts, ...countedBefore(before.steps.get(path)) });
  const isKept = (path: string): boolean => ends.has(path) || (open.has(path) && !now.steps.has(path));
  const belonging = belongings(outline);
  for (const [path, facts] of before.steps) {
    // What stands in a loop or a map goes with it, and what belongs to a step with that.
    const [root = ''] = path.split('/');
    if (isKept(belonging.get(root) ?? root)) steps.set(path, kept(facts, now.steps.get(path)));
  }
  for (const { path, node } of reopened) {
    const iterations = before.steps.get(path)?.iterations.filter(({ ended }) => ended !== undefined) ?? [];
    const isSpent = node.step.type !== 'loop' || iterations.length >= node.step.maxIterations;
    const loop = steps.get(path);
    if (isSpent || loop === undefined) continue;
    steps.set(path, { ...loop, iterations: [...iterations, ...loop.iterations] });
    for (const { number } of iterations)
      for (const [inner, facts] of before.steps)
        if (inner.startsWith(`${path}/${number}/`)) steps.set(inner, kept(facts, now.steps.get(inner)));
  }
  return { ...now, steps };
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
    attemptsBefore: last?.number ?? before.attemptsBefore,
    agentBefore: last?.agentId ?? before.agentBefore,
  };
}

/** Ids of steps by those of their fallbacks and compensations, outside of loops and maps. */
function belongings({ body }: Outline): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  const visit = ({ step, lists, fallback, compensation }: Outline['body'][number]): void => {
    for (const attached of [fallback, compensation]) if (attached) owners.set(attached.step.id, step.id);
    if (!runsBodies(step)) for (const child of lists.flat()) visit(child);
  };
  for (const node of body) visit(node);
  return owners;
}
