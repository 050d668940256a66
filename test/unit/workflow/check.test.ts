import { describe, expect, test } from 'vitest';
import { checkWorkflow } from '../../../src/workflow/check.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { inspectWorkflowValue } from '../../../src/workflow/read.ts';
import { cpuTimeOf } from './cpu-time.ts';

const agent = (id: string, more: object = {}) => ({ id, action: 'work', ...more });

/** `CODE message (hint)` of every error. */
function errors(steps: readonly object[], more: object = {}): readonly string[] {
  const { errors: problems } = inspectWorkflowValue({ name: 'Test', steps, ...more });
  return problems.map(({ code, message, hint }) => `${code} ${message}${hint === undefined ? '' : ` (${hint})`}`);
}

describe('graph', () => {
  test('a cycle is named', () => {
    expect(
      errors([
        agent('a', { dependencies: ['c'] }),
        agent('b', { dependencies: ['a'] }),
        agent('c', { dependencies: ['b'] }),
      ]),
    ).toEqual(['CYCLE a -> c -> b -> a: each waits for the next']);
  });

  test('a cycle inside a block is named, and steps behind it are not', () => {
    const steps = [
      agent('x', { dependencies: ['y'] }),
      agent('y', { dependencies: ['x'] }),
      agent('z', { dependencies: ['y'] }),
    ];
    expect(errors([{ id: 'p', type: 'parallel', steps }])).toEqual(['CYCLE x -> y -> x: each waits for the next']);
  });

  test('two cycles are two problems', () => {
    const pair = (left: string, right: string) => [
      agent(left, { dependencies: [right] }),
      agent(right, { dependencies: [left] }),
    ];
    expect(errors([...pair('a', 'b'), ...pair('c', 'd')])).toHaveLength(2);
  });

  test('a step that depends on itself', () => {
    expect(errors([agent('a', { dependencies: ['a'] })])).toEqual(['CYCLE a -> a: step "a" depends on itself']);
  });

  test('an unknown dependency, with the nearest name', () => {
    expect(errors([agent('extract'), agent('b', { dependencies: ['extrct'] })])).toEqual([
      'UNKNOWN_DEPENDENCY step "b" depends on "extrct", which does not exist (did you mean "extract"?)',
    ]);
  });

  test('a duplicate id, also across blocks', () => {
    expect(errors([agent('a'), { id: 'p', type: 'parallel', steps: [agent('a')] }])).toEqual([
      'DUPLICATE_ID step id "a" stands twice (the first)',
    ]);
  });

  test('a dependency that is not a sibling, with its block', () => {
    expect(errors([{ id: 'p', type: 'parallel', steps: [agent('a')] }, agent('b', { dependencies: ['a'] })])).toEqual([
      'NOT_SIBLING step "b" depends on "a", which is not beside it in the same block (depend on its block "p")',
    ]);
  });

  test.each(['', ' ', 'a b', 'a.b', 'a/b', 'ä', 'x'.repeat(65), '__proto__', 'constructor', 'prototype'])(
    'refuses the id %j',
    (id) => {
      expect(errors([agent(id)]).join()).toMatch(/BAD_ID|MISSING_FIELD/);
    },
  );
});

