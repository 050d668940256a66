/** Each limit of a definition and of its expressions: the last that is taken, and the first that is refused. */
import { describe, expect, test } from 'vitest';
import { DURATION_MS_MAX } from '../../../src/core/duration.ts';
import { isYardmasterError } from '../../../src/core/errors.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import { limits } from '../../../src/core/limits.ts';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';
import { compileExpression } from '../../../src/workflow/expressions/expression.ts';
import { sizeOfPattern } from '../../../src/workflow/parameters/pattern.ts';
import { inspectWorkflow, inspectWorkflowValue } from '../../../src/workflow/read.ts';
import { scopeOf } from '../workflow/scope.ts';

const step = (id: string, more: object = {}) => ({ id, action: 'work', ...more });

function codes(steps: readonly unknown[]): readonly string[] {
  return inspectWorkflowValue({ name: 'Limits', steps }).errors.map(({ code }) => code);
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'taken';
  } catch (error) {
    if (isYardmasterError(error)) return error.code;
    throw error;
  }
}

function nested(depth: number, leaf: JsonValue = 1): JsonValue {
  let value: JsonValue = leaf;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

describe('a definition', () => {
  test('has at most so many steps', () => {
    const chain = (length: number) => Array.from({ length }, (_, i) => step(`s${i}`));
    expect(codes(chain(limits.stepsMax))).toEqual([]);
    expect(codes(chain(limits.stepsMax + 1))).toEqual(['LIMIT']);
  });

  test('has blocks at most so deep', () => {
    const tower = (blocks: number): unknown => {
      let inner: unknown = step('leaf');
      for (let i = 0; i < blocks; i++) inner = { id: `b${i}`, type: 'sequential', steps: [inner] };
      return inner;
    };
    expect(codes([tower(limits.depthMax - 1)])).toEqual([]);
    expect(codes([tower(limits.depthMax)])).toEqual(['LIMIT']);
  });

  test('has values at most so deep', () => {
    expect(codes([step('a', { metadata: { deep: nested(limits.valueDepthMax - 1) } })])).toEqual([]);
    expect(codes([step('a', { metadata: { deep: nested(limits.valueDepthMax) } })])).not.toEqual([]);
  });

  test('has a loop of at most so many iterations', () => {
    const loop = (maxIterations: number) => [
      { id: 'l', type: 'loop', until: 'true', maxIterations, body: [step('a')] },
    ];
    expect(codes(loop(limits.iterationsMax))).toEqual([]);
    expect(codes(loop(limits.iterationsMax + 1))).toEqual(['LIMIT']);
  });

  test('has at most so many answerers of one signal', () => {
    const asking = (length: number) => {
      const answerers = Array.from({ length }, (_, i) => `a${i}`);
      return [{ id: 's', type: 'signal', signal: 'go', answerers }];
    };
    expect(codes(asking(limits.answerersMax))).toEqual([]);
    expect(codes(asking(limits.answerersMax + 1))).toEqual(['LIMIT']);
  });

  test('has a name of at most 128 characters, and ids of at most 64', () => {
    const named = (length: number) =>
      inspectWorkflowValue({ name: 'n'.repeat(length), steps: [step('a')] }).errors.map(({ code }) => code);
    expect([named(128), named(129)]).toEqual([[], ['BAD_NAME']]);
    expect([codes([step('i'.repeat(64))]), codes([step('i'.repeat(65))])]).toEqual([[], ['BAD_ID']]);
  });

  test('has at most so many labels, each of so many characters, as a whole and in a step', () => {
    const read = (labels: object) => [
      ...inspectWorkflowValue({ name: 'Limits', labels, steps: [step('a')] }).errors.map(({ code }) => code),
      ...codes([step('a', { labels })]),
    ];
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, 'x']));
    const long = (length: number) => ({ ['k'.repeat(length)]: 'x', key: 'v'.repeat(length) });
    expect([read(many(limits.labelsMax)), read(long(limits.labelCharsMax))]).toEqual([[], []]);
    expect(read(many(limits.labelsMax + 1))).toEqual(['LIMIT', 'LIMIT']);
    expect(read(long(limits.labelCharsMax + 1))).toEqual(['BAD_FIELD', 'BAD_FIELD', 'BAD_FIELD', 'BAD_FIELD']);
  });

  test('has durations of at most a hundred years', () => {
    expect(codes([step('a', { timeout: DURATION_MS_MAX })])).toEqual([]);
    expect(codes([step('a', { timeout: DURATION_MS_MAX + 1 })])).toEqual(['BAD_FIELD']);
  });

  test('has at most so many aliases in its text', () => {
    const read = (count: number) => {
      const uses = Array.from({ length: count }, () => '*one').join(', ');
      const text = `name: Limits\nsteps:\n  - { id: a, action: work, parameters: [&one x, ${uses}] }\n`;
      return inspectWorkflow({ text, format: 'yaml' }).errors.map(({ code }) => code);
    };
    // What they stand for counts as well.
    expect(read(limits.yamlAliasesMax - 1)).toEqual([]);
    expect(read(limits.yamlAliasesMax)).toEqual(['MALFORMED_TEXT']);
  });

  test('has at most so many bytes', () => {
    const sized = (bytes: number) => codes([step('a', { parameters: 'x'.repeat(bytes) })]);
    let taken = limits.definitionBytesMax - 1_024;
    let refused = limits.definitionBytesMax;
    // What stands around the text in the normal form is not this test's business: the border is.
    while (refused - taken > 1) {
      const middle = (taken + refused) >> 1;
      if (sized(middle).length === 0) taken = middle;
      else refused = middle;
    }
    const { errors } = inspectWorkflowValue({
      name: 'Limits',
      steps: [step('a', { parameters: 'x'.repeat(refused) })],
    });
    expect(errors[0]?.message).toBe(
      `the definition has ${limits.definitionBytesMax + 1} bytes, limit ${limits.definitionBytesMax}`,
    );
  });

  test('has a text of at most so many characters', () => {
    const base = 'name: Limits\nsteps:\n  - id: a\n    action: work\n';
    const read = (length: number) => {
      const text = `${base}#${'x'.repeat(length - base.length - 1)}`;
      return inspectWorkflow({ text, file: 'limits.yaml', format: 'yaml' }).errors.map(({ code }) => code);
    };
    expect(read(limits.definitionBytesMax)).toEqual([]);
    expect(read(limits.definitionBytesMax + 1)).toEqual(['LIMIT']);
  });

  test('has at most so many problems listed', () => {
    const wrong = (count: number) =>
      inspectWorkflowValue({ name: 'Limits', steps: Array.from({ length: count }, (_, i) => ({ id: `s${i}` })) })
        .errors;
    expect(wrong(limits.problemsMax)).toHaveLength(limits.problemsMax);
    expect(wrong(limits.problemsMax + 50).length).toBeLessThanOrEqual(limits.problemsMax + 1);
  });
});

