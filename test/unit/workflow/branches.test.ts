/** `condition`, `switch` and `set` before they run: how they are read, checked, compiled and placed in a text. */
import { describe, expect, test } from 'vitest';
import type { Scope } from '../../../src/workflow/compiled.ts';
import type { StepDefinition, WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { checkWorkflow, compileWorkflow, inspectWorkflow, readWorkflowValue } from '../../../src/workflow/index.ts';
import { inspectWorkflowValue } from '../../../src/workflow/read.ts';

type Source = Readonly<Record<string, unknown>>;

const agent = (id: string, more: Source = {}): Source => ({ id, action: 'work', ...more });

function normal(...steps: readonly Source[]): readonly StepDefinition[] {
  return readWorkflowValue({ name: 'Test', steps }).definition.steps;
}

/** `CODE message (hint)` of every error, with its place. */
function errors(...steps: readonly Source[]): readonly string[] {
  const { errors: problems } = inspectWorkflowValue({ name: 'Test', steps });
  return problems.map(({ code, message, hint, place, next }) => {
    const more = [hint, next].filter((text) => text !== undefined).map((text) => ` (${text})`);
    return `${place?.pointer}: ${code} ${message}${more.join('')}`;
  });
}

describe('the normal form', () => {
  test('a branch is a row: each step follows the one above it, and none follows a step of the other branch', () => {
    const then = [agent('a'), agent('b'), agent('c', { dependencies: [] })];
    const [block, after] = normal(
      { id: 'c1', type: 'condition', if: true, then, else: [agent('d'), agent('e')], totalTimeout: '1m' },
      agent('after'),
    );
    expect(block).toMatchObject({ type: 'condition', if: 'true', totalTimeoutMs: 60_000, dependencies: [] });
    if (block?.type !== 'condition') throw new Error('not a condition');
    expect(block.then.map(({ id, dependencies }) => [id, dependencies])).toEqual([
      ['a', []],
      ['b', ['a']],
      ['c', []],
    ]);
    expect(block.else?.map(({ id, dependencies }) => [id, dependencies])).toEqual([
      ['d', []],
      ['e', ['d']],
    ]);
    expect(after?.dependencies).toEqual(['c1']);
  });

  test('an else or a default without steps leaves no trace, so that it changes no version', () => {
    const condition = { id: 'c', type: 'condition', if: 'true', then: [agent('a')] };
    const choice = { id: 's', type: 'switch', switch: 'params', cases: [{ equals: 1, steps: [agent('b')] }] };
    const [first, second] = normal({ ...condition, else: [] }, { ...choice, default: [] });
    expect(first).not.toHaveProperty('else');
    expect(second).not.toHaveProperty('default');
  });

  test('a set keeps any JSON, null too', () => {
    expect(normal({ id: 'v', type: 'set', set: null })).toEqual([
      { id: 'v', type: 'set', dependencies: [], set: null },
    ]);
  });
});

describe('problems', () => {
  test('every field that is wrong is told, those of steps inside too, with its place', () => {
    expect(
      errors(
        { id: 'a', type: 'condition', then: [agent('b', { tiemout: 1 })], esle: [], timeout: '1m' },
        {
          id: 's',
          type: 'switch',
          switch: 3,
          cases: [{ equals: [1], steps: [agent('c')] }, { equal: 2, steps: [{ id: 'd' }] }, 'x', { equals: 1 }],
        },
        { id: 'v', type: 'set', value: 1, output: 'result', totalTimeout: 5 },
      ),
    ).toEqual([
      'steps[0]: MISSING_FIELD step "a" has no "if" (add if)',
      'steps[0].esle: UNKNOWN_FIELD step "a" has an unknown field "esle" (did you mean "else"?)',
      'steps[0].timeout: UNKNOWN_FIELD step "a" has an unknown field "timeout" (a block has "totalTimeout")',
      'steps[0].then[0].tiemout: UNKNOWN_FIELD step "b" has an unknown field "tiemout" (did you mean "timeout"?)',
      'steps[1].switch: BAD_FIELD step "s": "switch" must be a CEL expression',
      'steps[1].cases[0].equals: BAD_FIELD case 1 of step "s": "equals" must be text, a number, true, false or null',
      'steps[1].cases[1]: MISSING_FIELD case 2 of step "s" has no "equals" (add equals)',
      'steps[1].cases[1].equal: UNKNOWN_FIELD case 2 of step "s" has an unknown field "equal" (did you mean "equals"?)',
      'steps[1].cases[1].steps[0]: MISSING_FIELD step "d" has no "action" (add action)',
      'steps[1].cases[2]: BAD_FIELD case 3 of step "s" is an object with "equals" and "steps"',
      'steps[1].cases[3]: MISSING_FIELD case 4 of step "s" has no "steps" (add steps)',
      'steps[2]: MISSING_FIELD step "v" has no "set" (add set)',
      'steps[2].value: UNKNOWN_FIELD step "v" has an unknown field "value" (the value is called "set")',
      'steps[2].output: UNKNOWN_FIELD step "v" has an unknown field "output" (the value of "set" is the output)',
      'steps[2].totalTimeout: UNKNOWN_FIELD step "v" has an unknown field "totalTimeout" (it ends as soon as it starts)',
    ]);
  });

  test('a block without its type is told which one it is', () => {
    expect(errors({ id: 'a', if: 'true', then: [] }, { id: 'b', switch: 'x', cases: [] }, { id: 'c', set: 1 })).toEqual(
      [
        'steps[0]: MISSING_FIELD step "a" has "if" but no "type" (add type: condition)',
        'steps[1]: MISSING_FIELD step "b" has "switch" but no "type" (add type: switch)',
        'steps[2]: MISSING_FIELD step "c" has "set" but no "type" (add type: set)',
      ],
    );
  });

  test('a block in which nothing can run, and two cases for one value, are refused', () => {
    expect(
      errors(
        { id: 'a', type: 'condition', if: 'true', else: [] },
        { id: 'b', type: 'switch', switch: 'params.n', cases: [] },
        {
          id: 'c',
          type: 'switch',
          switch: 'params.n',
          cases: [
            { equals: 1, steps: [agent('x')] },
            { equals: '1', steps: [] },
            { equals: 1, steps: [] },
          ],
        },
      ),
    ).toEqual([
      'steps[0].then: MISSING_FIELD step "a" has no steps in it',
      'steps[1].cases: MISSING_FIELD step "b" has no cases',
      'steps[2].cases[2].equals: BAD_FIELD step "c" has two cases for 1',
    ]);
  });

  test('what a proto may say and the written form cannot is refused, too', () => {
    const definition: WorkflowDefinition = {
      name: 'Test',
      steps: [
        { id: 'v', type: 'set', dependencies: [], set: 1, output: 'result', totalTimeoutMs: 5 },
        {
          id: 'c',
          type: 'condition',
          dependencies: [],
          if: '',
          then: [{ id: 'd', type: 'set', dependencies: [], set: 1 }],
        },
      ],
    };
    expect(checkWorkflow(definition).map(({ code, place }) => `${code} ${place?.pointer}`)).toEqual([
      'BAD_FIELD steps[0].totalTimeout',
      'BAD_FIELD steps[0].output',
      'BAD_EXPRESSION steps[1].if',
    ]);
  });

  test('one id stands once over all branches', () => {
    expect(errors({ id: 'c', type: 'condition', if: 'true', then: [agent('a')], else: [agent('a')] })).toEqual([
      'steps[0].else[0].id: DUPLICATE_ID step id "a" stands twice (the first) (rename one of them)',
    ]);
  });

  test('blocks nest in branches as deep as anywhere', () => {
    let step: Source = agent('leaf');
    for (let i = 0; i < 40; i++) step = { id: `c${i}`, type: 'condition', if: 'true', then: [step] };
    expect(errors(step)).toEqual([expect.stringContaining('LIMIT blocks nested deeper than 32')]);
  });

  test('a text shows where: in a case, in an expression of a branch', () => {
    const text = [
      'name: Test',
      'steps:',
      '  - id: s',
      '    type: switch',
      '    switch: params.kinds[',
      '    cases:',
      '      - equals: a',
      '        steps: [{ id: x, action: work, when: steps.y.output > 0 }]',
      '    default:',
      '      - { id: y, action: work }',
    ].join('\n');
    const { errors: problems } = inspectWorkflow({ text, format: 'yaml' });
    expect(problems.map(({ code, place }) => [code, place?.line, place?.column])).toEqual([
      ['BAD_EXPRESSION', 5, 25],
      ['NOT_UPSTREAM', 8, 52],
    ]);
  });
});

describe('what may be read', () => {
  const pick = (then: Source, other: Source, more: Source = {}): Source => ({
    id: 'pick',
    type: 'condition',
    if: 'params.n > 1',
    then: [then],
    else: [other],
    ...more,
  });

  test('a step after the block reads the steps of every branch; the output of the block does, too', () => {
    const after = agent('after', { parameters: '${{ default(steps.a.output, steps.b.output) }}' });
    expect(errors(pick(agent('a'), agent('b'), { output: 'default(steps.a.output, 0)' }), after)).toEqual([]);
  });

  test('a branch reads what stands before the block and before it in the branch', () => {
    const then = [agent('a', { parameters: '${{ steps.first.output }}' }), agent('b', { when: 'steps.a.output > 1' })];
    expect(errors(agent('first'), { id: 'c', type: 'condition', if: 'steps.first.output > 1', then })).toEqual([]);
  });

  test('a branch does not read or follow another, and `if` not what stands inside', () => {
    expect(
      errors(
        pick(agent('a'), agent('b', { dependencies: ['a'], parameters: '${{ steps.a.output }}', output: 'steps.a' })),
      ),
    ).toEqual([
      'steps[0].else[0].dependencies[0]: NOT_SIBLING step "b" depends on "a", which stands in another branch',
      'steps[0].else[0].parameters: NOT_UPSTREAM step "b" reads "a", which stands in another branch',
      'steps[0].else[0].output: NOT_UPSTREAM "output" of step "b" reads "a", which stands in another branch',
    ]);
    expect(errors(pick(agent('a'), agent('b'), { if: 'steps.a.output > 1' }))).toEqual([
      'steps[0].if: NOT_UPSTREAM "if" of step "pick" reads "a", which runs inside it',
    ]);
    const late = { id: 's', type: 'switch', switch: 'steps.late.output', cases: [{ equals: 1, steps: [agent('x')] }] };
    expect(errors({ ...late, dependencies: [] }, agent('late'))).toEqual([
      'steps[0].switch: NOT_UPSTREAM "switch" of step "s" reads "late", which may not have ended before it (move "late" above "s": it starts after that now)',
    ]);
    expect(errors({ ...late, dependencies: [] }, agent('late', { dependencies: [] }))).toEqual([
      'steps[0].switch: NOT_UPSTREAM "switch" of step "s" reads "late", which may not have ended before it (add "late" to the dependencies of "s")',
    ]);
    expect(errors({ id: 'v', type: 'set', set: { n: '${{ steps.w.output }}' } })).toEqual([
      'steps[0].set.n: UNKNOWN_STEP "set" of step "v" reads a step that does not exist (did you mean "v"?)',
    ]);
  });
});

describe('the compiled form', () => {
  const { definition } = readWorkflowValue({
    name: 'Test',
    steps: [
      { id: 'v', type: 'set', set: '${{ params.n }}' },
      {
        id: 's',
        type: 'switch',
        switch: 'steps.v.output',
        cases: [
          { equals: 1, steps: [agent('a'), { id: 'p', type: 'parallel', steps: [agent('b')] }] },
          { equals: 2, steps: [] },
        ],
      },
      { id: 'c', type: 'condition', if: '${{ steps.v.output > 1 }}', then: [agent('d')], onFailure: 'continue' },
    ],
  });
  const { nodes, roots } = compileWorkflow(definition, 1);

  test('a condition and a switch are one kind: branches of children, the last for otherwise', () => {
    expect(nodes.map(({ index, id, kind, parent }) => [index, id, kind, parent])).toEqual([
      [0, 'v', 'set', -1],
      [1, 's', 'condition', -1],
      [2, 'a', 'agent', 1],
      [3, 'p', 'parallel', 1],
      [4, 'b', 'agent', 3],
      [5, 'c', 'condition', -1],
      [6, 'd', 'agent', 5],
    ]);
    expect(roots).toEqual([0, 1, 5]);
    expect(nodes[1]).toMatchObject({
      children: [2, 3],
      branches: [[2, 3], [], []],
      choice: { reads: { outputs: [0] } },
    });
    expect(nodes[5]).toMatchObject({ children: [6], branches: [[6], []], onFailure: 'continue' });
  });

  test('the value of a switch is read once, however many cases there are', () => {
    const node = nodes[1];
    if (node?.kind !== 'condition') throw new Error('not a condition');
    let reads = 0;
    const scope: Scope = {
      params: () => ({}),
      step: () => {
        reads += 1;
        return { status: 'COMPLETED', attempt: 0, agent: undefined, error: undefined, output: () => 3 };
      },
      now: 0,
      run: { id: 'r', namespace: 'default', startedAt: 0, try: 1 },
      workflow: { name: 'Test', version: 1 },
    };
    expect(node.choice.choose(scope)).toBe(2);
    expect(reads).toBe(1);
  });
});
