import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isYardmasterError } from '../../../src/core/errors.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import { compileCondition, compileExpression, type Names } from '../../../src/workflow/expressions/expression.ts';
import type { Spot } from '../../../src/workflow/expressions/prepare.ts';
import { cpuTimeOf } from './cpu-time.ts';
import { type ScopeData, scopeOf } from './scope.ts';

const names: Names = { indexOf: (id) => ({ extract: 0, 'clean-data': 1 })[id], around: 'nothing' };

function evaluate(source: string, data: ScopeData = {}, spot: Spot = 'input'): JsonValue {
  return compileExpression(source, spot, names).evaluate(scopeOf(data));
}

function failure(source: string, data: ScopeData = {}): { code: string; message: string } {
  try {
    return { code: 'NONE', message: JSON.stringify(evaluate(source, data)) };
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    return { code: error.code, message: error.message };
  }
}

function thrownBy(source: string): unknown {
  try {
    return evaluate(source, { params });
  } catch (error) {
    return error;
  }
}

const params = {
  n: 3,
  price: 10,
  i: 2,
  text: 'Hello',
  none: null,
  rows: [{ x: 1 }, { x: 2 }, { x: 3 }],
  a: { b: { c: 1 } },
};

describe('numbers', () => {
  test.each([
    ['params.price * 1.1', 11],
    ['params.n + 1', 4],
    ['1 + params.n', 4],
    ['params.n - 1', 2],
    ['params.n / 2', 1.5],
    ['params.n % 2', 1],
    ['-params.n', -3],
    ['size(params.rows) / 2', 1.5],
    ['7 / 2', 3],
    ['params.n == 3', true],
    ['params.n != 3', false],
    ['params.n < 4', true],
    ['params.n >= 3.0', true],
    ['params.rows[params.i].x', 3],
    ['[10, 20, 30][params.i]', 30],
    ['params.text.substring(params.i)', 'llo'],
    ['2 in [1.0, 2.0]', true],
    ['int(params.n) / 2', 1],
  ])('%s is %j', (source, expected) => {
    expect(evaluate(source, { params })).toBe(expected);
  });

  test.each([['params.n / 0'], ['1 / 0'], ['params.n % 0']])('refuses %s, because JSON has no infinity', (source) => {
    expect(failure(source, { params })).toMatchObject({
      code: 'BAD_EXPRESSION',
      message: expect.stringContaining('division by zero'),
    });
  });

  test('refuses an integer that a JSON number cannot hold exactly', () => {
    expect(failure('9007199254740993 + 0').code).toBe('BAD_EXPRESSION');
    expect(failure('9223372036854775807 + 1').code).toBe('BAD_EXPRESSION');
  });

  test('refuses to index a list with a fraction', () => {
    expect(failure('params.rows[0.5]', { params }).message).toContain('a whole number, not by 0.5');
  });
});

describe('missing data', () => {
  test.each([
    ['params.q', 'cannot read "params.q": params has no "q"'],
    ['params.a.q.c', 'cannot read "params.a.q": params.a has no "q"'],
    ['params.none.x', 'cannot read "params.none.x": params.none is null'],
    ['params.text.x', 'cannot read "params.text.x": params.text is a string'],
    ['params.rows[9]', 'cannot read "params.rows[9]": params.rows is a list of 3'],
    ['params.rows[9].x + 1', 'cannot read "params.rows[9]": params.rows is a list of 3'],
    ['params.a.q.c + 1', 'cannot read "params.a.q": params.a has no "q"'],
    ['params.q && true', 'cannot read "params.q": params has no "q"'],
    ['params.rows.map(r, r.y)', 'cannot read "r.y": r has no "y"'],
    ['steps.extract.output.rows', 'cannot read "steps.extract.output": steps.extract is SKIPPED and has no output'],
    [
      'steps["clean-data"].output.v',
      'cannot read "steps["clean-data"].output.v": steps["clean-data"].output has no "v"',
    ],
  ])('%s names the path', (source, message) => {
    const steps = [{ status: 'SKIPPED' }, { output: {} }];
    expect(failure(source, { params, steps })).toEqual({ code: 'MISSING_DATA', message });
  });

  test.each([
    ['has(params.a.b.c)', true],
    ['has(params.a.q.c)', false],
    ['has(params.q.r.s)', false],
    ['has(params["a"].b)', true],
    ['has(params.rows[1].x)', true],
    ['has(params.rows[9].x)', false],
    ['has(params.none)', true],
    ['has(params.none.x)', false],
    ['has(steps.extract.output)', false],
    ['has(steps.extract.error.code)', false],
    ['default(params.a.q.c, 7)', 7],
    ['default(params.a.b.c, params.nowhere)', 1],
    ['default(default(params.q, params.a).b.c, 3)', 1],
    ['default(params.q, default(params.r, "x"))', 'x'],
    ['default(params.rows[9].x, -1)', -1],
    ['params.rows.map(r, default(r.y, r.x))', [1, 2, 3]],
    ['false && params.q', false],
    ['params.q || true', true],
  ])('%s is %j through missing links', (source, expected) => {
    expect(evaluate(source, { params, steps: [{ status: 'SKIPPED' }] })).toEqual(expected);
  });
});