describe('expressions', () => {
  test.each([
    ['dependency', [agent('a'), agent('b', { parameters: '${{ steps.a.output }}' })]],
    ['dependency of a dependency', [agent('a'), agent('b'), agent('c', { when: 'steps.a.output.n > 1' })]],
    [
      'child of a block before',
      [
        { id: 'p', type: 'parallel', steps: [agent('a'), agent('b')] },
        agent('c', { parameters: ['${{ steps.a.output }}'] }),
      ],
    ],
    [
      'step before the block around',
      [
        agent('a'),
        { id: 's', type: 'sequential', steps: [agent('b'), agent('c', { parameters: '${{ steps.a.status }}' })] },
      ],
    ],
    [
      'own children, in the output of a block',
      [{ id: 'p', type: 'parallel', steps: [agent('a')], output: 'steps.a.output' }],
    ],
  ])('a step may read a %s', (_, steps) => {
    expect(errors(steps)).toEqual([]);
  });

  test('cleanup may read every step of the body, the output of the run too', () => {
    const finallySteps = [agent('f', { parameters: '${{ steps.a.status }}' })];
    expect(errors([agent('a')], { finally: finallySteps, output: { kept: '${{ steps.a.output }}' } })).toEqual([]);
  });

  test.each([
    [
      'sibling in a parallel',
      [{ id: 'p', type: 'parallel', steps: [agent('a'), agent('b', { parameters: '${{ steps.a.output }}' })] }],
      'step "b" reads "a", which may not have ended before it',
    ],
    [
      'later step',
      [agent('a', { parameters: '${{ steps.b.output }}' }), agent('b')],
      'step "a" reads "b", which may not have ended before it',
    ],
    ['itself', [agent('a', { parameters: '${{ steps.a.output }}' })], 'step "a" reads "a", which is itself'],
    [
      'itself in output',
      [agent('a', { output: 'steps.a.output' })],
      '"output" of step "a" reads "a", which is itself: use `result`',
    ],
    [
      'block around',
      [{ id: 's', type: 'sequential', steps: [agent('a', { when: 'steps.s.status == "x"' })] }],
      '"when" of step "a" reads "s", the block that it stands in',
    ],
    [
      'own child in when',
      [{ id: 's', type: 'sequential', when: 'has(steps.a.output)', steps: [agent('a')] }],
      '"when" of step "s" reads "a", which runs inside it',
    ],
    [
      'step beside the edges',
      [agent('a'), agent('b', { dependencies: [] }), agent('c', { parameters: '${{ steps.a.output }}' })],
      'step "c" reads "a", which may not have ended before it',
    ],
  ])('NOT_UPSTREAM: a step may not read a %s', (_, steps, message) => {
    expect(errors(steps)).toEqual([`NOT_UPSTREAM ${message}`]);
  });

  test('a step of the body may not read cleanup, nor may the output', () => {
    expect(
      errors([agent('a', { when: 'has(steps.f.output)' })], { finally: [agent('f')], output: 'steps.f.output' }),
    ).toEqual([
      'NOT_UPSTREAM "when" of step "a" reads "f", a cleanup step, which starts after it',
      'NOT_UPSTREAM the output reads "f", a cleanup step, which starts after the output is made',
    ]);
  });

  test('an unknown step, with the nearest name', () => {
    expect(errors([agent('extract'), agent('b', { parameters: { v: 'x ${{ steps.extrct.output }}' } })])).toEqual([
      'UNKNOWN_STEP step "b" reads a step that does not exist (did you mean "extract"?)',
    ]);
  });

  test('an id with a hyphen, written with a dot', () => {
    expect(errors([agent('clean-data'), agent('b', { parameters: '${{ steps.clean-data.output }}' })])).toEqual([
      'UNKNOWN_STEP step "b": steps.clean-data is read as a subtraction, column 7 (write steps["clean-data"])',
    ]);
    expect(errors([agent('part-1'), agent('b', { when: 'steps.part-1 > 0' })])).toEqual([
      'UNKNOWN_STEP "when" of step "b" reads a step that does not exist (write steps["part-1"])',
    ]);
  });

  test('expressions that do not parse, wherever they stand, all at once', () => {
    expect(
      errors(
        [
          agent('a', {
            parameters: { list: [{ v: '${{ 1 + }}' }] },
            when: 'params.',
            output: 'foo',
            assert: 'result >',
          }),
        ],
        { output: '${{ x' },
      ),
    ).toEqual([
      'BAD_EXPRESSION "when" of step "a": nothing stands after ".", column 7',
      'BAD_EXPRESSION step "a": nothing stands after "+", column 3',
      'BAD_EXPRESSION "output" of step "a": unknown name "foo", column 1 (known here: params, steps, run, workflow, now, result)',
      'BAD_EXPRESSION "assert" of step "a": nothing stands after ">", column 8',
      'BAD_EXPRESSION the output: "${{" is never closed, column 1 (close it with }})',
    ]);
  });

  test('a wrong edge does not also report the reading that it was meant for', () => {
    expect(
      errors([
        agent('extract', { dependencies: [] }),
        agent('b', { dependencies: ['extrct'], parameters: '${{ steps.extract.output }}' }),
      ]),
    ).toHaveLength(1);
  });
});

