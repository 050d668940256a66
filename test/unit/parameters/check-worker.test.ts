/** The worker that checks parameters, and what is checked without it. */
import { describe, expect, test } from 'vitest';
import { mayCheckHere, weightOf } from '../../../src/control-plane/parameters/cost.ts';
import { GuardedChecks } from '../../../src/control-plane/parameters/guarded.ts';
import { InProcessChecks } from '../../../src/control-plane/parameters/in-process.ts';
import { isYardmasterError } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { limits } from '../../../src/core/limits.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { checkParametersSchema } from '../../../src/workflow/parameters/check-schema.ts';
import { cpuTimeOf } from '../workflow/cpu-time.ts';
import { alternatives, hostileSchemas } from './hostile.ts';

/** Long enough for any honest check on a busy machine. */
const PATIENT = { compileMs: 30_000, checkMs: 30_000 };

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return isYardmasterError(error) ? error.code : String(error);
  }
}

async function withChecks(
  options: { checkMs?: number; compileMs?: number },
  use: (checks: GuardedChecks) => Promise<void>,
) {
  const checks = new GuardedChecks(options);
  try {
    await use(checks);
  } finally {
    await checks.close();
  }
}

describe('in the worker', () => {
  test('the answer is the same as in this thread', () =>
    withChecks(PATIENT, async (checks) => {
      const schema: JsonObject = {
        properties: { a: { anyOf: [{ type: 'string' }, { type: 'null' }] }, b: { default: 1 } },
      };
      expect(weightOf(schema)).toBeUndefined();
      for (const value of [{ a: 'x' }, { a: 1 }, {}]) {
        const bytes = encodeValue(value);
        const here = await new InProcessChecks().check(schema, bytes);
        const there = await checks.check(schema, bytes);
        expect({ ...there, parameters: [...there.parameters] }).toEqual({ ...here, parameters: [...here.parameters] });
      }
    }));

  test.each(hostileSchemas)(
    '%s ends with SCHEMA_TOO_COSTLY, and the next check is answered by a new thread',
    (_, schema, value) =>
      withChecks({ compileMs: 30_000, checkMs: 150 }, async (checks) => {
        expect(checkParametersSchema(schema, [])).toEqual([]);
        const harmless: JsonObject = { not: { required: ['a'] } };
        const answers = [checks.check(schema, encodeValue(value)), checks.check(harmless, encodeValue({ a: 1 }))];
        expect(await codeOf(answers[0] ?? Promise.resolve())).toBe('SCHEMA_TOO_COSTLY');
        expect(await answers[1]).toMatchObject({ problemCount: 1 });
      }),
  );

  test('a list of problems that would fill the memory ends with SCHEMA_TOO_COSTLY', () =>
    withChecks({ compileMs: 60_000, checkMs: 60_000 }, async (checks) => {
      const required = Array.from({ length: 500 }, (_, i) => `p${i}`);
      const schema: JsonObject = { properties: { p: { items: { required } } } };
      const value = { p: Array.from({ length: 200_000 }, () => ({})) };
      expect(await codeOf(checks.check(schema, encodeValue(value)))).toBe('SCHEMA_TOO_COSTLY');
      expect(await checks.check(schema, encodeValue({ p: [{}] }))).toMatchObject({ problemCount: 500 });
    }));

  test('a schema that takes too long to compile is refused when it is registered', () =>
    withChecks({ compileMs: 1, checkMs: 30_000 }, async (checks) => {
      const many = Object.fromEntries(
        Array.from({ length: 900 }, (_, i) => [`p${i}`, { type: 'string', minLength: 1 }]),
      );
      expect(await codeOf(checks.prepare({ properties: many }))).toBe('SCHEMA_TOO_COSTLY');
    }));

  test('more than so many do not wait', () =>
    withChecks(PATIENT, async (checks) => {
      const one = () => codeOf(checks.check({ not: { required: ['b'] } }, encodeValue({})));
      const codes = await Promise.all(Array.from({ length: limits.checksWaitingMax + 3 }, one));
      expect(codes.filter((code) => code === 'CHECKS_BUSY')).toHaveLength(2);
      expect(codes.filter((code) => code === 'none')).toHaveLength(limits.checksWaitingMax + 1);
    }));

  test('what waits at the end is told so', async () => {
    const checks = new GuardedChecks(PATIENT);
    const { schema, value } = alternatives(24);
    const waiting = [1, 2].map(() => codeOf(checks.check(schema, encodeValue(value))));
    await checks.close();
    expect(await Promise.all(waiting)).toEqual(['SHUTTING_DOWN', 'SHUTTING_DOWN']);
    expect(await codeOf(checks.check(schema, encodeValue(value)))).toBe('SHUTTING_DOWN');
  });
});

describe('without the worker', () => {
  const plain: JsonObject = {
    type: 'object',
    properties: {
      table: { type: 'string', minLength: 1 },
      limit: { type: 'integer', default: 10 },
      mode: { enum: ['a', 'b'] },
    },
    required: ['table'],
    additionalProperties: false,
  };

  test('a plain schema with small parameters is checked', async () => {
    expect(mayCheckHere(weightOf(plain), encodeValue({ table: 'x' }))).toBe(true);
    // A worker that has no time to compile anything is not asked.
    await withChecks({ compileMs: 0, checkMs: 0 }, async (checks) => {
      expect(await checks.check(plain, encodeValue({ table: 'x' }))).toMatchObject({ problemCount: 0 });
    });
  });

  test('nothing is checked that could be more than its weight times its size', () => {
    expect(mayCheckHere(weightOf(plain), new Uint8Array(limits.parametersBytesMax))).toBe(false);
    const costly: readonly JsonObject[] = [
      ...['anyOf', 'oneOf', 'allOf'].map((name) => ({ [name]: [{}] })),
      ...['not', 'if', 'contains', 'propertyNames', 'unevaluatedProperties'].map((name) => ({ [name]: {} })),
      ...[{ $ref: '#/$defs/a' }, { pattern: 'a' }, { uniqueItems: true }, { patternProperties: { a: {} } }],
      ...[{ enum: [{}] }, { const: [] }, { default: {} }, { default: 'x'.repeat(300) }],
      { required: Array.from({ length: 100 }, (_, i) => `p${i}`) },
    ];
    for (const schema of costly)
      expect([schema, weightOf({ items: { properties: { p: schema } } })]).toEqual([schema, undefined]);
  });

  test('the dearest check that is allowed takes some milliseconds', async () => {
    const required = Array.from({ length: 55 }, (_, i) => `p${i}`);
    const schema: JsonObject = { properties: { p: { items: { required } } } };
    const weight = weightOf(schema) ?? 0;
    const rows = Math.floor(limits.checkWorkHereMax / weight / 4) - 8;
    const bytes = encodeValue({ p: Array.from({ length: rows }, () => ({})) });
    expect(mayCheckHere(weight, bytes)).toBe(true);
    const checks = new InProcessChecks();
    await checks.prepare(schema);
    let checked: Promise<{ readonly problemCount: number }> | undefined;
    expect(
      cpuTimeOf(() => {
        checked = checks.check(schema, bytes);
      }),
    ).toBeLessThan(500);
    expect((await checked)?.problemCount).toBe(rows * required.length);
  });
});
