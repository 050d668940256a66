/** Ids and edges: every id once, every dependency a sibling, no cycle. */
import { RESERVED_IDS, STEP_ID_PATTERN } from '../core/ids.ts';
import type { Finding } from './finding.ts';
import type { Suggestions } from './suggestions.ts';
import type { Entry, Level, Survey } from './survey.ts';

export function checkGraph(survey: Survey, suggestions: Suggestions): readonly Finding[] {
  return [
    ...survey.entries.flatMap((entry) => checkId(entry, survey)),
    ...survey.entries.flatMap((entry) => checkDependencies(entry, survey, suggestions)),
    ...survey.levels.flatMap(findCycles),
  ];
}

function checkId(entry: Entry, survey: Survey): readonly Finding[] {
  const { id } = entry.step;
  const path = [...entry.path, 'id'];
  if (id === '') return [];
  if (!STEP_ID_PATTERN.test(id) || RESERVED_IDS.has(id)) {
    const fact = RESERVED_IDS.has(id) ? 'is a reserved name' : 'must be 1 to 64 letters, digits, "_" or "-"';
    return [{ code: 'BAD_ID', message: `step id ${JSON.stringify(id.slice(0, 80))} ${fact}`, path }];
  }
  const first = survey.byId.get(id);
  if (first === undefined || first === entry) return [];
  const message = `step id "${id}" stands twice`;
  return [
    {
      code: 'DUPLICATE_ID',
      message,
      path,
      hint: 'the first',
      see: [[...first.path, 'id']],
      next: 'rename one of them',
    },
  ];
}

function checkDependencies(entry: Entry, survey: Survey, suggestions: Suggestions): readonly Finding[] {
  // Edges of a step that belongs to another are refused as such.
  if (entry.level.attached !== undefined) return [];
  const seen = new Set<string>();
  return entry.step.dependencies.flatMap((dependency, i) => {
    const found = seen.has(dependency)
      ? twice(entry, dependency)
      : checkDependency(entry, dependency, survey, suggestions);
    seen.add(dependency);
    return found === undefined ? [] : [{ ...found, path: [...entry.path, 'dependencies', i] }];
  });
}

function twice(entry: Entry, dependency: string): Omit<Finding, 'path'> {
  return { code: 'BAD_FIELD', message: `step "${entry.step.id}" names "${dependency}" twice in its dependencies` };
}

function checkDependency(
  entry: Entry,
  dependency: string,
  survey: Survey,
  suggestions: Suggestions,
): Omit<Finding, 'path'> | undefined {
  const { id } = entry.step;
  if (dependency === id)
    return { code: 'CYCLE', message: `${id} -> ${id}: step "${id}" depends on itself`, next: 'drop it' };
  if (dependency === '' || entry.level.byId.has(dependency)) return undefined;
  const other = survey.byId.get(dependency);
  if (other !== undefined) return notSibling(entry, other);
  const near = suggestions.nearest(dependency, entry.level.byId.keys());
  const message = `step "${id}" depends on "${dependency}", which does not exist`;
  if (near === undefined) return { code: 'UNKNOWN_DEPENDENCY', message };
  const see = [[...(entry.level.byId.get(near)?.path ?? []), 'id']];
  return { code: 'UNKNOWN_DEPENDENCY', message, hint: `did you mean "${near}"?`, see };
}

function notSibling(entry: Entry, other: Entry): Omit<Finding, 'path'> {
  const isInOtherBranch = entry.level.block !== undefined && entry.level.block === other.level.block;
  const fact = isInOtherBranch ? 'stands in another branch' : 'is not beside it in the same block';
  const message = `step "${entry.step.id}" depends on "${other.step.id}", which ${fact}`;
  const block = blockBeside(entry, other);
  const hint = block === undefined ? {} : { hint: `depend on its block "${block.step.id}"` };
  return { code: 'NOT_SIBLING', message, ...hint, see: [[...other.path, 'id']] };
}

/** The sibling of `entry` that `other` stands in. */
function blockBeside(entry: Entry, other: Entry): Entry | undefined {
  let at: Entry | undefined = other;
  while (at !== undefined && at.level !== entry.level) at = at.level.block;
  return at === entry ? undefined : at;
}

/** Cycles shown per block; mending these usually mends the rest. */
const CYCLES_MAX = 20;

interface Visit {
  readonly entry: Entry;
  readonly dependencies: readonly Entry[];
  next: number;
}

/** Depth first along the dependencies, without recursion; a step met again while it is open closes a cycle. */
function findCycles(level: Level): readonly Finding[] {
  const findings: Finding[] = [];
  const openAt = new Map<Entry, number>();
  const closed = new Set<Entry>();
  for (const start of level.entries) {
    const stack: Visit[] = [];
    const open = (entry: Entry): void => {
      openAt.set(entry, stack.length);
      stack.push({ entry, dependencies: dependenciesOf(entry), next: 0 });
    };
    if (!closed.has(start)) open(start);
    for (let visit = stack.at(-1); visit !== undefined; visit = stack.at(-1)) {
      const other = visit.dependencies[visit.next++];
      if (other === undefined) {
        stack.pop();
        openAt.delete(visit.entry);
        closed.add(visit.entry);
        continue;
      }
      const from = openAt.get(other);
      if (from !== undefined && findings.length < CYCLES_MAX)
        findings.push(describeCycle(stack.slice(from).map((v) => v.entry)));
      if (from === undefined && !closed.has(other)) open(other);
    }
  }
  return findings;
}

/** The steps of a level, each after its dependencies (Kahn); steps on or behind a cycle are left out. */
export function topologicalOrder(level: Level): readonly Entry[] {
  const waiting = level.entries.map((entry) => dependenciesOf(entry).length);
  const dependents = level.entries.map((): Entry[] => []);
  for (const entry of level.entries) for (const other of dependenciesOf(entry)) dependents[other.position]?.push(entry);
  const order = level.entries.filter((entry) => waiting[entry.position] === 0);
  for (const entry of order) {
    for (const next of dependents[entry.position] ?? []) {
      const count = (waiting[next.position] ?? 0) - 1;
      waiting[next.position] = count;
      if (count === 0) order.push(next);
    }
  }
  return order;
}

export function dependenciesOf(entry: Entry): readonly Entry[] {
  const ids = new Set(entry.step.dependencies);
  ids.delete(entry.step.id);
  return [...ids].map((id) => entry.level.byId.get(id)).filter((other) => other !== undefined);
}

/** Longer cycles are shown by their beginning. */
const SHOWN_STEPS = 8;

function describeCycle(cycle: readonly Entry[]): Finding {
  const [first] = cycle;
  const names = cycle.slice(0, SHOWN_STEPS).map((entry) => entry.step.id);
  const more = cycle.length > SHOWN_STEPS ? ` -> ... ${cycle.length - SHOWN_STEPS} more` : '';
  const last = cycle.at(-1)?.step.id ?? '';
  return {
    code: 'CYCLE',
    message: `${names.join(' -> ')}${more} -> ${first?.step.id ?? ''}: each waits for the next`,
    path: [...(first?.path ?? []), 'dependencies'],
    see: cycle.slice(0, SHOWN_STEPS).map((entry) => [...entry.path, 'id']),
    next: `drop one, likely "${first?.step.id ?? ''}" from the dependencies of "${last}"`,
  };
}