describe('prototype names are data', () => {
  const data = {
    params: JSON.parse('{"constructor":{"name":"mine"},"__proto__":{"x":1},"$typeName":"google.protobuf.Any"}'),
  };

  test.each([
    ['params.constructor.name', 'mine'],
    ['params.constructor.name + "!"', 'mine!'],
    ['params["__proto__"].x', 1],
    ['params["__proto__"].x + 1', 2],
    ['"toString" in params', false],
    ['has(params.hasOwnProperty)', false],
    ['[params][0].constructor', { name: 'mine' }],
  ])('%s', (source, expected) => {
    expect(evaluate(source, data)).toEqual(expected);
  });

  test('an inherited member is missing data', () => {
    expect(failure('params.toString', { params }).code).toBe('MISSING_DATA');
    expect(failure('params.a["valueOf"] == 1', { params }).code).toBe('MISSING_DATA');
  });

  test('a result may have a member called __proto__', () => {
    const result = evaluate('{"__proto__": 1}');
    expect(JSON.stringify(result)).toBe('{"__proto__":1}');
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
  });
});

describe('what can be written', () => {
  test.each([
    ['params.rows.map(r, r.x * 2)', [2, 4, 6]],
    ['params.rows.filter(r, r.x > 1)', [{ x: 2 }, { x: 3 }]],
    ['params.rows.map(r, r.x > 1, {"v": r.x})', [{ v: 2 }, { v: 3 }]],
    ['params.rows.exists(r, r.x == 2)', true],
    ['params.rows.all(r, r.x < 3)', false],
    ['params.rows.exists_one(r, r.x == 2)', true],
    ['[1, 2] + [3]', [1, 2, 3]],
    ['params.text + " " + string(params.n)', 'Hello 3'],
    ['params.text.lowerAscii().replace("l", "L")', 'heLLo'],
    ['["a", "b"].join("-")', 'a-b'],
    ['params.text.matches("^H.*o$")', true],
    ['params.n > 2 ? "many" : "few"', 'many'],
    ['params.rows == params.rows', true],
    ['string(now)', '2026-11-24T12:00:00Z'],
    ['now - run.startedAt < duration("2h")', true],
    ['workflow.name + " v" + string(workflow.version)', 'Nightly v3'],
    ['run', { id: '01jdf0000000000000000000ab', namespace: 'default', startedAt: '2026-11-24T11:00:00Z', try: 1 }],
    ['steps["clean-data"].status', 'COMPLETED'],
  ])('%s', (source, expected) => {
    expect(evaluate(source, { params, steps: [] })).toEqual(expected);
  });

  test('a condition stands with or without braces', () => {
    for (const text of ['params.n > 2', '${{ params.n > 2 }}', '  ${{params.n > 2}}\n']) {
      expect(compileCondition(text, 'when', names).evaluate(scopeOf({ params }))).toBe(true);
    }
  });

  test('`result` is seen by output, `output` by assert, neither by a step input', () => {
    expect(evaluate('result.n + 1', { result: { n: 1 } }, 'output')).toBe(2);
    expect(evaluate('output == result', { result: 1, output: 1 }, 'assert')).toBe(true);
    expect(failure('result.n').message).toContain('unknown name "result"');
  });

  test('an adding of a number and text says how to do it', () => {
    expect(failure('params.text + params.n', { params }).message).toBe(
      'cannot evaluate `params.text + params.n` at column 13: cannot add a string and a number',
    );
  });
});

