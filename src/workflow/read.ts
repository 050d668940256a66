/** Reading a workflow from text or from a value: checked and normal, or refused with every problem at once. */
import type { Problem } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { WorkflowDefinitionError } from '../core/orchestrator-errors.ts';
import { checkDefinition, checkPart } from './check.ts';
import type { WorkflowDefinition } from './definition.ts';
import { readDocument, type SourceText } from './document.ts';
import { type Finding, type Locator, toProblem, withoutText } from './finding.ts';
import { lintDefinition } from './lint.ts';
import { normalizeWorkflow } from './normalize.ts';

export interface ReadWorkflow {
  readonly definition: WorkflowDefinition;
  /** Lint's warnings, in the order of the definition. */
  readonly warnings: readonly Problem[];
}

export interface InspectedWorkflow {
  /** Present when nothing is wrong with it. */
  readonly definition: WorkflowDefinition | undefined;
  /** The name, when it could be read. */
  readonly name: string;
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Throws WORKFLOW_INVALID, whose `problems` carry file, line and column. */
export function readWorkflow(source: SourceText): ReadWorkflow {
  return orThrow(inspectWorkflow(source), source.file);
}

/** The same for a value in the written form (a builder's, parsed JSON); problems carry a pointer. */
export function readWorkflowValue(value: unknown): ReadWorkflow {
  return orThrow(inspectWorkflowValue(value), undefined);
}

/** Everything that can be said about a text, without throwing. */
export function inspectWorkflow(source: SourceText): InspectedWorkflow {
  const document = readDocument(source);
  if (document.ok) return inspect(document.value, document.locator);
  return { definition: undefined, name: '', errors: toProblems(document.findings, document.locator), warnings: [] };
}

export function inspectWorkflowValue(value: unknown): InspectedWorkflow {
  return inspect(value, withoutText);
}

function inspect(value: unknown, locator: Locator): InspectedWorkflow {
  const { definition, findings } = normalizeWorkflow(value);
  const isWhole = findings.length === 0;
  const all = isWhole ? checkDefinition(definition) : [...findings, ...checkPart(definition, findings)];
  const errors = toProblems(all, locator);
  const warnings = isWhole ? toProblems(lintDefinition(definition), locator) : [];
  return { definition: errors.length === 0 ? definition : undefined, name: definition.name, errors, warnings };
}

/** In the order of the text; the first of very many. */
function toProblems(findings: readonly Finding[], locator: Locator): readonly Problem[] {
  const problems = findings.slice(0, limits.problemsMax).map((finding) => toProblem(finding, locator));
  return problems.toSorted(
    (a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0),
  );
}

function orThrow(inspected: InspectedWorkflow, file: string | undefined): ReadWorkflow {
  const { definition, name, errors, warnings } = inspected;
  if (definition !== undefined) return { definition, warnings };
  const subject = file ?? (name === '' ? 'the workflow' : name);
  const [first] = errors;
  const fact =
    errors.length === 1 && first !== undefined ? `${first.code}: ${first.message}` : `${errors.length} problems`;
  throw new WorkflowDefinitionError(`cannot read "${subject}": ${fact}`, {
    problems: errors,
    ...(file === undefined ? {} : { next: `yardmaster lint ${file} shows every problem` }),
  });
}
