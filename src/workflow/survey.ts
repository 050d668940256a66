/** Every step of a definition with its place: what the checks walk over. */
import type { AttachedKind, StepDefinition, WorkflowDefinition } from './definition.ts';
import type { Path } from './finding.ts';
import { type AttachedStep, attachedSteps, type NestedList, nestedLists } from './nested.ts';

export interface Entry {
  readonly step: StepDefinition;
  readonly path: Path;
  readonly level: Level;
  /** Among its siblings. */
  readonly position: number;
}

/** Siblings: the top of the body, of `finally`, or a list of steps in a block. A fallback or a compensation is alone on its level. */
export interface Level {
  /** The step around it; of a fallback or a compensation the step that it belongs to. */
  readonly block: Entry | undefined;
  readonly attached: AttachedKind | undefined;
  /** 1 at the top. */
  readonly depth: number;
  readonly isCleanup: boolean;
  readonly entries: readonly Entry[];
  /** The first sibling of each id. */
  readonly byId: ReadonlyMap<string, Entry>;
}

export interface Survey {
  /** Blocks before their children, and what belongs to a step right behind it. */
  readonly entries: readonly Entry[];
  readonly levels: readonly Level[];
  /** The first step of each id; steps without an id are left out. */
  readonly byId: ReadonlyMap<string, Entry>;
}

export function surveyWorkflow(definition: WorkflowDefinition): Survey {
  const entries: Entry[] = [];
  const levels: Level[] = [];
  const visit = ({ steps, path, isOne }: NestedList, block: Entry | undefined, isCleanup: boolean): void => {
    const siblings: Entry[] = [];
    const byId = new Map<string, Entry>();
    const depth = (block?.level.depth ?? 0) + 1;
    const level: Level = { block, attached: undefined, depth, isCleanup, entries: siblings, byId };
    levels.push(level);
    for (const [position, step] of steps.entries()) {
      const entry: Entry = { step, path: isOne === true ? path : [...path, position], level, position };
      siblings.push(entry);
      entries.push(entry);
      if (step.id !== '' && !byId.has(step.id)) byId.set(step.id, entry);
      for (const attached of attachedSteps(step)) entries.push(attachedEntry(attached, entry, levels));
      for (const list of nestedLists(step)) visit({ ...list, path: [...entry.path, ...list.path] }, entry, isCleanup);
    }
  };
  visit({ steps: definition.steps, path: ['steps'] }, undefined, false);
  visit({ steps: definition.finally ?? [], path: ['finally'] }, undefined, true);
  return { entries, levels, byId: firstById(entries) };
}

/** What belongs to it in turn is refused and not looked at. */
function attachedEntry({ kind, step }: AttachedStep, owner: Entry, levels: Level[]): Entry {
  const entries: Entry[] = [];
  const byId = new Map<string, Entry>();
  const { depth, isCleanup } = owner.level;
  const level: Level = {
    block: owner,
    attached: kind,
    depth,
    isCleanup: isCleanup || kind === 'compensate',
    entries,
    byId,
  };
  const entry: Entry = { step, path: [...owner.path, kind], level, position: 0 };
  entries.push(entry);
  byId.set(step.id, entry);
  levels.push(level);
  return entry;
}

function firstById(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  const byId = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.step.id !== '' && !byId.has(entry.step.id)) byId.set(entry.step.id, entry);
  }
  return byId;
}
