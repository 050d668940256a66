/** Every step of a definition with its place: what the checks walk over. */
import type { StepDefinition, WorkflowDefinition } from './definition.ts';
import type { Path } from './finding.ts';
import { type NestedList, nestedLists } from './nested.ts';

export interface Entry {
  readonly step: StepDefinition;
  readonly path: Path;
  readonly level: Level;
  /** Among its siblings. */
  readonly position: number;
}

/** Siblings: the top of the body, of `finally`, or a list of steps in a block. */
export interface Level {
  readonly block: Entry | undefined;
  /** 1 at the top. */
  readonly depth: number;
  readonly isCleanup: boolean;
  readonly entries: readonly Entry[];
  /** The first sibling of each id. */
  readonly byId: ReadonlyMap<string, Entry>;
}

export interface Survey {
  /** In the order they are written, blocks before their children. */
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
    const level: Level = { block, depth: (block?.level.depth ?? 0) + 1, isCleanup, entries: siblings, byId };
    levels.push(level);
    for (const [position, step] of steps.entries()) {
      const entry: Entry = { step, path: isOne === true ? path : [...path, position], level, position };
      siblings.push(entry);
      entries.push(entry);
      if (step.id !== '' && !byId.has(step.id)) byId.set(step.id, entry);
      for (const list of nestedLists(step)) visit({ ...list, path: [...entry.path, ...list.path] }, entry, isCleanup);
    }
  };
  visit({ steps: definition.steps, path: ['steps'] }, undefined, false);
  visit({ steps: definition.finally ?? [], path: ['finally'] }, undefined, true);
  return { entries, levels, byId: firstById(entries) };
}

function firstById(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  const byId = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.step.id !== '' && !byId.has(entry.step.id)) byId.set(entry.step.id, entry);
  }
  return byId;
}
