import { expect, test } from 'vitest';
import { canonicalWorkflow } from '../../../src/workflow/canonical.ts';
import { compileWorkflow } from '../../../src/workflow/compile.ts';
import { readWorkflowValue } from '../../../src/workflow/read.ts';

const agent = (id: string, more: object = {}) => ({ id, action: 'work', ...more });

/** The seed's OptimizedDataProcessing. */
const optimized = {
  name: 'OptimizedDataProcessing',
  description: 'Optimized data processing workflow',
  steps: [
    {
      id: 'extract-data',
      type: 'parallel',
      name: 'Extract',
      steps: [agent('extract-db1'), agent('extract-db2'), agent('extract-api')],
    },
    {
      id: 'process-data',
      type: 'sequential',
      dependencies: ['extract-data'],
      steps: [agent('clean-data'), agent('transform-data')],
    },
    {
      id: 'generate-outputs',
      type: 'parallel',
      dependencies: ['process-data'],
      steps: [agent('generate-report'), agent('update-dashboard'), agent('send-notifications')],
    },
  ],
  finally: [agent('sweep')],
};

test('lays nodes out in pre-order with edges as indices', () => {
  const compiled = compileWorkflow(readWorkflowValue(optimized).definition, 3);
  expect(compiled.version).toBe(3);
  expect(
    compiled.nodes.map((node) => [
      node.index,
      node.id,
      node.kind,
      node.parent,
      node.dependencies,
      node.dependents,
      node.isCleanup,
    ]),
  ).toEqual([
    [0, 'extract-data', 'parallel', -1, [], [4], false],
    [1, 'extract-db1', 'agent', 0, [], [], false],
    [2, 'extract-db2', 'agent', 0, [], [], false],
    [3, 'extract-api', 'agent', 0, [], [], false],
    [4, 'process-data', 'sequential', -1, [0], [7], false],
    [5, 'clean-data', 'agent', 4, [], [6], false],
    [6, 'transform-data', 'agent', 4, [5], [], false],
    [7, 'generate-outputs', 'parallel', -1, [4], [], false],
    [8, 'generate-report', 'agent', 7, [], [], false],
    [9, 'update-dashboard', 'agent', 7, [], [], false],
    [10, 'send-notifications', 'agent', 7, [], [], false],
    [11, 'sweep', 'agent', -1, [], [], true],
  ]);
  expect(compiled.roots).toEqual([0, 4, 7]);
  expect(compiled.finallyRoots).toEqual([11]);
  expect(compiled.indexById.get('clean-data')).toBe(5);
  expect(compiled.nodes[0]).toMatchObject({ children: [1, 2, 3], concurrency: 3, onFailure: 'waitAll' });
  expect(compiled.nodes[4]).toMatchObject({ children: [5, 6], onFailure: 'fail' });
});

test('fills in every default', () => {
  const compiled = compileWorkflow(readWorkflowValue({ name: 'A', steps: [agent('a')] }).definition, 1);
  expect(compiled).toMatchObject({
    timeoutMs: undefined,
    cleanupTimeoutMs: 300_000,
    priority: 'normal',
    labels: {},
    output: undefined,
  });
  expect(compiled.nodes[0]).toEqual({
    kind: 'agent',
    index: 0,
    id: 'a',
    owner: -1,
    slot: 0,
    parent: -1,
    isCleanup: false,
    dependencies: [],
    dependents: [],
    when: undefined,
    runOn: 'success',
    totalTimeoutMs: undefined,
    output: undefined,
    assert: undefined,
    action: 'work',
    agentId: undefined,
    version: undefined,
    agentLabels: {},
    parameters: undefined,
    onFailure: 'fail',
    timeoutMs: undefined,
    queueTimeoutMs: undefined,
    heartbeatTimeoutMs: undefined,
    retry: {
      tries: 1,
      backoffMs: 1_000,
      factor: 2,
      maxBackoffMs: 60_000,
      jitter: true,
      nonRetryable: [],
      onDifferentAgent: false,
      onAssert: false,
    },
    priority: undefined,
    idempotent: undefined,
    lossWindowMs: undefined,
    metadata: undefined,
  });
});

test('expressions know the nodes that they read', () => {
  const steps = [
    agent('a'),
    agent('b', {
      parameters: { v: '${{ steps.a.output }}' },
      when: 'params.on',
      output: 'result.n',
      assert: 'output > 0',
    }),
  ];
  const node = compileWorkflow(readWorkflowValue({ name: 'A', steps, output: '${{ steps.b.output }}' }).definition, 1);
  const b = node.nodes[1];
  expect(b?.kind === 'agent' && b.parameters?.reads).toEqual({ outputs: [0], params: false, last: false, item: false });
  expect(b?.when?.reads).toEqual({ outputs: [], params: true, last: false, item: false });
  expect(node.output?.passThrough).toEqual({ kind: 'output', node: 1 });
});