describe('positions in a text', () => {
  const data = { params: { text: 'aé😀b😀', plain: 'hello hello' } };

  test.each([
    ['size(params.text)', 5],
    ['params.text.charAt(2)', '😀'],
    ['params.text.charAt(5)', ''],
    ['params.text.substring(2, 4)', '😀b'],
    ['params.text.substring(3)', 'b😀'],
    ['params.text.indexOf("b")', 3],
    ['params.text.indexOf("😀", 3)', 4],
    ['params.text.lastIndexOf("😀")', 4],
    ['params.text.lastIndexOf("😀", 3)', 2],
    ['params.text.indexOf("z")', -1],
    ['params.text.substring(0, size(params.text)) == params.text', true],
    ['params.text.split("")', ['a', 'é', '😀', 'b', '😀']],
    ['params.plain.split(" ")', ['hello', 'hello']],
    ['params.plain.split("l", 2)', ['he', 'lo hello']],
    ['params.plain.split("l", 0)', []],
    ['params.plain.split("l", -1)', ['he', '', 'o he', '', 'o']],
  ])('count characters, as size does: %s is %j', (source, expected) => {
    expect(evaluate(source, data)).toEqual(expected);
  });

  test.each(['params.text.charAt(6)', 'params.text.substring(-1)', 'params.text.indexOf("b", 6)'])(
    '%s is outside of the text',
    (source) => {
      expect(failure(source, data).message).toMatch(/position -?\d is outside of a text of 5 characters$/);
    },
  );
});

describe('bad expressions', () => {
  test.each([
    ['1 +', 'nothing stands after "+"'],
    ['a b', 'unexpected "b"'],
    ['', 'the expression is empty'],
    ['foo', 'unknown name "foo"'],
    ['foo(1)', 'unknown function "foo"'],
    ['size()', '"size" is written size(a) or x.size()'],
    ['has(1 + 1)', 'has() takes a path such as params.a.b'],
    ['steps', 'name the step that is read, as in steps["id"].output'],
    ['steps[params.n]', 'name the step that is read, as in steps["id"].output'],
    ['steps.extract.outptu', 'a step has no "outptu"'],
    ['google.protobuf.Value{}', 'unknown type "google.protobuf.Value"'],
  ])('%j: %s', (source, message) => {
    expect(failure(source)).toEqual({ code: 'BAD_EXPRESSION', message });
  });

  test.each([
    ['params.n = 3', 'unexpected "="', 'write =='],
    ['params.n === 3', 'unexpected "="', 'write == or !='],
    ['params.a and params.b', 'unexpected "and"', 'write &&'],
    ['not params.a', 'unexpected "params"', 'write !'],
    ['params.a ?? 1', 'unexpected "?"', 'write default(a.b, c)'],
    ['params.in', '"in" is a reserved word', 'write ["in"] instead of .in'],
    ['params.rows.map(x)', '"map" is written x.map(item, value) or x.map(item, condition, value)', undefined],
    ['len(params.rows)', 'unknown function "len"', 'write size(x)'],
    ['szie(params.rows)', 'unknown function "szie"', 'did you mean "size"?'],
    [
      'default(params, 1)',
      'default() takes a path such as params.a.b: "params" is always there',
      'ask for what is in it',
    ],
    ['"\\x"', 'a text in it has a "\\" that is no escape', undefined],
  ])('%j: %s, and what was meant', (source, message, next) => {
    expect(thrownBy(source)).toMatchObject({ code: 'BAD_EXPRESSION', message, next });
  });

  test.each([
    ['params.n ? 1 : 2', 'true or false is needed here, not a number'],
    ['!params.none', 'true or false is needed here, not null'],
    ['params.text && true', 'true or false is needed here, not a string'],
    ['string(params.rows)', 'string() does not take a list'],
    ['params.n.contains("a")', 'contains() does not work on a number, with a string'],
    ['params.text.substring(0.5)', 'substring() does not work on a string, with a number'],
    ['duration("2d")', 'this is no duration such as 90s, 1h30m or 48h (there are no days)'],
    ['timestamp("tomorrow")', 'this is no time with its offset, such as 2026-12-01T09:00:00Z'],
    ['int("x")', 'this is no whole number'],
  ])('%j fails when it is evaluated: %s', (source, message) => {
    const told = failure(source, { params });
    expect(told.code).toBe('BAD_EXPRESSION');
    expect(told.message.replace(/^cannot evaluate .* at column \d+: /, '')).toBe(message);
  });

  test('a step that does not exist is UNKNOWN_STEP', () => {
    expect(failure('steps.nowhere.output').code).toBe('UNKNOWN_STEP');
  });

  test('steps.clean-data by hand is UNKNOWN_STEP and says how to write it', () => {
    expect(failure('steps.clean-data.output.rows')).toEqual({
      code: 'UNKNOWN_STEP',
      message: 'steps.clean-data is read as a subtraction',
    });
  });
});

