import { describe, expect, test } from 'vitest';
import type { StepDefinition } from '../../../src/workflow/definition.ts';
import { nestedSteps } from '../../../src/workflow/nested.ts';
import { normalizeWorkflow } from '../../../src/workflow/normalize.ts';

function edgesOf(steps: readonly StepDefinition[]): Record<string, readonly string[]> {
  return Object.assign({}, ...steps.map((step) => ({ [step.id]: step.dependencies, ...edgesOf(nestedSteps(step)) })));
}

const agent = (id: string, more: object = {}) => ({ id, action: 'work', ...more });

describe('edges', () => {
  test('a step without dependencies follows the step above it, children of parallel start together', () => {
    const { definition, findings } = normalizeWorkflow({
      name: 'Edges',
      steps: [
        agent('a'),
        { id: 'p', type: 'parallel', steps: [agent('p1'), agent('p2'), agent('p3', { dependencies: ['p1'] })] },
        { id: 's', type: 'sequential', steps: [agent('s1'), agent('s2'), agent('s3', { dependencies: [] })] },
        agent('b', { dependencies: ['a'] }),
        agent('c', { dependencies: [] }),
        agent('d'),
      ],
      finally: [agent('f1'), agent('f2')],
    });
    expect(findings).toEqual([]);
    expect(edgesOf([...definition.steps, ...(definition.finally ?? [])])).toEqual({
      a: [],
      p: ['a'],
      p1: [],
      p2: [],
      p3: ['p1'],
      s: ['p'],
      s1: [],
      s2: ['s1'],
      s3: [],
      b: ['a'],
      c: [],
      d: ['c'],
      f1: [],
      f2: ['f1'],
    });
  });
});

