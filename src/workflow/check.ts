/** Everything that makes a definition unfit to run, all of it at once. */
import type { Problem } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { checkExpressions } from './check-expressions.ts';
import { checkFields, checkSize } from './check-fields.ts';
import { checkGraph } from './check-graph.ts';
import { type StepDefinition, stepsInside, type WorkflowDefinition } from './definition.ts';
import { type Finding, toProblem, withoutText } from './finding.ts';
import { Suggestions } from './suggestions.ts';
import { surveyWorkflow } from './survey.ts';

/** Problems of a definition in its normal form, whoever made it (builder, proto). Empty: it can be compiled and run. */
export function checkWorkflow(definition: WorkflowDefinition): readonly Problem[] {
  return checkDefinition(definition).map((finding) => toProblem(finding, withoutText));
}

export function checkDefinition(definition: WorkflowDefinition): readonly Finding[] {
  if (isTooDeep(definition))
    return [{ code: 'LIMIT', message: `blocks nested deeper than ${limits.depthMax}`, path: ['steps'] }];
  const findings = checkFields(definition, surveyWorkflow(definition));
  if (findings.some((finding) => finding.code === 'LIMIT')) return findings;
  return [...findings, ...checkSize(definition), ...checkRelations(definition)];
}

/** Between steps only: what can still be said of a definition that was read in part. */
export function checkRelations(definition: WorkflowDefinition): readonly Finding[] {
  const survey = surveyWorkflow(definition);
  const suggestions = new Suggestions();
  return [...checkGraph(survey, suggestions), ...checkExpressions(definition, survey, suggestions)];
}

/** Asked first and without recursion: the other checks recurse into blocks. */
function isTooDeep(definition: WorkflowDefinition): boolean {
  let level: readonly StepDefinition[] = [...definition.steps, ...(definition.finally ?? [])];
  for (let depth = 1; depth <= limits.depthMax; depth++) {
    level = level.flatMap(stepsInside);
  }
  return level.length > 0;
}
