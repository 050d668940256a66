/** Everything that makes a definition unfit to run, all of it at once. */
import type { Problem } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { checkExpressions } from './check-expressions.ts';
import { checkFields, checkSize } from './check-fields.ts';
import { checkGraph } from './check-graph.ts';
import { checkSecrets } from './check-secrets.ts';
import type { StepDefinition, WorkflowDefinition } from './definition.ts';
import { type Finding, formatPath, type Path, toProblem, withoutText } from './finding.ts';
import { nestedSteps } from './nested.ts';
import { Suggestions } from './suggestions.ts';
import { type Survey, surveyWorkflow } from './survey.ts';

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

/**
 * Of a definition that was read in part: what can still be said of it, after what is `known` to be wrong. The values of a step with a
 * problem of its own are not looked at: some are not what was written.
 */
export function checkPart(definition: WorkflowDefinition, known: readonly Finding[]): readonly Finding[] {
  const survey = surveyWorkflow(definition);
  const isTooLarge = ({ code }: Finding): boolean => code === 'LIMIT';
  if (known.some(isTooLarge)) return checkRelations(definition);
  const ownerOf = ownerFinder(survey);
  const broken = new Set(known.map(({ path }) => ownerOf(path)));
  // One without an id may stand for a step that was not written at all.
  for (const { step, path } of survey.entries) if (step.id === '') broken.add(formatPath(path));
  const findings = checkFields(definition, survey).filter(({ path }) => !broken.has(ownerOf(path)));
  return findings.some(isTooLarge) ? findings : [...findings, ...checkRelations(definition)];
}

/** The place of the step that a place is in, as text; empty for the workflow itself. */
function ownerFinder(survey: Survey): (path: Path) => string {
  const steps = new Set(survey.entries.map(({ path }) => formatPath(path)));
  return (path) => {
    for (let end = path.length; end > 0; end--) {
      const place = formatPath(path.slice(0, end));
      if (steps.has(place)) return place;
    }
    return '';
  };
}

/** Between steps only. */
function checkRelations(definition: WorkflowDefinition): readonly Finding[] {
  const survey = surveyWorkflow(definition);
  const suggestions = new Suggestions();
  return [
    ...checkGraph(survey, suggestions),
    ...checkExpressions(definition, survey, suggestions),
    ...checkSecrets(definition, survey, suggestions),
  ];
}

/** Asked first and without recursion: the other checks recurse into blocks. */
function isTooDeep(definition: WorkflowDefinition): boolean {
  let level: readonly StepDefinition[] = [...definition.steps, ...(definition.finally ?? [])];
  for (let depth = 1; depth <= limits.depthMax; depth++) {
    level = level.flatMap(nestedSteps);
  }
  return level.length > 0;
}