describe('the schema of parameters', () => {
  const read = (parameters: unknown) =>
    inspectWorkflowValue({ name: 'Limits', steps: [step('a')], parameters }).errors.map(({ code }) => code);

  test('has at most so many schemas in it', () => {
    const properties = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, {}]));
    expect(read({ properties: properties(limits.parameterSchemasMax - 1) })).toEqual([]);
    expect(read({ properties: properties(limits.parameterSchemasMax) })).toEqual(['BAD_SCHEMA']);
  });

  test('has at most so many bytes', () => {
    const described = (bytes: number) => ({ title: 'x'.repeat(bytes - '{"title":""}'.length) });
    expect(read(described(limits.parameterSchemaBytesMax))).toEqual([]);
    expect(read(described(limits.parameterSchemaBytesMax + 1))).toEqual(['BAD_SCHEMA']);
  });

  test('has at most so many values in an enum', () => {
    const values = (length: number) => ({ enum: Array.from({ length }, (_, i) => i) });
    expect(read(values(limits.enumValuesMax))).toEqual([]);
    expect(read(values(limits.enumValuesMax + 1))).toEqual(['BAD_SCHEMA']);
  });

  test('has patterns of at most so many instructions', () => {
    let repeats = 1;
    while (sizeOfPattern(`a{${repeats + 1}}`) <= limits.patternSizeMax && repeats < 1_000) repeats += 1;
    const patterns = Math.floor(limits.patternSizeMax / sizeOfPattern(`a{${repeats}}`));
    const withPatterns = (count: number) => ({
      properties: Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`p${i}`, { type: 'string', pattern: `a{${repeats}}` }]),
      ),
    });
    expect(read(withPatterns(patterns))).toEqual([]);
    expect(read(withPatterns(patterns + 1))).toEqual(['BAD_SCHEMA']);
  });
});

