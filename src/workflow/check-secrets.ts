/** Every reference to a secret is on the workflow's list, and the list is one. */
import { isJsonObject, type JsonValue } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { SECRET_NAME_PATTERN, SECRET_PREFIX } from '../core/secret-mark.ts';
import type { WorkflowDefinition } from './definition.ts';
import { OPENING, splitTemplate } from './expressions/source.ts';
import type { Finding, Path } from './finding.ts';
import { readReference, readSecretCall, secretScopeOf } from './secrets.ts';
import type { Suggestions } from './suggestions.ts';
import type { Survey } from './survey.ts';

/** A reference as it is written. */
export interface SecretUse {
  readonly name: string;
  readonly path: Path;
  readonly part?: Finding['part'];
}

export function checkSecrets(
  definition: WorkflowDefinition,
  survey: Survey,
  suggestions: Suggestions,
): readonly Finding[] {
  const listed = definition.secrets ?? [];
  const unlisted = usesOf(survey)
    .filter(({ name }) => !listed.includes(name))
    .map((use) => explainUnlisted(use, listed, suggestions));
  return [...checkList(listed), ...unlisted, ...checkParameters(definition, listed)];
}

/** References in parameters of agent steps, in the order they are written. */
export function usesOf(survey: Survey): readonly SecretUse[] {
  return survey.entries.flatMap(({ step, path }) =>
    step.type === 'agent' && step.parameters !== undefined ? usesIn(step.parameters, [...path, 'parameters']) : [],
  );
}

function usesIn(value: JsonValue, path: Path): readonly SecretUse[] {
  if (typeof value === 'string') return usesInText(value, path);
  if (Array.isArray(value)) return value.flatMap((item, i) => usesIn(item, [...path, i]));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => usesIn(item, [...path, key]));
}

function usesInText(text: string, path: Path): readonly SecretUse[] {
  const name = readReference(text);
  if (name !== undefined) return [{ name, path }];
  if (!text.includes(OPENING)) return [];
  return partsOf(text).flatMap((part) => {
    const called = part.kind === 'expression' ? readSecretCall(part.source) : undefined;
    if (called === undefined || part.kind === 'text') return [];
    return [{ name: called, path, part: { offset: part.offset, length: part.source.length } }];
  });
}

/** None when it cannot be cut: the check of expressions says why. */
function partsOf(text: string): ReturnType<typeof splitTemplate> {
  try {
    return splitTemplate(text);
  } catch {
    return [];
  }
}

function explainUnlisted(use: SecretUse, listed: readonly string[], suggestions: Suggestions): Finding {
  const { name, path, part } = use;
  const at = { path, ...(part === undefined ? {} : { part }) };
  if (!SECRET_NAME_PATTERN.test(name)) {
    const message = `text that begins with "${SECRET_PREFIX}" is the name of a secret, which must be letters, digits and "_"`;
    return { code: 'BAD_FIELD', message, ...at, next: `for the text itself write \${{ '${SECRET_PREFIX}...' }}` };
  }
  const near = suggestions.nearest(name, listed);
  return {
    code: 'UNKNOWN_SECRET',
    message: `secret "${name}" is not on the workflow's list of secrets`,
    ...at,
    ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
    next: `secrets: [${[...listed, name].join(', ')}]`,
  };
}

function checkList(listed: readonly string[]): readonly Finding[] {
  const findings = listed.flatMap((name, i): Finding[] => {
    const report = (message: string): Finding[] => [{ code: 'BAD_FIELD', message, path: ['secrets', i] }];
    const shown = JSON.stringify(name.slice(0, 80));
    if (!SECRET_NAME_PATTERN.test(name))
      return report(`${shown} is no name of a secret: 1 to 128 letters, digits and "_", not beginning with a digit`);
    return listed.indexOf(name) < i ? report(`secret ${shown} is listed twice`) : [];
  });
  if (listed.length <= limits.secretsMax) return findings;
  return [{ code: 'LIMIT', message: `${listed.length} secrets, limit ${limits.secretsMax}`, path: ['secrets'] }];
}

function checkParameters(definition: WorkflowDefinition, listed: readonly string[]): readonly Finding[] {
  const [first] = secretScopeOf(definition).parameters;
  if (first === undefined || listed.length > 0) return [];
  const message = `parameter "${first.join('.')}" is secret, but the workflow lists no secrets that it could name`;
  return [{ code: 'BAD_FIELD', message, path: ['parameters'], next: 'secrets: [NAME]' }];
}
