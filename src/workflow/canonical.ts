/** The text that a definition's content hash is taken over. */
import { canonicalJson, isJsonObject, type JsonValue } from '../core/json.ts';
import type { WorkflowDefinition } from './definition.ts';

/** Canonical JSON of the normal form; two definitions with this same text are the same version. */
export function canonicalWorkflow(definition: WorkflowDefinition): string {
  return canonicalText(definition);
}

/** The same of a part of one. */
export function canonicalText(part: unknown): string {
  return canonicalJson(withoutUndefined(part));
}

/** A definition built by hand may carry undefined members; they are not part of its content. */
function withoutUndefined(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (isJsonObject(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.map(([key, member]) => [key, withoutUndefined(member)]));
  }
  const isPlain =
    value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isPlain ? value : null;
}