describe('fields', () => {
  test('durations become milliseconds, retries become tries, labels of a step its agent labels', () => {
    const { definition, findings } = normalizeWorkflow({
      name: 'Fields',
      timeout: '5m',
      cleanupTimeout: 1000,
      steps: [
        {
          id: 'a',
          type: 'agent',
          name: 'A',
          agentId: 'db',
          action: 'extract',
          version: '^1.2',
          labels: { region: 'eu' },
          parameters: { source: 'db1' },
          timeout: 60000,
          totalTimeout: '1h',
          queueTimeout: '2d',
          heartbeatTimeout: '500ms',
          lossWindow: '10s',
          retries: 2,
          priority: 'high',
          onFailure: 'continue',
          idempotent: true,
          runOn: 'always',
          when: true,
        },
        {
          id: 'b',
          action: 'x',
          retry: { tries: 3, backoff: '2s', factor: 3, maxBackoff: '1m', jitter: false, nonRetryable: ['BAD'] },
        },
      ],
    });
    expect(findings).toEqual([]);
    expect(definition).toEqual({
      name: 'Fields',
      timeoutMs: 300_000,
      cleanupTimeoutMs: 1_000,
      steps: [
        {
          id: 'a',
          type: 'agent',
          name: 'A',
          dependencies: [],
          agentId: 'db',
          action: 'extract',
          version: '^1.2',
          agentLabels: { region: 'eu' },
          parameters: { source: 'db1' },
          timeoutMs: 60_000,
          totalTimeoutMs: 3_600_000,
          queueTimeoutMs: 172_800_000,
          heartbeatTimeoutMs: 500,
          lossWindowMs: 10_000,
          retry: { tries: 3 },
          priority: 'high',
          onFailure: 'continue',
          idempotent: true,
          runOn: 'always',
          when: 'true',
        },
        {
          id: 'b',
          type: 'agent',
          dependencies: ['a'],
          action: 'x',
          retry: { tries: 3, backoffMs: 2_000, factor: 3, maxBackoffMs: 60_000, jitter: false, nonRetryable: ['BAD'] },
        },
      ],
    });
  });

  test('the defaults written out are the same definition as the defaults left out', () => {
    const plain = normalizeWorkflow({ name: 'A', steps: [agent('a')] });
    const written = normalizeWorkflow({
      name: 'A',
      timeout: 0,
      steps: [{ ...agent('a'), type: 'agent', retries: 0, label: undefined }],
    });
    expect(written).toEqual(plain);
  });

  test('every problem is reported at once, each with its path', () => {
    const { findings } = normalizeWorkflow({
      name: 'A',
      stepps: [],
      timeout: 'soon',
      priority: 'hihg',
      schedule: {},
      steps: [
        agent('a', { timout: 3, retry: { trise: 3 } }),
        { id: 'l', while: 'true', body: [] },
        { id: 'm', type: 'loop', compensate: {} },
        { id: 'n', type: 'paralel', steps: [] },
        { id: 'o', steps: [] },
        5,
        { id: 'q', type: 'parallel', timeout: 4, steps: [{ id: 3, action: 'x' }] },
        agent('r', { retries: 1, retry: { tries: 2 }, fallback: {} }),
        { action: 'x', dependencies: 'a' },
      ],
    });
    expect(findings.map(({ code, path, hint }) => [code, path.join('.'), hint])).toEqual([
      ['BAD_FIELD', 'timeout', undefined],
      ['BAD_FIELD', 'priority', 'did you mean "high"?'],
      ['UNKNOWN_FIELD', 'stepps', 'did you mean "steps"?'],
      ['MISSING_FIELD', 'schedule', undefined],
      ['BAD_FIELD', 'steps.0.retry.tries', undefined],
      ['UNKNOWN_FIELD', 'steps.0.retry.trise', 'did you mean "tries"?'],
      ['UNKNOWN_FIELD', 'steps.0.timout', 'did you mean "timeout"?'],
      ['MISSING_FIELD', 'steps.1', undefined],
      ['MISSING_FIELD', 'steps.2', undefined],
      ['MISSING_FIELD', 'steps.2', undefined],
      ['MISSING_FIELD', 'steps.2.compensate', undefined],
      ['MISSING_FIELD', 'steps.2.compensate', undefined],
      ['BAD_FIELD', 'steps.3.type', 'did you mean "parallel"?'],
      ['MISSING_FIELD', 'steps.4', undefined],
      ['BAD_FIELD', 'steps.5', undefined],
      ['UNKNOWN_FIELD', 'steps.6.timeout', 'a block has "totalTimeout"'],
      ['BAD_FIELD', 'steps.6.steps.0.id', undefined],
      ['BAD_FIELD', 'steps.7.retries', undefined],
      ['MISSING_FIELD', 'steps.7.fallback', undefined],
      ['MISSING_FIELD', 'steps.7.fallback', undefined],
      ['MISSING_FIELD', 'steps.8', undefined],
      ['BAD_FIELD', 'steps.8.dependencies', undefined],
    ]);
  });

  test('the step of a map has no edges of its own, and no place in a list', () => {
    const step = { id: 'row', type: 'sequential', steps: [agent('a'), agent('b')] };
    const { definition, findings } = normalizeWorkflow({
      name: 'A',
      steps: [agent('find'), { id: 'each', type: 'map', items: [1], step, totalTimeout: '1m' }],
    });
    expect(findings).toEqual([]);
    expect(definition.steps[1]).toMatchObject({
      type: 'map',
      dependencies: ['find'],
      totalTimeoutMs: 60_000,
      step: { id: 'row', dependencies: [], steps: [{ dependencies: [] }, { dependencies: ['a'] }] },
    });
  });

  test('__proto__ and constructor are data in parameters and unknown fields elsewhere', () => {
    const source: unknown = JSON.parse(
      '{"name":"A","__proto__":1,"steps":[{"id":"a","action":"x","constructor":1,"parameters":{"__proto__":{"x":1},"constructor":2}}]}',
    );
    const { definition, findings } = normalizeWorkflow(source);
    expect(findings.map(({ code, path }) => [code, path.join('.')])).toEqual([
      ['UNKNOWN_FIELD', '__proto__'],
      ['UNKNOWN_FIELD', 'steps.0.constructor'],
    ]);
    expect(JSON.stringify(definition.steps[0])).toContain('"parameters":{"__proto__":{"x":1},"constructor":2}');
    expect(Object.getPrototypeOf(definition)).toBe(Object.prototype);
  });

  test('values that JSON cannot hold are refused where they stand', () => {
    const parameters = { f: () => 1, map: new Map(), nan: Number.NaN, list: [1n], gone: undefined };
    const { findings } = normalizeWorkflow({ name: 'A', steps: [agent('a', { parameters })] });
    expect(findings.map(({ path }) => path.slice(2).join('.'))).toEqual([
      'parameters.f',
      'parameters.map',
      'parameters.nan',
      'parameters.list.0',
    ]);
  });
});

describe('limits', () => {
  test('more than 10,000 steps', () => {
    const { findings } = normalizeWorkflow({
      name: 'A',
      steps: Array.from({ length: 10_002 }, (_, i) => agent(`s${i}`)),
    });
    expect(findings.map(({ code, message }) => [code, message])).toEqual([['LIMIT', 'more than 10000 steps']]);
  });

  test('blocks nested deeper than 32', () => {
    let step: object = agent('leaf');
    for (let i = 0; i < 40; i++) step = { id: `b${i}`, type: 'sequential', steps: [step] };
    const { findings } = normalizeWorkflow({ name: 'A', steps: [step] });
    expect(findings.map(({ code, message }) => [code, message])).toEqual([['LIMIT', 'blocks nested deeper than 32']]);
  });

  test('parameters nested 100 deep', () => {
    let value: unknown = 1;
    for (let i = 0; i < 100; i++) value = [value];
    const { findings } = normalizeWorkflow({ name: 'A', steps: [agent('a', { parameters: value })] });
    expect(findings.map(({ message }) => message)[0]).toContain('nested deeper than 32');
  });

  test('a value that contains itself', () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    expect(normalizeWorkflow({ name: 'A', steps: [agent('a', { parameters: loop })] }).findings).toHaveLength(1);
  });
});