describe('the secrets of a workflow', () => {
  test('are at most so many', () => {
    const listed = (length: number) => {
      const secrets = Array.from({ length }, (_, i) => `NAME_${i}`);
      const parameters = Object.fromEntries(secrets.map((name) => [name, `secret:${name}`]));
      return inspectWorkflowValue({ name: 'Limits', secrets, steps: [step('a', { parameters })] }).errors;
    };
    expect(listed(limits.secretsMax)).toEqual([]);
    expect(listed(limits.secretsMax + 1).map(({ code }) => code)).toEqual(['LIMIT']);
  });
});

describe('an expression', () => {
  const names = { indexOf: () => undefined, around: 'nothing' } as const;
  const compile = (source: string) => codeOf(() => compileExpression(source, 'input', names));
  const evaluate = (source: string, params: JsonValue) =>
    codeOf(() => compileExpression(source, 'input', names).evaluate(scopeOf({ params })));

  test('has at most so many characters', () => {
    const quoted = (length: number) => `"${'x'.repeat(length - 2)}"`;
    expect(compile(quoted(limits.expressionCharsMax))).toBe('taken');
    expect(compile(quoted(limits.expressionCharsMax + 1))).toBe('BAD_EXPRESSION');
  });

  test('nests at most so deep', () => {
    const brackets = (depth: number) => `${'('.repeat(depth)}1${')'.repeat(depth)}`;
    expect(compile(brackets(limits.expressionDepthMax))).toBe('taken');
    expect(compile(brackets(limits.expressionDepthMax + 1))).toBe('BAD_EXPRESSION');
  });

  test('has at most so many operations within each other', () => {
    const sum = (depth: number) => Array.from({ length: depth }, () => '1').join('+');
    expect(compile(sum(limits.expressionTreeDepthMax))).toBe('taken');
    expect(compile(sum(limits.expressionTreeDepthMax + 1))).toBe('BAD_EXPRESSION');
  });

  test('makes at most so many characters', () => {
    const half = 'x'.repeat(limits.expressionResultCharsMax / 2);
    expect(evaluate('params.half + params.half', { half })).toBe('taken');
    expect(evaluate('params.half + params.half + "x"', { half })).toBe('LIMIT');
  });

  test('takes at most so many steps', () => {
    const looping = (length: number) => evaluate('params.list.all(x, x == 1)', { list: Array(length).fill(1) });
    expect(looping(limits.expressionStepsMax / 10)).toBe('taken');
    expect(looping(limits.expressionStepsMax + 1)).toBe('LIMIT');
  });
});

describe('a value', () => {
  test('nests at most so deep, written and read', () => {
    const deepest = encodeValue(nested(limits.valueDepthMax));
    expect(decodeValue(deepest)).toEqual(nested(limits.valueDepthMax));
    expect(codeOf(() => encodeValue(nested(limits.valueDepthMax + 1)))).not.toBe('taken');
  });
});
