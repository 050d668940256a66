/** What no run can reach: conditions that are constants, and a failure that nothing can have. */
import type { ConditionStepDefinition, JsonScalar, StepDefinition, SwitchStepDefinition } from './definition.ts';
import { stripBraces } from './expressions/source.ts';
import type { Finding, Path } from './finding.ts';

export function lintUnreachable(step: StepDefinition, path: Path): readonly Finding[] {
  return [...lintWhen(step, path), ...lintRunOn(step, path), ...lintBlock(step, path)];
}

/** The failure is that of a dependency, and not that of the run. */
function lintRunOn({ id, runOn, dependencies }: StepDefinition, path: Path): readonly Finding[] {
  if (runOn !== 'failure' || dependencies.length > 0) return [];
  const next =
    path[0] === 'finally'
      ? `when: steps.ID.status != 'COMPLETED', with the step that it is about`
      : 'name the steps whose failure is meant: dependencies: [ID]';
  const message = `"${id}" never runs: "runOn" is failure, and it depends on no step that could fail`;
  return [{ ...unreachable(message, [...path, 'runOn']), next }];
}

function lintWhen({ id, when }: StepDefinition, path: Path): readonly Finding[] {
  if (when === undefined || textOf(when) !== 'false') return [];
  return [unreachable(`"${id}" never runs: "when" is false`, [...path, 'when'])];
}

function lintBlock(step: StepDefinition, path: Path): readonly Finding[] {
  switch (step.type) {
    case 'condition':
      return lintCondition(step, path);
    case 'switch':
      return lintSwitch(step, path);
    case 'loop':
      if (step.while === undefined || textOf(step.while) !== 'false') return [];
      return [unreachable(`"body" of "${step.id}" never runs: "while" is false`, [...path, 'while'])];
    default:
      return [];
  }
}

function lintCondition({ id, if: text, ...branches }: ConditionStepDefinition, path: Path): readonly Finding[] {
  const source = textOf(text);
  if (source !== 'true' && source !== 'false') return [];
  const dead = source === 'true' ? 'else' : 'then';
  if ((branches[dead] ?? []).length === 0) return [];
  return [unreachable(`"${dead}" of "${id}" never runs: "if" is ${source}`, [...path, 'if'])];
}

function lintSwitch({ id, switch: text, cases, default: rest = [] }: SwitchStepDefinition, path: Path) {
  const literal = literalOf(textOf(text));
  if (literal === undefined) return [];
  const isDead = ({ equals }: SwitchStepDefinition['cases'][number]): boolean => equals !== literal.value;
  const shown = JSON.stringify(literal.value);
  const findings = cases.flatMap((each, i) => {
    const message = `case ${JSON.stringify(each.equals)} of "${id}" never runs: "switch" is ${shown}`;
    return isDead(each) ? [unreachable(message, [...path, 'cases', i, 'equals'])] : [];
  });
  if (rest.length === 0 || cases.every(isDead)) return findings;
  return [...findings, unreachable(`"default" of "${id}" never runs: "switch" is ${shown}`, [...path, 'switch'])];
}

/** A constant of CEL as far as JSON writes it, and text in either quotes. */
function literalOf(source: string): { readonly value: JsonScalar } | undefined {
  const quoted = /^'([^'\\]*)'$/.exec(source)?.[1];
  if (quoted !== undefined) return { value: quoted };
  if (!/^(?:true|false|null|-?\d+(?:\.\d+)?|"[^"\\]*")$/.test(source)) return undefined;
  try {
    // One of the forms above, which are scalars.
    return { value: JSON.parse(source) as JsonScalar };
  } catch {
    // CEL has more of them than JSON, such as 007: what they are worth is not for lint to say.
    return undefined;
  }
}

/** Empty when it cannot be read: the check of expressions says why. */
function textOf(condition: string): string {
  try {
    return stripBraces(condition).source;
  } catch {
    return '';
  }
}

function unreachable(message: string, path: Path): Finding {
  return { code: 'unreachable-branch', message, path, severity: 'warn', next: 'take it out, or mend the condition' };
}