test('the canonical text depends on the content alone', () => {
  const one = readWorkflowValue({
    name: 'A',
    description: 'd',
    steps: [{ id: 'a', action: 'x', timeout: '1m', parameters: { p: 1, q: 2 } }],
  });
  const two = readWorkflowValue({
    steps: [{ parameters: { q: 2, p: 1 }, timeout: 60_000, action: 'x', id: 'a', dependencies: [], type: 'agent' }],
    description: 'd',
    name: 'A',
  });
  const other = readWorkflowValue({
    name: 'A',
    description: 'd',
    steps: [{ id: 'a', action: 'x', timeout: '2m', parameters: { p: 1, q: 2 } }],
  });
  expect(canonicalWorkflow(one.definition)).toBe(canonicalWorkflow(two.definition));
  expect(canonicalWorkflow(one.definition)).not.toBe(canonicalWorkflow(other.definition));
  expect(canonicalWorkflow(one.definition)).toBe(
    '{"description":"d","name":"A","steps":[{"action":"x","dependencies":[],"id":"a","parameters":{"p":1,"q":2},"timeoutMs":60000,"type":"agent"}]}',
  );
});

test('the nodes of a body count their own slots, and stand apart from those outside', () => {
  const steps = [
    agent('a'),
    {
      id: 'poll',
      type: 'loop',
      until: 'last.done',
      maxIterations: 5,
      body: [
        agent('ask'),
        { id: 'both', type: 'parallel', steps: [agent('x'), agent('y')] },
        { id: 'inner', type: 'loop', while: 'iteration < 3', maxIterations: 2, body: [agent('deep')] },
      ],
    },
    agent('z', { parameters: '${{ steps.poll.output }}' }),
  ];
  const workflow = compileWorkflow(readWorkflowValue({ name: 'A', steps }).definition, 1);
  expect(workflow.nodes.map(({ id, index, owner, slot, parent }) => [id, index, owner, slot, parent])).toEqual([
    ['a', 0, -1, 0, -1],
    ['poll', 1, -1, 1, -1],
    ['ask', 2, 1, 0, -1],
    ['both', 3, 1, 1, -1],
    ['x', 4, 1, 2, 1],
    ['y', 5, 1, 3, 1],
    ['inner', 6, 1, 4, -1],
    ['deep', 7, 6, 0, -1],
    ['z', 8, -1, 2, -1],
  ]);
  const [a, poll, , , , , inner, , z] = workflow.nodes;
  expect(workflow.rootNodes).toEqual([a, poll, z]);
  expect(poll?.kind === 'loop' && [poll.body.map(({ id }) => id), poll.children]).toEqual([
    ['ask', 'both', 'x', 'y', 'inner'],
    [0, 1, 4],
  ]);
  expect(inner?.kind === 'loop' && inner.body.map(({ id }) => id)).toEqual(['deep']);
  expect([a?.dependents, poll?.dependencies, z?.dependencies]).toEqual([[1], [0], [1]]);
});

test('the step of a map is a body of its own, whose expressions see the item', () => {
  const steps = [
    agent('find'),
    {
      id: 'each',
      type: 'map',
      items: 'steps.find.output.rows',
      step: { id: 'row', type: 'sequential', steps: [agent('a', { parameters: '${{ item }}' }), agent('b')] },
    },
    agent('z', { parameters: '${{ steps.each.output }}' }),
  ];
  const workflow = compileWorkflow(readWorkflowValue({ name: 'A', steps }).definition, 1);
  expect(workflow.nodes.map(({ id, index, owner, slot, parent }) => [id, index, owner, slot, parent])).toEqual([
    ['find', 0, -1, 0, -1],
    ['each', 1, -1, 1, -1],
    ['row', 2, 1, 0, -1],
    ['a', 3, 1, 1, 0],
    ['b', 4, 1, 2, 0],
    ['z', 5, -1, 2, -1],
  ]);
  const [, each, , a] = workflow.nodes;
  expect(each?.kind === 'map' && [each.body.map(({ id }) => id), each.children]).toEqual([['row', 'a', 'b'], [0]]);
  expect(each).toMatchObject({
    concurrency: 100,
    onFailure: 'waitAll',
    items: { reads: { outputs: [0], item: false } },
  });
  expect(a?.kind === 'agent' && [a.parameters?.passThrough, a.parameters?.reads.item]).toEqual([
    { kind: 'item' },
    true,
  ]);
});
