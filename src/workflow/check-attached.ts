/** What belongs to another step (`fallback`, `compensate`) is an agent step that leaves the rest to its owner. */
import type { StepDefinition } from './definition.ts';
import type { Finding } from './finding.ts';
import type { Entry } from './survey.ts';

const START = 'its owner says when it starts';

/** Fields that it does not have, each with what there is instead. */
export const attachedRefusals: ReadonlyMap<string, string> = new Map([
  ['dependencies', START],
  ['runOn', START],
  ['onFailure', 'its owner says what its failure means'],
  ['fallback', 'it may have retries'],
  ['compensate', 'its owner may have it'],
]);

/** Of a step that has an owner. */
export function checkAttached({ step, path, level }: Entry): readonly Finding[] {
  if (level.attached === undefined) return [];
  const subject = `${level.attached} "${step.id}"`;
  const wrongKind: readonly Finding[] =
    step.type === 'agent' ? [] : [{ code: 'BAD_FIELD', message: `${subject} must be an agent step`, path }];
  const refused = [...attachedRefusals].flatMap(([field, hint]): readonly Finding[] =>
    isStated(step, field) ? [{ ...refuseAttached(subject, field), path: [...path, field], hint }] : [],
  );
  return [...wrongKind, ...refused];
}

export function refuseAttached(subject: string, field: string): Pick<Finding, 'code' | 'message'> {
  return { code: 'BAD_FIELD', message: `${subject}: "${field}" is not for a step that belongs to another` };
}

/** Of a step that may own one: what runs at the end of the run is not undone at the end of the run. */
export function checkCompensated({ step, path, level }: Entry): readonly Finding[] {
  if (step.compensate === undefined || level.attached !== undefined || !level.isCleanup) return [];
  const message = `step "${step.id}": "compensate" is for steps of the body; "finally" runs after the compensations`;
  return [{ code: 'BAD_FIELD', message, path: [...path, 'compensate'] }];
}

function isStated(step: StepDefinition, field: string): boolean {
  switch (field) {
    case 'dependencies':
      return step.dependencies.length > 0;
    case 'runOn':
      return step.runOn !== undefined;
    case 'onFailure':
      return step.onFailure !== undefined;
    case 'fallback':
      return step.fallback !== undefined;
    default:
      return step.compensate !== undefined;
  }
}
