/** Checks of parameters: the same code in tests, on the thread of the control plane and in its worker. */
import { describe, expect, test } from 'vitest';
import { InProcessChecks } from '../../../src/control-plane/parameters/in-process.ts';
import { ParameterValidator } from '../../../src/control-plane/parameters/validator.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { limits } from '../../../src/core/limits.ts';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';
import { checkParametersSchema } from '../../../src/workflow/parameters/check-schema.ts';
import { cpuTimeOf } from '../workflow/cpu-time.ts';

const checks = new InProcessChecks();

async function check(schema: JsonObject, value: unknown) {
  expect(checkParametersSchema(schema, ['parameters'])).toEqual([]);
  return checks.check(schema, encodeValue(value));
}

/** The messages, each of which begins with its place. */
async function messages(schema: JsonObject, value: unknown): Promise<readonly string[]> {
  const { problems } = await check(schema, value);
  return problems.map(({ code, message, place }) => {
    expect(code).toBe('PARAMETERS_INVALID');
    expect(message.startsWith(place?.pointer ?? 'nowhere')).toBe(true);
    return message;
  });
}

const of = (schema: JsonObject): JsonObject => ({ type: 'object', properties: { p: schema } });

describe('a value that does not fit is refused with its place and what must be there', () => {
  test.each<[JsonObject, unknown, string]>([
    [of({ type: 'string' }), 1, 'parameters.p must be string, not number'],
    [of({ type: 'integer' }), 1.5, 'parameters.p must be integer, not number'],
    [of({ type: 'number' }), '5', 'parameters.p must be number, not string'],
    [of({ type: ['string', 'null'] }), [], 'parameters.p must be string or null, not array'],
    [of({ type: 'boolean' }), null, 'parameters.p must be boolean, not null'],
    [of({ enum: ['a', 2] }), 'b', 'parameters.p must be one of "a", 2'],
    [of({ const: { a: 1 } }), 1, 'parameters.p must be {"a":1}'],
    [of({ minimum: 3 }), 2, 'parameters.p must be at least 3'],
    [of({ maximum: 3 }), 4, 'parameters.p must be at most 3'],
    [of({ exclusiveMinimum: 3 }), 3, 'parameters.p must be more than 3'],
    [of({ exclusiveMaximum: 3 }), 3, 'parameters.p must be less than 3'],
    [of({ multipleOf: 0.1 }), 0.35, 'parameters.p must be a multiple of 0.1'],
    [of({ minLength: 2 }), 'é', 'parameters.p must have at least 2 characters'],
    [of({ maxLength: 1 }), 'ab', 'parameters.p must have at most 1 characters'],
    [of({ pattern: '^a+$' }), 'b', 'parameters.p must match ^a+$'],
    [of({ minItems: 1 }), [], 'parameters.p must have at least 1 items'],
    [of({ maxItems: 1 }), [1, 2], 'parameters.p must have at most 1 items'],
    [of({ prefixItems: [{}], items: false }), [1, 2], 'parameters.p must have at most 1 items'],
    [of({ uniqueItems: true }), [{ a: 1 }, 2, { a: 1 }], 'parameters.p must not have the same item twice (0 and 2)'],
    [
      of({ contains: { type: 'string' } }),
      [1],
      'parameters.p must have at least 1 items of the kind that the schema states',
    ],
    [of({ minProperties: 1 }), {}, 'parameters.p must have at least 1 members'],
    [of({ maxProperties: 0 }), { a: 1 }, 'parameters.p must have at most 0 members'],
    [of({ required: ['a b'] }), {}, 'parameters.p["a b"] is missing'],
    [of({ dependentRequired: { a: ['b'] } }), { a: 1 }, 'parameters.p.b is missing; it is needed with "a"'],
    [
      of({ properties: { table: {} }, additionalProperties: false }),
      { tabel: 1 },
      'parameters.p.tabel is not known; did you mean "table"?',
    ],
    [of({ properties: { a: {} }, unevaluatedProperties: false }), { q: 1 }, 'parameters.p.q is not known'],
    [of({ additionalProperties: { type: 'string' } }), { q: 1 }, 'parameters.p.q must be string, not number'],
    [of({ patternProperties: { '^x': { type: 'string' } } }), { xa: 1 }, 'parameters.p.xa must be string, not number'],
    [
      of({ propertyNames: { maxLength: 2 } }),
      { abc: 1 },
      'parameters.p.abc has a name that must have at most 2 characters',
    ],
    [of({ anyOf: [{ type: 'string' }, { type: 'null' }] }), 1, 'parameters.p must be string or null, not number'],
    [of({ oneOf: [{ type: 'number' }, { minimum: 0 }] }), 1, 'parameters.p fits several alternatives, must fit one'],
    [of({ not: { type: 'string' } }), 'a', 'parameters.p is what the schema excludes'],
    [
      of(JSON.parse('{"if":{"type":"string"},"then":{"minLength":1}}')),
      '',
      'parameters.p must have at least 1 characters',
    ],
    [{ properties: { p: false } }, 1, 'parameters.p must not be there'],
    [
      { properties: { p: { $ref: '#/$defs/n' } }, $defs: { n: { type: 'null' } } },
      1,
      'parameters.p must be null, not number',
    ],
  ])('%j', async (schema, value, message) => {
    expect(await messages(schema, { p: value })).toEqual([message]);
  });

  test('in a list, with its index, and all of them at once', async () => {
    const row: JsonObject = { type: 'object', properties: { id: { type: 'integer' } }, required: ['id', 'name'] };
    const schema: JsonObject = { properties: { rows: { items: row }, table: { type: 'string' } }, required: ['table'] };
    expect(await messages(schema, { rows: [{ id: 1, name: 'a' }, { id: '2' }, 3] })).toEqual([
      'parameters.table is missing',
      'parameters.rows[1].name is missing',
      'parameters.rows[1].id must be integer, not string',
      'parameters.rows[2] must be object, not number',
    ]);
  });

  test('among alternatives, with what each of them asks for', async () => {
    const a: JsonObject = { properties: { k: { const: 'a' }, n: { type: 'number' } }, required: ['k', 'n'] };
    const schema: JsonObject = {
      properties: { p: { oneOf: [{ $ref: '#/$defs/a' }, { type: 'string' }] }, q: { type: 'null' } },
      $defs: { a },
    };
    expect(await messages(schema, { p: { k: 'b' }, q: 1 })).toEqual([
      'parameters.p fits none of the alternatives: n is missing | k must be "a" | it must be string, not object',
      'parameters.q must be null, not number',
    ]);
  });

  test('without the value itself, which may be a secret', async () => {
    const secret = 'hunter2';
    const schema = of({
      secret: true,
      type: 'string',
      minLength: 20,
      pattern: '^k',
      enum: ['k'],
      not: { const: secret },
    });
    const found = await messages(schema, { p: secret });
    expect(found.length).toBeGreaterThan(3);
    expect(found.join()).not.toContain(secret);
  });

  test('in a list of the first 100, and the rest is counted', async () => {
    const found = await check(of({ items: { type: 'string' } }), { p: Array.from({ length: 130 }, () => 1) });
    expect(found.problems).toHaveLength(limits.problemsMax);
    expect(found.problemCount).toBe(130);
  });

  test('under a name of any length, cut', async () => {
    const [message] = await messages({ additionalProperties: false }, { ['n'.repeat(10_000)]: 1 });
    expect(message?.length).toBeLessThan(400);
  });
});

