/** Schemas that are well formed and would keep a thread busy for very long. */
import type { JsonObject } from '../../../src/core/json.ts';

/** Each level tries the next one twice: 2^depth schemas. */
export function alternatives(depth: number): { readonly schema: JsonObject; readonly value: JsonObject } {
  const levels = Array.from({ length: depth }, (_, i): [string, JsonObject] => {
    const $ref = i + 1 === depth ? '#/$defs/end' : `#/$defs/d${i + 1}`;
    return [`d${i}`, { anyOf: [{ $ref }, { $ref }] }];
  });
  const schema = {
    properties: { p: { $ref: '#/$defs/d0' } },
    $defs: { ...Object.fromEntries(levels), end: { const: 1 } },
  };
  return { schema, value: { p: 2 } };
}

const doubled = alternatives(24);

export const hostileSchemas: readonly (readonly [string, JsonObject, JsonObject])[] = [
  ['alternatives that double', doubled.schema, doubled.value],
  [
    'a default that is filled in along doubling references',
    {
      properties: { p: { $ref: '#/$defs/d0' } },
      $defs: {
        ...Object.fromEntries(
          Array.from({ length: 24 }, (_, i) => [
            `d${i}`,
            { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
          ]),
        ),
        d24: { properties: { q: { default: 1 } } },
      },
    },
    { p: {} },
  ],
];
