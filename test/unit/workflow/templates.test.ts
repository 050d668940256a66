import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isYardmasterError } from '../../../src/core/errors.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import type { Template } from '../../../src/workflow/compiled.ts';
import type { Names } from '../../../src/workflow/expressions/expression.ts';
import { compileOutput, compileTemplate } from '../../../src/workflow/expressions/template.ts';
import { scopeOf } from './scope.ts';

const names: Names = { indexOf: (id) => (id === 'extract' ? 4 : undefined), around: 'nothing' };
const params = { n: 1, half: 0.5, list: [1, 2], text: 'x' };

function compile(value: JsonValue): Template {
  return compileTemplate(value, 'input', names);
}

function evaluate(value: JsonValue): JsonValue {
  return compile(value).evaluate(scopeOf({ params }));
}

describe('a string', () => {
  test.each([
    ['${{ params.list }}', [1, 2]],
    ['${{ params.n }}', 1],
    ['${{params.n}}', 1],
    [' ${{ params.n }}', ' 1'],
    ['n=${{ params.n }}, half=${{ params.half }}', 'n=1, half=0.5'],
    ['${{ params.list }}!', '[1,2]!'],
    ['${{ params.n + 1 }} rows', '2 rows'],
    ['${{ {"a": {"b": params.n}} }}', { a: { b: 1 } }],
    ['${{ "}}" }}', '}}'],
    ["${{ '${{' }}", '${{'],
    ['a ${{ r"\\" }} b', 'a \\ b'],
    ['$ {{ }} $', '$ {{ }} $'],
    ['${{ null }}-${{ true }}', 'null-true'],
    ['${{ now }}', '2026-11-24T12:00:00Z'],
  ])('%s gives %j', (text, expected) => {
    expect(evaluate(text)).toEqual(expected);
  });

  test.each(['${{', 'a ${{ params.n', '${{ params.n }', '${{ "}}', '${{ { }}'])('%s is BAD_EXPRESSION', (text) => {
    expect(() => compile(text)).toThrow(/never closed/);
  });
});

test('lists and objects keep their shape, keys are never templates', () => {
  expect(evaluate({ 'a ${{ b }}': [{ c: '${{ params.text }}' }, 2, null] })).toEqual({
    'a ${{ b }}': [{ c: 'x' }, 2, null],
  });
});

test('a member called __proto__ stays a member', () => {
  const value: JsonValue = JSON.parse('{"__proto__":"${{ params.n }}"}');
  expect(JSON.stringify(evaluate(value))).toBe('{"__proto__":1}');
});

test('a bare string is CEL where an output stands', () => {
  const output = compileOutput('result.rows', 'output', names);
  expect(output.evaluate(scopeOf({ result: { rows: 3 } }))).toBe(3);
  expect(
    compileOutput({ kept: '${{ result.rows }}' }, 'output', names).evaluate(scopeOf({ result: { rows: 3 } })),
  ).toEqual({ kept: 3 });
});

describe('passing a stored value through', () => {
  test.each([
    ['${{ steps.extract.output }}', { kind: 'output', node: 4 }],
    ['${{ steps["extract"].output }}', { kind: 'output', node: 4 }],
    ['${{ params }}', { kind: 'params' }],
    ['${{ steps.extract.output.rows }}', undefined],
    ['${{ params.n }}', undefined],
    ['${{ steps.extract.output }} ', undefined],
    ['${{ steps.extract }}', undefined],
  ])('%s', (text, expected) => {
    expect(compile(text).passThrough).toEqual(expected);
  });

  test('a template around it is not a pass-through', () => {
    const template = compile({ rows: '${{ steps.extract.output }}' });
    expect(template.passThrough).toBeUndefined();
    expect(template.reads).toEqual({ outputs: [4], params: false, last: false, item: false });
  });
});

test('without expressions a template is a constant and the identity', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (generated) => {
      const value: JsonValue = JSON.parse(JSON.stringify(generated).replaceAll('${{', ''));
      const template = compile(value);
      expect(template.constant).toEqual(value);
      expect(template.evaluate(scopeOf())).toEqual(value);
      expect(template.reads).toEqual({ outputs: [], params: false, last: false, item: false });
    }),
  );
});

test('whatever the text, only a YardmasterError is thrown', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('${{', '}}', '{', '}', '"', "'", 'r', '\\', '//', 'params.n', ' ', '\n'), {
        maxLength: 12,
      }),
      (parts) => {
        try {
          compile(parts.join(''));
        } catch (error) {
          expect(isYardmasterError(error)).toBe(true);
        }
      },
    ),
  );
});
