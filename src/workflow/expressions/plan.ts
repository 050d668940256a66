/** What a template is made of once its expressions are read. */
import type { JsonValue } from '../../core/json.ts';
import type { Expression } from '../compiled.ts';

export type Plan =
  | { readonly kind: 'constant'; readonly value: JsonValue }
  /** A string that is exactly one expression: the value keeps its type. */
  | { readonly kind: 'value'; readonly expression: Expression }
  | { readonly kind: 'text'; readonly parts: readonly (string | Expression | SecretReference)[] }
  | SecretReference
  | { readonly kind: 'list'; readonly items: readonly Plan[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, Plan])[] };

/** A secret by its name, as it stands literally in a definition. */
export interface SecretReference {
  readonly kind: 'secret';
  readonly name: string;
}

/** How a value reads inside text: numbers without `.0`, containers as JSON. */
export function textOfJson(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
