/** How references to secrets are written, and which of them a definition may resolve. */
import { isJsonObject, type JsonObject } from '../core/json.ts';
import { SECRET_PREFIX } from '../core/secret-mark.ts';
import type { SecretScope } from './compiled.ts';
import type { WorkflowDefinition } from './definition.ts';

const CALL = /^secret\(\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*\)$/;

/** `secret:NAME` as a whole text: the name, whatever it is made of. */
export function readReference(text: string): string | undefined {
  return text.startsWith(SECRET_PREFIX) ? text.slice(SECRET_PREFIX.length) : undefined;
}

/** An expression that is nothing but `secret('NAME')`. */
export function readSecretCall(source: string): string | undefined {
  const match = CALL.exec(source);
  return match === null ? undefined : (match[1] ?? match[2]);
}

export function secretScopeOf(definition: WorkflowDefinition): SecretScope {
  return { names: new Set(definition.secrets), parameters: secretParameters(definition.parameters) };
}

/** Run parameters whose schema says `secret: true`, through objects. */
function secretParameters(
  schema: JsonObject | undefined,
  keys: readonly string[] = [],
): readonly (readonly string[])[] {
  if (schema?.secret === true && keys.length > 0) return [keys];
  const properties = schema?.properties;
  if (!isJsonObject(properties)) return [];
  return Object.entries(properties).flatMap(([key, inner]) =>
    isJsonObject(inner) ? secretParameters(inner, [...keys, key]) : [],
  );
}
