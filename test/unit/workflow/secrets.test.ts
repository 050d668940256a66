/** Where references to secrets may stand, and which places of an input are marked as one. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { compileWorkflow } from '../../../src/workflow/compile.ts';
import type { Template } from '../../../src/workflow/compiled.ts';
import { inspectWorkflow, inspectWorkflowValue, readWorkflowValue } from '../../../src/workflow/read.ts';
import { scopeOf } from './scope.ts';

const base = { name: 'CallApi', secrets: ['API_KEY', 'DB_PASSWORD'] };
const call = (more: object) => ({ id: 'call', action: 'call', ...more });

function problems(workflow: object): readonly string[] {
  return inspectWorkflowValue({ ...base, ...workflow }).errors.map(
    ({ code, message, place, next, hint }) => `${code} ${place?.pointer}: ${message} | ${hint ?? ''} | ${next ?? ''}`,
  );
}

describe('registration', () => {
  test('takes a whole text, and a call alone between braces, in the parameters of an agent step', () => {
    const parameters = {
      key: 'secret:API_KEY',
      header: "Bearer ${{ secret('API_KEY') }}",
      list: ['${{secret("DB_PASSWORD")}}'],
    };
    expect(problems({ steps: [call({ parameters })] })).toEqual([]);
  });

  test('names what is not on the list, with the list that mends it', () => {
    const parameters = { key: 'secret:API_KEYS', header: "${{ secret('OTHER') }}" };
    expect(problems({ steps: [call({ parameters })] })).toEqual([
      'UNKNOWN_SECRET steps[0].parameters.key: secret "API_KEYS" is not on the workflow\'s list of secrets | did you mean "API_KEY"? | secrets: [API_KEY, DB_PASSWORD, API_KEYS]',
      'UNKNOWN_SECRET steps[0].parameters.header: secret "OTHER" is not on the workflow\'s list of secrets |  | secrets: [API_KEY, DB_PASSWORD, OTHER]',
    ]);
  });

  test('a call shows its place in the text', () => {
    const text =
      'name: CallApi\nsteps:\n  - { id: call, action: call, parameters: { h: "Bearer ${{ secret(\'KEY\') }}" } }\n';
    const [problem] = inspectWorkflow({ text, format: 'yaml', file: 'a.yaml' }).errors;
    expect(problem).toMatchObject({
      code: 'UNKNOWN_SECRET',
      place: { line: 3, column: 60, length: 13 },
      next: 'secrets: [KEY]',
    });
  });

  test.each([
    ['when', { when: "secret('API_KEY') == 'x'" }],
    ['output', { output: "${{ secret('API_KEY') }}" }],
    ['output, bare', { output: "secret('API_KEY')" }],
    ['assert', { assert: "output == secret('API_KEY')" }],
    ['an expression around it', { parameters: { key: "${{ 'Bearer ' + secret('API_KEY') }}" } }],
    ['a name that is computed', { parameters: { key: '${{ secret(params.name) }}' } }],
  ])('refuses secret() in %s', (_, more) => {
    const found = problems({ steps: [call({ ...more })] });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(
      /^BAD_EXPRESSION steps\[0\]\.\w+.*cannot be read here.*in the parameters of an agent step/,
    );
  });

  test("refuses secret() in the run's output", () => {
    const found = problems({ steps: [call({})], output: { key: "${{ secret('API_KEY') }}" } });
    expect(found).toEqual([expect.stringMatching(/^BAD_EXPRESSION output\.key/)]);
  });

  test.each(['secret:${{ params.name }}', 'secret:no name', 'secret:../API_KEY', 'secret:'])(
    'refuses %j, which is the name of nothing',
    (key) => {
      expect(problems({ steps: [call({ parameters: { key } })] })).toEqual([
        expect.stringMatching(/^BAD_FIELD steps\[0\]\.parameters\.key: .*for the text itself write/),
      ]);
    },
  );

  test('refuses names that are none and names that stand twice', () => {
    expect(problems({ secrets: ['A', '../etc', 'A', '1A'], steps: [call({})] })).toEqual([
      expect.stringContaining('BAD_FIELD secrets[1]: "../etc" is no name of a secret'),
      expect.stringContaining('BAD_FIELD secrets[2]: secret "A" is listed twice'),
      expect.stringContaining('BAD_FIELD secrets[3]'),
    ]);
  });

  test('refuses a secret parameter where no secret is listed', () => {
    const parameters = { type: 'object', properties: { key: { type: 'string', secret: true } } };
    expect(problems({ secrets: [], parameters, steps: [call({})] })).toEqual([
      expect.stringMatching(/^BAD_FIELD parameters: parameter "key" is secret/),
    ]);
  });
});

describe('an input', () => {
  const schema = {
    type: 'object',
    properties: {
      key: { type: 'string', secret: true },
      db: { type: 'object', properties: { password: { secret: true } } },
    },
  };

  function evaluate(parameters: unknown, params: JsonObject = {}) {
    const { definition } = readWorkflowValue({ ...base, parameters: schema, steps: [call({ parameters })] });
    const [node] = compileWorkflow(definition, 1).nodes;
    const template: Template | undefined = node?.kind === 'agent' ? node.parameters : undefined;
    return template?.evaluateMarked?.(scopeOf({ params }));
  }

  test('shows references and marks them, wherever they stand', () => {
    expect(
      evaluate(
        { 'a/b~': ['secret:API_KEY'], text: "x=${{ params.x }}&k=${{ secret('API_KEY') }}" },
        { x: 'secret:DB_PASSWORD' },
      ),
    ).toEqual({
      value: { 'a/b~': ['secret:API_KEY'], text: 'x=secret:DB_PASSWORD&k=secret:API_KEY' },
      marks: [
        { pointer: '/a~1b~0/0', offset: 0, name: 'API_KEY' },
        { pointer: '/text', offset: 23, name: 'API_KEY' },
      ],
    });
  });

  test('marks a secret parameter that is handed on as it is: alone, in text, and inside of what is handed on whole', () => {
    const params = { key: 'secret:API_KEY', db: { password: 'secret:DB_PASSWORD', user: 'secret:DB_PASSWORD' } };
    expect(
      evaluate({ k: '${{ params.key }}', t: 'Bearer ${{ params.key }}', db: '${{ params.db }}' }, params)?.marks,
    ).toEqual([
      { pointer: '/k', offset: 0, name: 'API_KEY' },
      { pointer: '/t', offset: 7, name: 'API_KEY' },
      { pointer: '/db/password', offset: 0, name: 'DB_PASSWORD' },
    ]);
    expect(evaluate('${{ params }}', params)?.marks.map(({ pointer }) => pointer)).toEqual(['/key', '/db/password']);
  });

  test('marks nothing that data brought, in other parameters or under names that are not listed', () => {
    const params = { other: 'secret:API_KEY', key: 'secret:NOT_LISTED' };
    expect(evaluate({ a: '${{ params.other }}', k: '${{ params.key }}' }, params)?.marks).toEqual([]);
    expect(evaluate({ a: '${{ params.other }}' }, params)).toBeUndefined();
    expect(evaluate({ a: "${{ 'secret:' + 'API_KEY' }}" }, params)).toBeUndefined();
  });

  test('a workflow without secrets evaluates as it always did', () => {
    const { definition } = readWorkflowValue({ name: 'Plain', steps: [call({ parameters: '${{ params }}' })] });
    const [node] = compileWorkflow(definition, 1).nodes;
    expect(node).toMatchObject({ parameters: { passThrough: { kind: 'params' } } });
    expect(node?.kind === 'agent' && node.parameters?.evaluateMarked).toBeUndefined();
  });
});
