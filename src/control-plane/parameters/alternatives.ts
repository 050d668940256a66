/** ajv lists what every alternative of an `anyOf` or `oneOf` missed, and every item that `contains` did not want; for people that is one problem. */
import type { ErrorObject } from 'ajv/dist/2020.js';

export interface Folded {
  readonly error: ErrorObject;
  /** Of an `anyOf` or `oneOf`: the errors of its alternatives. */
  readonly inside: readonly ErrorObject[];
}

const FOLDING: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'contains']);

/** The errors of the alternatives stand right before the error that says that none fits. */
export function foldAlternatives(errors: readonly ErrorObject[]): readonly Folded[] {
  const folded: Folded[] = [];
  for (const error of errors) {
    if (!FOLDING.has(error.keyword)) {
      folded.push({ error, inside: [] });
      continue;
    }
    const inside: ErrorObject[] = [];
    for (let last = folded.at(-1); last !== undefined && isInside(last.error, error); last = folded.at(-1)) {
      folded.pop();
      inside.unshift(...(last.inside.length > 0 ? last.inside : [last.error]));
    }
    folded.push({ error, inside: error.keyword === 'contains' ? [] : inside });
  }
  return folded;
}

function isInside(inner: ErrorObject, outer: ErrorObject): boolean {
  if (inner.instancePath !== outer.instancePath && !inner.instancePath.startsWith(`${outer.instancePath}/`))
    return false;
  if (inner.schemaPath.startsWith(`${outer.schemaPath}/`)) return true;
  // Behind a reference the way to a schema begins anew.
  const around = outer.schemaPath.slice(0, -outer.keyword.length);
  const isBeside = inner.schemaPath.startsWith(around) && !inner.schemaPath.startsWith('#/$defs/');
  return !isBeside && JSON.stringify(outer.schema).includes('"$ref"');
}
