import { describe, expect, test } from 'vitest';
import { cel, WorkflowBuilder } from '../../../src/workflow/builder/index.ts';
import { createRecorder, recordingOf } from '../../../src/workflow/builder/recorder.ts';

interface Anything {
  readonly [key: string]: Anything;
}
const rows = createRecorder<Anything>('steps["clean-data"].output.rows');
const textOf = (value: unknown): string | undefined => recordingOf(value)?.text;

describe('a recorder remembers its path', () => {
  test.each([
    ['a name', 'kept', 'root.kept'],
    ['an id with a hyphen', 'clean-data', 'root["clean-data"]'],
    ['an index', '0', 'root[0]'],
    ['a number that is no index', '007', 'root["007"]'],
    ['a word that CEL keeps', 'in', 'root["in"]'],
    ['a quote', 'say "hi"', 'root["say \\"hi\\""]'],
    ['a name of Object.prototype', '__proto__', 'root.__proto__'],
  ])('through %s', (_, key, text) => {
    expect(textOf(createRecorder<Anything>('root')[key])).toBe(text);
  });

  test('through several members', () => {
    expect(textOf(rows['0']?.species?.name)).toBe('steps["clean-data"].output.rows[0].species.name');
  });
});

describe('a recorder refuses to be a value', () => {
  const uses: readonly [string, () => unknown][] = [
    ['joined with text', () => `${rows}`],
    ['added', () => Number(rows) + 1],
    ['compared by size', () => (rows as unknown as number) > 3],
    ['made text', () => String(rows)],
    ['made JSON', () => JSON.stringify(rows)],
    ['made JSON inside an object', () => JSON.stringify({ rows })],
    ['spread into an object', () => ({ ...rows })],
    ['spread into a list', () => [...(rows as unknown as Iterable<unknown>)]],
    ['iterated', () => Array.from(rows as unknown as Iterable<unknown>)],
    ['listed', () => Object.keys(rows)],
    ['asked for a member', () => 'id' in rows],
    ['asked for its class', () => (rows as unknown) instanceof Map],
    ['asked for its length', () => rows.length],
    ['called', () => (rows.map as unknown as (f: unknown) => unknown)((row: unknown) => row)],
    ['written to', () => Object.assign(rows, { id: 1 })],
    ['a member of it deleted', () => Reflect.deleteProperty(rows, 'id')],
    ['an expression joined with text', () => `${cel<number>`1 + ${rows}`}`],
    ['an expression read from', () => Reflect.get(cel<number>`1`, 'id')],
  ];
  test.each(uses)('%s', (_, use) => {
    expect(use).toThrow(expect.objectContaining({ code: 'EXPRESSION_NOT_RECORDED', next: expect.any(String) }));
  });

  test('the message names the expression', () => {
    expect(() => `${rows}`).toThrow('"steps["clean-data"].output.rows": it has no value until the workflow runs');
  });

  test('build() names the step and the option in which it happened', () => {
    const builder = new WorkflowBuilder('Bad')
      .step('a', { action: 'x' })
      .step('b', { action: 'y', parameters: ({ steps }) => ({ text: `rows: ${steps.a.output.rows}` }) });
    expect(() => builder.build()).toThrow(
      expect.objectContaining({
        code: 'EXPRESSION_NOT_RECORDED',
        message: expect.stringMatching(/workflow "Bad".*steps\[1\]\.parameters.*"steps\.a\.output\.rows"/),
      }),
    );
  });
});

describe('the cel tag', () => {
  test.each([
    ['a recorder', cel`${rows} != null`, 'steps["clean-data"].output.rows != null'],
    ['text, quoted', cel`${rows} == ${'it\'s "x"'}`, 'steps["clean-data"].output.rows == "it\'s \\"x\\""'],
    ['text that looks like CEL', cel`params.a == ${'" || true || "'}`, 'params.a == "\\" || true || \\""'],
    ['whole numbers and fractions', cel`${3} + ${1.5}`, '3 + 1.5'],
    ['a negative number', cel`1 -${-2}`, '1 -(-2)'],
    ['a number beyond 2^53', cel`${2 ** 60} > 0`, '1152921504606847000.0 > 0'],
    ['a very large number', cel`${1e21} > 0`, '1e+21 > 0'],
    ['true and null', cel`${true} || ${null} == null`, 'true || null == null'],
    ['a list', cel`${rows} in ${['a', 1]}`, 'steps["clean-data"].output.rows in ["a", 1]'],
    ['an object', cel`${{ a: { b: rows } }}`, '{"a": {"b": steps["clean-data"].output.rows}}'],
    ['another expression, in parentheses', cel`${cel<number>`1 + 2`} * 3`, '(1 + 2) * 3'],
    ['a lone surrogate', cel`${'\ud800'}`, '"\ufffd"'],
    ["CEL's own escapes", cel`matches(${rows}, "\\d+\n")`, 'matches(steps["clean-data"].output.rows, "\\\\d+\\n")'],
  ])('joins %s', (_, expression, text) => {
    expect(textOf(expression)).toBe(text);
  });

  test.each([
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['a function', () => 1],
    ['a bigint', 1n],
  ])('refuses %s', (_, value) => {
    const untyped = cel as unknown as (strings: TemplateStringsArray, ...values: unknown[]) => unknown;
    expect(() => untyped`${value} > 0`).toThrow(expect.objectContaining({ code: 'BAD_EXPRESSION' }));
  });
});
