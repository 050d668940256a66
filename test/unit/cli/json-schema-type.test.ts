import { expect, test } from 'vitest';
import { typeOfSchema } from '../../../src/cli/json-schema-type.ts';
import type { JsonValue } from '../../../src/core/json.ts';

const ADDRESS = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

const cases: readonly (readonly [JsonValue | undefined, string])[] = [
  [undefined, 'unknown'],
  [true, 'unknown'],
  [false, 'never'],
  [{ type: 'integer', minimum: 1 }, 'number'],
  [{ type: ['string', 'null'] }, 'string | null'],
  [{ enum: ['a b', 2, null] }, '("a b") | 2 | null'],
  [{ const: { a: [1] } }, '{ readonly "a": readonly [1] }'],
  [{ type: 'array', items: { type: 'string' } }, 'readonly string[]'],
  [{ type: 'array', items: { type: ['string', 'number'] } }, 'readonly (string | number)[]'],
  [{ type: 'array' }, 'readonly unknown[]'],
  [{ type: 'array', prefixItems: [{ type: 'number' }], items: false }, 'readonly [number]'],
  [{ type: 'array', prefixItems: [{ type: 'number' }], items: { type: 'string' } }, 'readonly [number, ...string[]]'],
  [ADDRESS, '{ readonly city: string }'],
  [{ properties: { 'a-b': { type: 'boolean' } } }, '{ readonly "a-b"?: boolean }'],
  [{ type: 'object' }, 'Readonly<Record<string, unknown>>'],
  [{ type: 'object', additionalProperties: { type: 'number' } }, 'Readonly<Record<string, number>>'],
  [{ type: 'object', additionalProperties: false }, 'Readonly<Record<string, never>>'],
  [{ anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }, 'string | (readonly string[])'],
  [{ oneOf: [{ type: 'string' }, {}] }, 'unknown'],
  [
    { allOf: [ADDRESS, { properties: { zip: { type: 'string' } } }] },
    '({ readonly city: string }) & ({ readonly zip?: string })',
  ],
  [{ $defs: { address: ADDRESS }, $ref: '#/$defs/address' }, '{ readonly city: string }'],
  [
    { $defs: { tree: { type: 'object', properties: { left: { $ref: '#/$defs/tree' } } } }, $ref: '#/$defs/tree' },
    '{ readonly left?: unknown }',
  ],
  [{ $ref: 'https://example.org/elsewhere' }, 'unknown'],
  [{ type: 'string', not: { const: 'x' } }, 'string'],
];

test.each(cases)('%j is %s', (schema, type) => {
  expect(typeOfSchema(schema)).toBe(type);
});

test('references that double at every step end', () => {
  const doubled = (i: number): JsonValue => ({
    type: 'array',
    prefixItems: [{ $ref: `#/$defs/d${i}` }, { $ref: `#/$defs/d${i}` }],
  });
  const $defs = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`d${i}`, doubled(i + 1)]));
  expect(typeOfSchema({ $defs, $ref: '#/$defs/d0' }).length).toBeLessThan(200_000);
});
