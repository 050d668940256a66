/**
 * What a definition looks like before it runs: in which wave each step may start at the earliest, and which steps decide how long
 * the whole takes. Pure; nothing is known here of agents.
 *
 * A wave counts steps, not time: every step of it may run beside the others, and each has something in the wave before to wait for.
 * A loop counts as one iteration, a map as one item, and every branch of a condition as if it were the one that runs.
 */
import type { StepDefinition, WorkflowDefinition } from './definition.ts';
import { nestedLists } from './nested.ts';

export interface PlannedStep {
  readonly step: StepDefinition;
  /** 0 at the top. */
  readonly depth: number;
  /** From 1; of a block that of its first steps. */
  readonly wave: number;
  readonly isCleanup: boolean;
}

export interface Plan {
  /** Blocks before what is in them, in the order of the definition. */
  readonly steps: readonly PlannedStep[];
  readonly waves: number;
}

export interface CriticalPath {
  readonly durationMs: number;
  /** Ids of the steps without steps inside that it leads over, and of loops and maps. */
  readonly path: readonly string[];
}

/** The definition has passed its checks. */
export function planWorkflow(definition: WorkflowDefinition): Plan {
  const waves = new Map<StepDefinition, number>();
  const body = placeSiblings(definition.steps, 1, waves);
  const cleanup = placeSiblings(definition.finally ?? [], body + 1, waves);
  const steps: PlannedStep[] = [];
  const list = (siblings: readonly StepDefinition[], depth: number, isCleanup: boolean): void => {
    for (const step of siblings) {
      steps.push({ step, depth, wave: waves.get(step) ?? 1, isCleanup });
      for (const { steps: nested } of nestedLists(step)) list(nested, depth + 1, isCleanup);
    }
  };
  list(definition.steps, 0, false);
  list(definition.finally ?? [], 0, true);
  return { steps, waves: cleanup };
}

/** Answers the last wave of them; `first` - 1 when there are none. */
function placeSiblings(siblings: readonly StepDefinition[], first: number, waves: Map<StepDefinition, number>): number {
  const ends = new Map<string, number>();
  let last = first - 1;
  for (const step of inOrder(siblings)) {
    const start = step.dependencies.reduce((wave, id) => Math.max(wave, (ends.get(id) ?? 0) + 1), first);
    waves.set(step, start);
    const inside = nestedLists(step).map(({ steps }) => placeSiblings(steps, start, waves));
    const end = Math.max(start, ...inside);
    ends.set(step.id, end);
    last = Math.max(last, end);
  }
  return last;
}

/** `usualMs`: what a step takes from ready to its end; undefined: not known, and counted as nothing. */
export function criticalPathOf(
  definition: WorkflowDefinition,
  usualMs: (stepId: string) => number | undefined,
): CriticalPath {
  const body = longestOf(definition.steps, usualMs);
  const cleanup = longestOf(definition.finally ?? [], usualMs);
  return { durationMs: body.durationMs + cleanup.durationMs, path: [...body.path, ...cleanup.path] };
}

interface Reached {
  readonly endMs: number;
  readonly own: CriticalPath;
  readonly before: Reached | undefined;
}

function longestOf(siblings: readonly StepDefinition[], usualMs: (stepId: string) => number | undefined): CriticalPath {
  const reached = new Map<string, Reached>();
  let last: Reached | undefined;
  for (const step of inOrder(siblings)) {
    const before = step.dependencies
      .map((id) => reached.get(id))
      .reduce((latest, each) => ((each?.endMs ?? -1) > (latest?.endMs ?? -1) ? each : latest), undefined);
    const own = durationOf(step, usualMs);
    const here = { endMs: (before?.endMs ?? 0) + own.durationMs, own, before };
    reached.set(step.id, here);
    if (here.endMs > (last?.endMs ?? -1)) last = here;
  }
  const path: string[] = [];
  for (let at = last; at !== undefined; at = at.before) path.unshift(...at.own.path);
  return { durationMs: last?.endMs ?? 0, path };
}

/** A loop by its own history: nobody knows here how often its body runs. */
function durationOf(step: StepDefinition, usualMs: (stepId: string) => number | undefined): CriticalPath {
  const known = usualMs(step.id);
  if ((step.type === 'loop' || step.type === 'map') && known !== undefined)
    return { durationMs: known, path: [step.id] };
  const inside = nestedLists(step).map(({ steps }) => longestOf(steps, usualMs));
  const [first, ...rest] = inside;
  if (first === undefined) return { durationMs: known ?? 0, path: [step.id] };
  return rest.reduce((longest, each) => (each.durationMs > longest.durationMs ? each : longest), first);
}

/** Dependencies before what depends on them. Without recursion: a chain may be 10,000 long. There are no cycles. */
function inOrder(siblings: readonly StepDefinition[]): readonly StepDefinition[] {
  const byId = new Map(siblings.map((step) => [step.id, step]));
  const placed = new Set<StepDefinition>();
  const stack = siblings.toReversed();
  for (let step = stack.at(-1); step !== undefined; step = stack.at(-1)) {
    const open = step.dependencies.flatMap((id) => byId.get(id) ?? []).filter((before) => !placed.has(before));
    if (open.length > 0 && !placed.has(step)) stack.push(...open);
    else {
      stack.pop();
      placed.add(step);
    }
  }
  return [...placed];
}