describe('values', () => {
  test.each([
    ['name', { name: 'a b' }, {}],
    ['action', {}, { action: 'do it' }],
    ['agentId', {}, { agentId: 'a b' }],
    ['version', {}, { version: 'newest' }],
    ['tries', {}, { retry: { tries: 0 } }],
    ['factor', {}, { retry: { tries: 2, factor: 0.5 } }],
    ['retries', {}, { retries: -2 }],
  ])('refuses a bad %s', (_, workflow, step) => {
    expect(errors([agent('a', step)], workflow)).toHaveLength(1);
  });

  test('refuses a workflow and a block without steps, and no concurrency', () => {
    expect(errors([])).toEqual(['MISSING_FIELD workflow "Test" has no steps']);
    expect(errors([{ id: 'p', type: 'parallel', concurrency: 0, steps: [] }])).toHaveLength(2);
  });

  test('the assert of a block sees the steps in it, `result` and `output`, and is checked as others are', () => {
    const steps = [{ id: 'a', action: 'a' }];
    const block = (assert: string) => errors([{ id: 'p', type: 'parallel', steps, assert }]);
    expect(block('output.a > 1 && result.a > steps.a.output')).toEqual([]);
    expect(block('steps.p.output > 1')).toHaveLength(1);
    expect(block('output >')).toHaveLength(1);
  });

  test('refuses a quorum that cannot be, and one beside a policy', () => {
    const steps = [{ id: 'a', action: 'a' }];
    const withQuorum = (more: object) => errors([{ id: 'p', type: 'parallel', steps, ...more }]);
    expect(withQuorum({ quorum: 1 })).toEqual([]);
    expect(withQuorum({ quorum: 0 })).toHaveLength(1);
    expect(withQuorum({ quorum: 2 })).toEqual(['BAD_FIELD step "p": "quorum" is 2, but only 1 steps are in it']);
    expect(withQuorum({ quorum: 1, onFailure: 'waitAll' })).toHaveLength(1);
  });

  describe('a loop', () => {
    const loop = (more: object) => ({
      id: 'l',
      type: 'loop',
      until: 'true',
      maxIterations: 3,
      body: [agent('a')],
      ...more,
    });

    test('needs one condition, a limit that can be reached, and a body', () => {
      expect(errors([loop({})])).toEqual([]);
      expect(errors([loop({ until: undefined })])).toEqual(['MISSING_FIELD step "l" has no "while" and no "until"']);
      expect(errors([loop({ while: 'true' })])).toEqual(['BAD_FIELD step "l" has both "while" and "until"']);
      expect(errors([loop({ maxIterations: undefined })])).toEqual(['MISSING_FIELD step "l" has no "maxIterations"']);
      expect(errors([loop({ maxIterations: 0 })])).toHaveLength(1);
      expect(errors([loop({ maxIterations: 10_001 })])).toEqual(['LIMIT step "l": "maxIterations" is more than 10000']);
      expect(errors([loop({ body: [] })])).toEqual(['MISSING_FIELD step "l" has no steps in it']);
    });

    test('shows `iteration` and `last` inside it and in its own conditions, and nowhere else', () => {
      const seen = { n: '${{ iteration }}', last: '${{ last.rows }}' };
      const inner = { id: 'p', type: 'parallel', steps: [agent('b', { when: 'iteration > 1', parameters: seen })] };
      expect(errors([loop({ until: 'last.n > iteration', output: 'last', body: [agent('a'), inner] })])).toEqual([]);
      expect(errors([loop({ when: 'iteration > 1' })])).toEqual([
        expect.stringMatching(/^BAD_EXPRESSION "when" of step "l": unknown name "iteration"/),
      ]);
      expect(errors([loop({}), agent('z', { parameters: '${{ last }}' })])).toEqual([
        expect.stringMatching(/^BAD_EXPRESSION step "z": unknown name "last"/),
      ]);
    });

    test('keeps the steps of its body to itself: outside there is only its output', () => {
      expect(errors([loop({}), agent('z', { parameters: '${{ steps.a.output }}' })])).toEqual([
        'NOT_UPSTREAM step "z" reads "a", which runs anew in each iteration of "l" (read the output of "l", which is that of its last iteration)',
      ]);
      expect(errors([loop({ until: 'steps.a.output.done' })])).toEqual([
        'NOT_UPSTREAM "until" of step "l" reads "a", which runs anew in each iteration of "l" (read `last`, the output of the last iteration)',
      ]);
      expect(errors([loop({})], { output: 'steps.a.output' })).toHaveLength(1);
      const inner = loop({
        id: 'inner',
        body: [agent('deep', { when: 'steps.a.output.ok && steps.before.output.ok' })],
      });
      expect(errors([agent('before'), loop({ body: [agent('a'), inner] })])).toEqual([]);
      expect(errors([loop({ body: [inner, agent('b', { when: 'steps.deep.output.ok' })] })])).toHaveLength(3);
    });

    test('ids are unique in the workflow, bodies included', () => {
      expect(errors([agent('a'), loop({})])).toEqual(['DUPLICATE_ID step id "a" stands twice (the first)']);
    });
  });

  describe('a map', () => {
    const map = (more: object) => ({ id: 'm', type: 'map', items: 'params.rows', step: agent('a'), ...more });

    test('needs items that can be a list, and one step', () => {
      expect(errors([map({})])).toEqual([]);
      expect(errors([map({ items: ['x', '${{ params.n }}'] })])).toEqual([]);
      expect(errors([map({ items: undefined })])).toEqual(['MISSING_FIELD step "m" has no "items"']);
      expect(errors([map({ items: 3 })])).toEqual([
        'BAD_FIELD step "m": "items" must be a list, or CEL that gives one',
      ]);
      expect(errors([map({ step: undefined })])).toEqual(['MISSING_FIELD step "m" has no "step"']);
      expect(errors([map({ steps: [] })])).toEqual([
        'UNKNOWN_FIELD step "m" has an unknown field "steps" (a map has one "step", which may be a block)',
      ]);
    });

    test('has the window and the policies of a parallel', () => {
      expect(errors([map({ concurrency: 3, onFailure: 'failFast' })])).toEqual([]);
      expect(errors([map({ concurrency: 0 })])).toHaveLength(1);
      // How many items there are, only the run knows.
      expect(errors([map({ quorum: 9_000 })])).toEqual([]);
      expect(errors([map({ quorum: 0 })])).toHaveLength(1);
      expect(errors([map({ quorum: 1, onFailure: 'continue' })])).toHaveLength(1);
      expect(errors([map({ onFailure: 'fail' })])).toHaveLength(1);
    });

    test('shows `item` and `index` inside it, and nowhere else; a loop in it and a map in a loop show both', () => {
      const seen = { item: '${{ item.n }}', i: '${{ index }}' };
      const inner = { id: 'p', type: 'parallel', steps: [agent('b', { when: 'index > 0', parameters: seen })] };
      expect(errors([map({ step: inner })])).toEqual([]);
      for (const field of ['items', 'when', 'output'])
        expect(errors([map({ [field]: 'item' })])).toEqual([
          expect.stringMatching(new RegExp(`^BAD_EXPRESSION "${field}" of step "m": unknown name "item"`)),
        ]);
      expect(errors([map({}), agent('z', { parameters: '${{ index }}' })])).toEqual([
        expect.stringMatching(/^BAD_EXPRESSION step "z": unknown name "index"/),
      ]);
      const all = '${{ [item, index, iteration, last] }}';
      const loop = { id: 'l', type: 'loop', until: 'last == item', maxIterations: 3, output: '[last, item]' };
      expect(errors([map({ step: { ...loop, body: [agent('a', { parameters: all })] } })])).toEqual([]);
      const within = map({ items: '[iteration]', step: agent('a', { parameters: all }) });
      expect(errors([{ ...loop, until: 'true', output: 'last', body: [within] }])).toEqual([]);
      expect(errors([map({ items: 'params.rows.map(item, item.id)' })])).toEqual([]);
    });

    test('keeps its step to itself: outside there is only its output', () => {
      const outside = 'which runs once for each item of "m" (read the output of "m", the list of what they gave)';
      expect(errors([map({}), agent('z', { parameters: '${{ steps.a.output }}' })])).toEqual([
        `NOT_UPSTREAM step "z" reads "a", ${outside}`,
      ]);
      expect(errors([map({ output: 'steps.a.output' })])).toEqual([
        'NOT_UPSTREAM "output" of step "m" reads "a", which runs once for each item of "m" (read `result`, the list of what the items gave)',
      ]);
      expect(errors([map({ output: '{"of": size(result)}' }), agent('z', { when: 'steps.m.output.of > 0' })])).toEqual(
        [],
      );
      const deep = { id: 'inner', type: 'map', items: 'item', step: agent('deep', { when: 'steps.before.output.ok' }) };
      expect(errors([agent('before'), map({ step: deep })])).toEqual([]);
    });

    test('names the place of its step', () => {
      const { errors: found } = inspectWorkflowValue({
        name: 'A',
        steps: [map({ step: agent('a', { timeout: 'x' }) })],
      });
      expect(found.map(({ place }) => place?.pointer)).toEqual(['steps[0].step.timeout']);
      const step = agent('a', { dependencies: ['b'], when: 'nothing' });
      const relations = inspectWorkflowValue({ name: 'A', steps: [agent('b'), map({ step })] }).errors;
      expect(relations.map(({ code, place }) => [code, place?.pointer])).toEqual([
        ['NOT_SIBLING', 'steps[1].step.dependencies[0]'],
        ['BAD_EXPRESSION', 'steps[1].step.when'],
      ]);
    });

    test('counts as a level, and its step as a step', () => {
      let step: object = agent('leaf');
      for (let i = 0; i < 31; i++) step = map({ id: `m${i}`, step });
      expect(errors([step])).toEqual([]);
      expect(errors([map({ id: 'top', step })])).toEqual(['LIMIT blocks nested deeper than 32']);
    });
  });

  test('refuses a definition over 1 MiB', () => {
    expect(errors([agent('a', { parameters: 'x'.repeat(1_100_000) })])).toEqual([
      expect.stringMatching(/^LIMIT the definition has 11\d+ bytes, limit 1048576$/),
    ]);
  });
});

