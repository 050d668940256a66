/** The keywords of JSON Schema (2020-12) that `parameters` may use, and what to write instead of the others. */

/** What the value of a keyword must be. `note`: anything, it is for people. */
export type Kind =
  | 'schema'
  | 'schemas'
  | 'schemaMap'
  | 'number'
  | 'positive'
  | 'count'
  | 'flag'
  | 'names'
  | 'namesMap'
  | 'types'
  | 'values'
  | 'any'
  | 'pattern'
  | 'patternMap'
  | 'ref'
  | 'dialect'
  | 'text'
  | 'note';

const byKind: Readonly<Record<Kind, readonly string[]>> = {
  schema: [
    'additionalProperties',
    'items',
    'contains',
    'propertyNames',
    'not',
    'if',
    'then',
    'else',
    'unevaluatedProperties',
    'unevaluatedItems',
  ],
  schemas: ['allOf', 'anyOf', 'oneOf', 'prefixItems'],
  schemaMap: ['properties', '$defs', 'dependentSchemas'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  positive: ['multipleOf'],
  count: [
    'minLength',
    'maxLength',
    'minItems',
    'maxItems',
    'minContains',
    'maxContains',
    'minProperties',
    'maxProperties',
  ],
  flag: ['uniqueItems', 'secret', 'deprecated', 'readOnly', 'writeOnly'],
  names: ['required'],
  namesMap: ['dependentRequired'],
  types: ['type'],
  values: ['enum'],
  any: ['const', 'default'],
  pattern: ['pattern'],
  patternMap: ['patternProperties'],
  ref: ['$ref'],
  dialect: ['$schema'],
  text: ['title', 'description', '$comment', 'format', 'contentEncoding', 'contentMediaType'],
  note: ['examples'],
};

export const keywords: ReadonlyMap<string, Kind> = new Map(
  // Object.entries forgets the type of the keys; they are those of the line above.
  (Object.entries(byKind) as readonly (readonly [Kind, readonly string[]])[]).flatMap(([kind, names]) =>
    names.map((name) => [name, kind] as const),
  ),
);

export const insteadOf: ReadonlyMap<string, string> = new Map([
  ['definitions', 'write $defs'],
  ['dependencies', 'write dependentRequired or dependentSchemas'],
  ['additionalItems', 'write prefixItems for the first items and items for the rest'],
  ['nullable', 'write type: [string, "null"]'],
  ['id', 'remove it: a schema is found by where it stands'],
  ['$id', 'remove it: a schema is found by where it stands'],
  ['$anchor', 'write $ref: "#/$defs/NAME"'],
  ['$dynamicRef', 'write $ref'],
  ['$dynamicAnchor', 'write $ref: "#/$defs/NAME"'],
  ['$recursiveRef', 'write $ref: "#"'],
  ['$recursiveAnchor', 'write $ref: "#"'],
  ['$vocabulary', 'remove it'],
  ['contentSchema', 'remove it: text is not looked into'],
  ['discriminator', 'write oneOf with const'],
]);

/** Their schemas look at the value that the schema around them looks at, not at a part of it. */
export const sameValue: ReadonlySet<string> = new Set([
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
]);

export const typeNames: readonly string[] = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];

export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
