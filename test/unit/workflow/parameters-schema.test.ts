/** What a workflow may say about its parameters. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../../src/core/limits.ts';
import { compilePattern, sizeOfPattern } from '../../../src/workflow/parameters/pattern.ts';
import { inspectWorkflow, inspectWorkflowValue } from '../../../src/workflow/read.ts';
import { cpuTimeOf } from './cpu-time.ts';

/** `place: message (hint) -> next` of every problem. */
function problems(parameters: unknown): readonly string[] {
  const { errors } = inspectWorkflowValue({
    name: 'Test',
    steps: [{ id: 'a', action: 'work' }],
    secrets: ['TOKEN'],
    parameters,
  });
  return errors.map(({ code, message, place, hint, next }) => {
    expect(code).toBe('BAD_SCHEMA');
    const spoken = hint === undefined ? '' : ` (${hint})`;
    return `${place?.pointer}: ${message}${spoken}${next === undefined ? '' : ` -> ${next}`}`;
  });
}

const property = (schema: unknown): unknown => ({ type: 'object', properties: { p: schema } });

describe('a schema is accepted', () => {
  test.each([
    ['of every type', property({ type: ['string', 'null'], default: null })],
    ['with limits', property({ minimum: 1, exclusiveMaximum: 9.5, multipleOf: 0.5, minLength: 0, maxItems: 3 })],
    ['with alternatives', property({ anyOf: [{ type: 'string' }, true], oneOf: [{ const: 1 }], not: false })],
    ['with conditions', JSON.parse('{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"maxProperties":1}}')],
    ['with lists', property({ prefixItems: [{ type: 'string' }], items: false, uniqueItems: true, contains: {} })],
    [
      'with names',
      { patternProperties: { '^x-': {} }, propertyNames: { maxLength: 8 }, dependentRequired: { a: ['b'] } },
    ],
    [
      'that is recursive',
      { properties: { tree: { $ref: '#/$defs/node' } }, $defs: { node: { items: { $ref: '#' } } } },
    ],
    ['with notes', { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'T', 'x-form': 1, examples: [1] }],
    ['with secrets', property({ type: 'string', secret: true, format: 'password' })],
    ['that allows everything', {}],
  ])('%s', (_, schema) => {
    expect(problems(schema)).toEqual([]);
  });
});

describe('a schema is refused, with the place and what to write instead', () => {
  test.each([
    [
      property({ minmum: 1 }),
      'parameters.properties.p.minmum: "minmum" is no keyword of JSON Schema 2020-12 (did you mean "minimum"?)',
    ],
    [
      property({ wobble: 1 }),
      'parameters.properties.p.wobble: "wobble" is no keyword of JSON Schema 2020-12 -> remove it, or begin its name with x- if it is a note',
    ],
    [
      property({ type: 'text' }),
      'parameters.properties.p.type: "type" must be one or several of null, boolean, integer, number, string, array, object',
    ],
    [property({ minimum: '1' }), 'parameters.properties.p.minimum: "minimum" must be a number'],
    [property({ minLength: -1 }), 'parameters.properties.p.minLength: "minLength" must be a whole number from 0'],
    [property({ multipleOf: 0 }), 'parameters.properties.p.multipleOf: "multipleOf" must be a number above 0'],
    [property({ secret: 'yes' }), 'parameters.properties.p.secret: "secret" must be true or false'],
    [property({ enum: [] }), 'parameters.properties.p.enum: "enum" must be a list of at least one value'],
    [property({ type: 'integer', default: '3' }), 'parameters.properties.p.default: "default" is no integer'],
    [property('string'), 'parameters.properties.p: a schema must be an object, true or false'],
    [
      property({ items: [{}] }),
      'parameters.properties.p.items: "items" must be a schema: an object, true or false -> write prefixItems',
    ],
    [{ required: ['a', 'a'] }, 'parameters.required: "required" has a name twice'],
    [{ required: ['__proto__'] }, 'parameters.required: "required" must not name "__proto__"'],
    [JSON.parse('{"properties":{"__proto__":{}}}'), 'parameters.properties: "properties" must not name "__proto__"'],
    [{ type: 'array' }, 'parameters.type: parameters are always an object -> type: object'],
    [{ definitions: {} }, 'parameters.definitions: "definitions" is not supported -> write $defs'],
    [
      property({ nullable: true }),
      'parameters.properties.p.nullable: "nullable" is not supported -> write type: [string, "null"]',
    ],
    [
      { $schema: 'http://json-schema.org/draft-07/schema#' },
      'parameters["$schema"]: only JSON Schema 2020-12 is supported -> remove it, or https://json-schema.org/draft/2020-12/schema',
    ],
    [
      property({ $ref: 'https://example.com/s.json' }),
      'parameters.properties.p["$ref"]: "$ref" leads out of this document -> copy the schema into $defs and write #/$defs/NAME',
    ],
    [
      { properties: { p: { $ref: '#/$defs/rwo' } }, $defs: { row: {} } },
      'parameters.properties.p["$ref"]: "$ref" leads to no schema of this document (did you mean "#/$defs/row"?)',
    ],
    [{ $ref: '#' }, 'parameters: a schema that asks itself about the same value never ends'],
  ])('%j', (schema, problem) => {
    expect(problems(schema)).toEqual([problem]);
  });

  test('with all of its problems at once', () => {
    const schema = { properties: { a: { type: 'int' }, b: { maximun: 1 } }, required: 'a' };
    expect(problems(schema).map((problem) => problem.split(':')[0])).toEqual([
      'parameters.properties.a.type',
      'parameters.properties.b.maximun',
      'parameters.required',
    ]);
  });

  test('with line and column of a text', () => {
    const text = 'name: T\nparameters:\n  properties:\n    n: { type: int }\nsteps: [{ id: a, action: a }]\n';
    const { errors } = inspectWorkflow({ text, format: 'yaml', file: 't.yaml' });
    expect(errors[0]).toMatchObject({ code: 'BAD_SCHEMA', place: { file: 't.yaml', line: 4, column: 16 } });
  });

  test('when a circle of references looks at one value for ever, but not when it looks at its parts', () => {
    const circle = {
      $ref: '#/$defs/a',
      $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } },
    };
    expect(problems(circle)).toHaveLength(1);
    expect(problems({ properties: { child: { $ref: '#' } } })).toEqual([]);
  });

  test('when it is larger than it may be', () => {
    const many = Object.fromEntries(Array.from({ length: 1_100 }, (_, i) => [`p${i}`, {}]));
    expect(problems({ properties: many })).toEqual(['parameters: 1101 schemas in one; at most 1000 are allowed']);
    expect(problems({ description: 'x'.repeat(limits.parameterSchemaBytesMax) })[0]).toMatch(/bytes; at most 65536/);
    expect(problems(property({ enum: Array.from({ length: 1_001 }, (_, i) => i) }))[0]).toMatch(/has 1001 values/);
  });
});