describe('a definition that was not read from text', () => {
  const base: WorkflowDefinition = { name: 'A', steps: [{ type: 'agent', id: 'a', action: 'x', dependencies: [] }] };

  test('is checked the same', () => {
    expect(checkWorkflow(base)).toEqual([]);
    expect(
      checkWorkflow({ ...base, timeoutMs: Number.NaN, cleanupTimeoutMs: -1 }).map((problem) => problem.place?.pointer),
    ).toEqual(['timeout', 'cleanupTimeout']);
  });

  test('nested beyond every limit, ends with LIMIT and not with the stack', () => {
    let step: WorkflowDefinition['steps'][number] = { type: 'agent', id: 'a', action: 'x', dependencies: [] };
    for (let i = 0; i < 20_000; i++) step = { type: 'sequential', id: `s${i}`, dependencies: [], steps: [step] };
    expect(checkWorkflow({ name: 'A', steps: [step] }).map(({ code }) => code)).toEqual(['LIMIT']);
  });

  test('with values nested beyond the limit', () => {
    let value: WorkflowDefinition['output'] = 1;
    for (let i = 0; i < 20_000; i++) value = [value];
    expect(checkWorkflow({ ...base, output: value }).map(({ code }) => code)).toEqual(['LIMIT']);
  });
});

describe('10,000 steps', () => {
  /** Generous, because two cores are shared by all the tests; alone each takes a few hundred milliseconds. */
  const BUDGET_MS = 4_000;
  const many = (make: (i: number) => object): readonly object[] => Array.from({ length: 10_000 }, (_, i) => make(i));

  test.each([
    [
      'a chain that reads its first step',
      (i: number) => ({ id: `s${i}`, action: 'x', ...(i % 4 === 1 ? { parameters: '${{ steps.s0.output }}' } : {}) }),
      0,
    ],
    ['a ring', (i: number) => ({ id: `s${i}`, action: 'x', dependencies: [`s${(i + 1) % 10_000}`] }), 1],
    [
      'unknown names everywhere',
      (i: number) => ({ id: `s${i}`, action: 'x', dependencies: [`t${i}`], when: `steps.u${i}.output` }),
      100,
    ],
    ['one id', () => ({ id: 'same', action: 'x', dependencies: [] }), 100],
  ])('%s', (_, make, problems) => {
    const steps = many(make);
    expect(cpuTimeOf(() => expect(errors(steps)).toHaveLength(problems))).toBeLessThan(BUDGET_MS);
  });
});