describe('cost', () => {
  const big = { params: { list: Array.from({ length: 2_000 }, (_, i) => i) } };

  test('a linear loop over a large list is allowed', () => {
    expect(evaluate('params.list.map(x, x + 1).filter(x, x % 2 == 0)', big)).toHaveLength(1_000);
  });

  test.each([
    ['params.list.map(x, params.list.map(y, x * y))'],
    ['params.list.all(x, params.list.all(y, params.list.all(z, true)))'],
    ['params.list.all(x, params.list.all(y, params.list.all(z, true))) || true'],
    ['params.list.map(x, params.list == params.list.map(y, y))'],
    ['params.list.map(x, params.list + params.list)'],
  ])('%s ends with LIMIT, soon', (source) => {
    expect(cpuTimeOf(() => expect(failure(source, big).code).toBe('LIMIT'))).toBeLessThan(2_000);
  });

  test('coming back to a large list in a loop does not copy it every time', () => {
    const data = { params: { list: Array.from({ length: 100_000 }, () => 1) } };
    const spent = cpuTimeOf(() => {
      expect(failure('params.list.map(x, params.list[0])', data).code).toBe('LIMIT');
      expect(evaluate('params.list[99999] + size(params.list)', data)).toBe(100_001);
    });
    expect(spent).toBeLessThan(2_000);
  });

  test('text cannot be multiplied without end', () => {
    const data = { params: { s: 'x'.repeat(1_000_000) } };
    const sum = Array.from({ length: 40 }, () => 'params.s').join(' + ');
    expect(failure(sum, data).code).toBe('LIMIT');
    expect(failure('params.s.replace("x", params.s)', data).code).toBe('LIMIT');
    expect(failure('[1,2,3,4,5,6,7,8,9,10].map(x, params.s)', data).code).toBe('LIMIT');
  });

  test('a pattern that makes other engines explode is linear', () => {
    const data = { params: { s: `${'a'.repeat(50_000)}b` } };
    const spent = cpuTimeOf(() => expect(evaluate('params.s.matches("(a+)+$")', data)).toBe(false));
    expect(spent).toBeLessThan(2_000);
  });

  test.each([
    ['too many characters', `"${'x'.repeat(5_000)}"`],
    ['nested brackets', `${'('.repeat(40)}1${')'.repeat(40)}`],
    ['nested operations', Array.from({ length: 600 }, () => '1').join('+')],
    ['a tower of negations', `${'!'.repeat(4_000)}true`],
  ])('refuses %s', (_, source) => {
    expect(failure(source).code).toMatch(/BAD_EXPRESSION|NONE/);
    if (!source.startsWith('!')) expect(failure(source).code).toBe('BAD_EXPRESSION');
  });
});

describe('reads', () => {
  test.each([
    ['steps.extract.output.rows', [0], false],
    ['steps.extract', [0], false],
    ['steps.extract.status', [], false],
    ['steps["clean-data"].output.n + steps.extract.output.n', [1, 0], false],
    ['has(steps.extract.output.rows) ? params.a : 1', [0], true],
    ['params', [], true],
    ['default(steps.extract.output.n, params.n)', [0], true],
    ['[1].map(params, params)', [], false],
  ])('%s', (source, outputs, readsParams) => {
    const { reads } = compileExpression(source, 'input', names);
    expect(new Set(reads.outputs)).toEqual(new Set(outputs));
    expect(reads.params).toBe(readsParams);
  });
});

test('whatever the text, only a YardmasterError is thrown', () => {
  const words = fc.constantFrom(
    'params',
    'steps',
    '.a',
    '["b"]',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '+',
    '-',
    '!',
    '"',
    "'",
    ',',
    ':',
    '?',
    ' ',
    '1',
    '0.5',
    'has',
    'default',
    'map',
    '.map(x,',
    'in',
    '&&',
    'null',
    '\\',
    '`',
    '//',
    'r"',
  );
  const source = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(words, { maxLength: 20 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(source, (text) => {
      expect(failure(text, { params }).code).toMatch(/^(NONE|BAD_EXPRESSION|UNKNOWN_STEP|MISSING_DATA|LIMIT)$/);
    }),
    { numRuns: 500 },
  );
});

test('a plain path and CEL agree on every value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      const data: ScopeData = { params: JSON.parse(JSON.stringify({ v: value })) };
      expect(evaluate('true ? params.v : 0', data)).toEqual(evaluate('params.v', data));
    }),
  );
});
