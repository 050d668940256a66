/**
 * Evaluates a template and marks the references to secrets in the result. A mark is made for what stands literally in the
 * definition, and for a run parameter that the schema calls secret where the template hands it on as it is. Text that only
 * looks like a reference, because data brought it, gets none.
 */
import type { JsonValue } from '../../core/json.ts';
import { extendPointer, type SecretMark, showReference } from '../../core/secret-mark.ts';
import type { Expression, Scope, SecretScope, Template } from '../compiled.ts';
import { readReference } from '../secrets.ts';
import { refuseLongText } from './meter.ts';
import { member } from './navigate.ts';
import { readPlainPath } from './plain-path.ts';
import { type Plan, textOfJson } from './plan.ts';

/** Undefined for a template that can hold no reference. */
export function createMarked(plan: Plan, secrets: SecretScope): Pick<Template, 'evaluateMarked'> | undefined {
  if (!canHold(plan, secrets)) return undefined;
  return {
    evaluateMarked: (scope) => {
      const marker = new Marker(scope, secrets);
      return { value: marker.value(plan, ''), marks: marker.marks };
    },
  };
}

function canHold(plan: Plan, secrets: SecretScope): boolean {
  switch (plan.kind) {
    case 'constant':
      return false;
    case 'secret':
      return true;
    case 'value':
      return secretsBelow(plan.expression, secrets).length > 0;
    case 'text':
      return plan.parts.some(
        (part) => typeof part !== 'string' && ('kind' in part || secretsBelow(part, secrets).length > 0),
      );
    case 'list':
      return plan.items.some((item) => canHold(item, secrets));
    case 'object':
      return plan.members.some(([, item]) => canHold(item, secrets));
  }
}

/** Of `params`, `params.a`: where secret parameters stand in its value, each by its keys. */
function secretsBelow({ source }: Expression, secrets: SecretScope): readonly (readonly string[])[] {
  if (secrets.parameters.length === 0) return [];
  const path = readPlainPath(source);
  if (path?.root !== 'params') return [];
  const keys = path.keys.map(({ key }) => key);
  return secrets.parameters
    .filter((parameter) => keys.length <= parameter.length && keys.every((key, i) => key === parameter[i]))
    .map((parameter) => parameter.slice(keys.length));
}

class Marker {
  readonly marks: SecretMark[] = [];
  readonly #scope: Scope;
  readonly #secrets: SecretScope;

  constructor(scope: Scope, secrets: SecretScope) {
    this.#scope = scope;
    this.#secrets = secrets;
  }

  value(plan: Plan, pointer: string): JsonValue {
    switch (plan.kind) {
      case 'constant':
        return plan.value;
      case 'secret':
        return this.#reference(plan.name, pointer, 0);
      case 'value':
        return this.#expression(plan.expression, pointer);
      case 'text':
        return this.#text(plan.parts, pointer);
      case 'list':
        return plan.items.map((item, i) => this.value(item, extendPointer(pointer, i)));
      case 'object':
        return Object.fromEntries(
          plan.members.map(([key, item]) => [key, this.value(item, extendPointer(pointer, key))]),
        );
    }
  }

  #text(parts: (Plan & { readonly kind: 'text' })['parts'], pointer: string): string {
    let text = '';
    for (const part of parts) {
      if (typeof part === 'string') text += part;
      else if ('kind' in part) text += this.#reference(part.name, pointer, text.length);
      else {
        const value = part.evaluate(this.#scope);
        const isParameter = secretsBelow(part, this.#secrets).some((keys) => keys.length === 0);
        if (isParameter) this.#parameter(value, pointer, text.length);
        text += textOfJson(value);
      }
      refuseLongText(text.length);
    }
    return text;
  }

  #expression(expression: Expression, pointer: string): JsonValue {
    const value = expression.evaluate(this.#scope);
    for (const keys of secretsBelow(expression, this.#secrets)) {
      const found = keys.reduce<JsonValue | undefined>((at, key) => (at === undefined ? at : member(at, key)), value);
      this.#parameter(found, keys.reduce(extendPointer, pointer), 0);
    }
    return value;
  }

  #parameter(value: JsonValue | undefined, pointer: string, offset: number): void {
    const name = typeof value === 'string' ? readReference(value) : undefined;
    if (name !== undefined && this.#secrets.names.has(name)) this.marks.push({ pointer, offset, name });
  }

  #reference(name: string, pointer: string, offset: number): string {
    this.marks.push({ pointer, offset, name });
    return showReference(name);
  }
}