describe('patterns', () => {
  test.each(['^(?!a)', '(?=a)b', '(a)\\1', '[a', 'a**b(', '\\p{Greek}'])('%s is refused', (pattern) => {
    expect(problems(property({ pattern }))[0]).toMatch(/"pattern" cannot be read: .* -> patterns are RE2/);
    expect(problems({ patternProperties: { [pattern]: {} } })[0]).toMatch(/"patternProperties" cannot be read/);
  });

  test('take the escapes of JavaScript', () => {
    expect(compilePattern('^caf\\u00e9\\/\\d$').test('café/1')).toBe(true);
    expect(compilePattern('^\\\\u00e9$').test('\\u00e9')).toBe(true);
    expect(compilePattern('^[\\p{L} ]+$').test('Ærø ö')).toBe(true);
  });

  test('are as large as their repeats', () => {
    expect(sizeOfPattern('^[a-z]{3}$')).toBe(5);
    expect(sizeOfPattern('(?:ab){1000}')).toBeGreaterThanOrEqual(2_000);
    expect(sizeOfPattern('((a{10}){10}){10}')).toBeGreaterThanOrEqual(1_000);
    expect(sizeOfPattern('[)\\]({9}]x')).toBe(2);
    expect(sizeOfPattern('\\p{L}{1000}')).toBeGreaterThan(10_000);
  });

  test('that would fill the memory when compiled are refused without being compiled', () => {
    const pattern = `(?:${'x'.repeat(1_000)}){1000}`;
    const work = () => expect(problems(property({ pattern }))[0]).toMatch(/too large/);
    expect(cpuTimeOf(work)).toBeLessThan(1_000);
  });

  test('cannot make a check of a definition slow, however many there are', () => {
    for (const pattern of ['(a|b|c){40}', '\\p{L}\\p{N}'.repeat(4), '((x{9}){9}){9}']) {
      const properties = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`p${i}`, { pattern }]));
      expect(cpuTimeOf(() => expect(problems({ properties })[0]).toMatch(/too large/))).toBeLessThan(3_000);
    }
  });
});

test.each([
  ['at the top', { secret: true }],
  ['in the items of a list', property({ type: 'array', items: { secret: true } })],
  ['in an alternative', property({ anyOf: [{ type: 'string', secret: true }, { type: 'null' }] })],
  ['where a reference points', { ...Object(property({ $ref: '#/$defs/key' })), $defs: { key: { secret: true } } }],
  ['in properties of any name', { additionalProperties: { secret: true } }],
])('a secret %s is refused, because no single value is meant by it', (_, schema) => {
  expect(problems(schema)).toEqual([expect.stringContaining('"secret" stands only in "properties"')]);
});

test.each([
  ['of another parameter', { p: { type: 'string', secret: true }, q: { $ref: '#/properties/p' } }, 'is secret'],
  [
    'by way of an alternative',
    { p: { type: 'string', secret: true }, q: { anyOf: [{ $ref: '#/properties/p' }, { type: 'null' }] } },
    'is secret',
  ],
  [
    'in an object',
    { db: { type: 'object', properties: { key: { secret: true } } }, q: { $ref: '#/properties/db' } },
    'has a secret in it, "#/properties/db/properties/key"',
  ],
  ['in the schema itself', { p: { secret: true }, q: { $ref: '#' } }, 'has a secret in it, "#/properties/p"'],
])('a reference to the schema of a secret %s is refused: what it means would not be secret', (_, properties, fact) => {
  const found = problems({ type: 'object', properties });
  expect(found).toEqual([expect.stringContaining(`"$ref" leads to a schema that ${fact}`)]);
});

test('a reference to a schema beside a secret is one as any other', () => {
  const properties = { p: { type: 'string', secret: true }, pq: { type: 'string' }, q: { $ref: '#/properties/pq' } };
  expect(problems({ type: 'object', properties })).toEqual([]);
});

test('a secret in an object within an object is one value', () => {
  expect(problems(property({ type: 'object', properties: { key: { type: 'string', secret: true } } }))).toEqual([]);
});