describe('defaults', () => {
  async function filled(schema: JsonObject, value: unknown): Promise<unknown> {
    const { problems, parameters } = await check(schema, value);
    expect(problems).toEqual([]);
    return decodeValue(parameters);
  }

  test('are filled in at every depth, also within a default and for what is required', async () => {
    const options: JsonObject = { default: {}, properties: { depth: { default: 3 }, mode: { default: 'fast' } } };
    const rows: JsonObject = { items: { properties: { n: { default: 0 } } } };
    const schema: JsonObject = {
      properties: { options, rows, name: { type: 'string', default: 'x' } },
      required: ['name'],
    };
    expect(await filled(schema, { rows: [{}, { n: 1 }] })).toEqual({
      name: 'x',
      options: { depth: 3, mode: 'fast' },
      rows: [{ n: 0 }, { n: 1 }],
    });
  });

  test('come through allOf, references and the first items, and not from alternatives', async () => {
    const schema: JsonObject = {
      allOf: [{ properties: { a: { default: 1 } } }, { $ref: '#/$defs/b~1c' }],
      anyOf: [{ properties: { never: { default: 1 } } }],
      properties: { list: { prefixItems: [{ properties: { x: { default: null } } }] } },
      $defs: { 'b/c': { properties: { b: { default: 2 } } } },
    };
    expect(await filled(schema, { list: [{}, {}] })).toEqual({ a: 1, b: 2, list: [{ x: null }, {}] });
  });

  test('replace nothing that was given, not even null', async () => {
    expect(await filled(of({ default: 1 }), { p: null })).toEqual({ p: null });
    const bytes = encodeValue({ p: 0 });
    expect((await checks.check(of({ default: 1 }), bytes)).parameters).toBe(bytes);
  });

  test('that do not fit are found', async () => {
    expect(await messages(of({ default: 5, maximum: 3 }), {})).toEqual(['parameters.p must be at most 3']);
  });

  test('cannot be used to fill the memory', async () => {
    const long = { properties: { rows: { items: { properties: { x: { default: 'x'.repeat(10_000) } } } } } };
    expect(await messages(long, { rows: Array.from({ length: 1_000 }, () => ({})) })).toEqual(
      ['parameters'].map(() => expect.stringMatching(/parameters with their defaults are over 1048576 bytes/)),
    );
    const node: JsonObject = { properties: { l: { $ref: '#', default: {} }, r: { $ref: '#', default: {} } } };
    expect(await messages(node, {})).toEqual([expect.stringMatching(/nested deeper than 32/)]);
  });
});

