/** What is different between two versions of a definition, step by step. */
import { canonicalText } from './canonical.ts';
import type { StepDefinition, WorkflowDefinition } from './definition.ts';
import { stepsWithin } from './nested.ts';

export interface Changes {
  /** Ids of steps, in the order of the definition that has them. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** Names of fields of the workflow itself. */
  readonly fields: readonly string[];
}

export function compareWorkflows(before: WorkflowDefinition, after: WorkflowDefinition): Changes {
  const old = textsOf(before);
  const now = textsOf(after);
  return {
    added: [...now.keys()].filter((id) => !old.has(id)),
    removed: [...old.keys()].filter((id) => !now.has(id)),
    changed: [...now].filter(([id, text]) => (old.get(id) ?? text) !== text).map(([id]) => id),
    fields: changedFields(before, after),
  };
}

/** Each step without the steps inside it, which speak for themselves. */
function textsOf(definition: WorkflowDefinition): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const visit = (steps: readonly StepDefinition[], where: string): void => {
    for (const step of steps) {
      texts.set(step.id, `${where} ${textOf(step)}`);
      visit(stepsWithin(step), step.id);
    }
  };
  visit(definition.steps, '');
  visit(definition.finally ?? [], 'finally');
  return texts;
}

const NESTED = ['steps', 'then', 'else', 'cases', 'body', 'step', 'fallback', 'compensate'];

function textOf(step: StepDefinition): string {
  const isNested = (key: string): boolean => NESTED.includes(key) || (key === 'default' && step.type === 'switch');
  const own = Object.entries(step).filter(([key]) => !isNested(key));
  const tests = step.type === 'switch' ? step.cases.map(({ equals }) => equals) : [];
  return canonicalText({ own: Object.fromEntries(own), tests });
}

function changedFields(before: WorkflowDefinition, after: WorkflowDefinition): readonly string[] {
  const old = fieldsOf(before);
  const now = fieldsOf(after);
  return [...new Set([...old.keys(), ...now.keys()])].filter((name) => old.get(name) !== now.get(name));
}

/** Those of the workflow itself, each as text. */
function fieldsOf({ name: _name, steps: _steps, finally: _finally, ...fields }: WorkflowDefinition) {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return new Map(present.map(([name, value]) => [name, canonicalText(value)]));
}