describe('names that every object has', () => {
  test('are missing when they were not given', async () => {
    expect(await messages({ required: ['toString', 'constructor'] }, {})).toHaveLength(2);
    const schema: JsonObject = { properties: { valueOf: { default: 1 } } };
    expect(decodeValue((await check(schema, {})).parameters)).toEqual({ valueOf: 1 });
  });

  test('"__proto__" is a name like others in a value, and changes no prototype', async () => {
    const value: unknown = JSON.parse('{"__proto__": {"polluted": true}, "p": {}}');
    const schema: JsonObject = { properties: { p: { properties: { q: { default: 1 } } } } };
    const { parameters, problems } = await check(schema, value);
    expect(problems).toEqual([]);
    expect(JSON.stringify(decodeValue(parameters))).toBe('{"__proto__":{"polluted":true},"p":{"q":1}}');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect(await messages({ additionalProperties: false, properties: { p: {} } }, value)).toEqual([
      'parameters.__proto__ is not known; the schema has p',
    ]);
    expect(await messages({ additionalProperties: { type: 'string' } }, JSON.parse('{"__proto__": 1}'))).toEqual([
      'parameters.__proto__ must be string, not number',
    ]);
  });
});

test('10,000 items are compared with each other in one pass', async () => {
  const items = Array.from({ length: 10_000 }, (_, i) => ({ a: [i] }));
  const schema = of({ uniqueItems: true });
  const validator = new ParameterValidator(schema);
  expect(cpuTimeOf(() => expect(validator.check(encodeValue({ p: items })).problemCount).toBe(0))).toBeLessThan(2_000);
  expect(await messages(schema, { p: [...items, { a: [7] }] })).toEqual([
    'parameters.p must not have the same item twice (7 and 10000)',
  ]);
});

test('values are compared by what is in them, whatever its names', async () => {
  const odd = { toString: [], valueOf: 1, constructor: null };
  for (const schema of [of({ const: odd }), of({ enum: [1, odd] })]) {
    expect(await messages(schema, { p: { constructor: null, valueOf: 1, toString: [] } })).toEqual([]);
    expect(await messages(schema, { p: { ...odd, valueOf: 2 } })).toHaveLength(1);
    expect(await messages(schema, { p: { toString: 'x' } })).toHaveLength(1);
  }
  expect(await messages(of({ uniqueItems: true }), { p: [odd, { ...odd }] })).toHaveLength(1);
});

test('a catastrophic regular expression takes time in proportion to the text', async () => {
  const schema = of({ pattern: '^(a+)+$' });
  const [message] = await messages(schema, { p: `${'a'.repeat(50_000)}!` });
  expect(message).toBe('parameters.p must match ^(a+)+$');
});

test('a value may be as deep as a value can be', async () => {
  let value: unknown = 'leaf';
  for (let depth = 1; depth < limits.valueDepthMax; depth++) value = { p: value };
  expect(await messages({ properties: { p: { $ref: '#' } }, not: { type: 'object', required: ['q'] } }, value)).toEqual(
    [],
  );
});
