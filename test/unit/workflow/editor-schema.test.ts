/** schema/workflow.json, as an editor uses it, beside the real reader. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { inspectWorkflow, inspectWorkflowValue } from '../../../src/workflow/index.ts';
import * as forms from '../../../src/workflow/schema.ts';
import { readDocumentation } from '../../docs/read-blocks.ts';

type Node = { readonly [keyword: string]: unknown };

const schema: Node = JSON.parse(readFileSync('schema/workflow.json', 'utf8'));
const ajv = new Ajv({
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  strictTypes: false,
  strictRequired: false,
});
const validate = ajv.compile(schema);

function complaintsOf(value: unknown): readonly string[] {
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Every object that describes fields, with the name that it has in the schema. */
function fieldsIn(node: unknown, name: string): readonly (readonly [string, Node])[] {
  if (!isNode(node)) return [];
  const own = isNode(node.properties) ? node.properties : {};
  const nested = isNode(node.definitions) ? node.definitions : {};
  return [...Object.entries(own), ...Object.entries(nested)].flatMap(([key, member]) => {
    const path = `${name}.${key}`;
    const fields = fieldsIn(member, path);
    return Object.hasOwn(own, key) && isNode(member) ? [[path, member] as const, ...fields] : fields;
  });
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe('the schema', () => {
  test('explains every field', () => {
    const fields = fieldsIn(schema, 'workflow');
    expect(fields.length).toBeGreaterThan(50);
    expect(fields.filter(([, { description }]) => typeof description !== 'string').map(([name]) => name)).toEqual([]);
  });

  test('has every block whose form the reader knows', () => {
    const known = Object.entries(forms).filter(([name]) => /^(?!workflow).+Schema$/.test(name));
    const used: readonly unknown[] = Object.values(forms.blocks).map((block) => block.schema);
    expect(known.filter(([, form]) => !used.includes(form)).map(([name]) => name)).toEqual([]);
    expect(schema.definitions).toMatchObject(Object.fromEntries(Object.keys(forms.blocks).map((kind) => [kind, {}])));
  });

  test.each(Object.entries(forms.blocks))('asks of %s what the reader asks', (type, { required }) => {
    const { errors } = inspectWorkflowValue({ name: 'W', steps: [{ type }] });
    const missing = errors.flatMap(({ message }) => /has no "(\w+)"/.exec(message)?.[1] ?? []);
    expect(missing.sort()).toEqual(required.toSorted());
    expect(complaintsOf({ name: 'W', steps: [{ type }] }).filter((text) => text.includes('required'))).toEqual(
      required.map((field) => `/steps/0 must have required property '${field}'`),
    );
  });
});

describe('examples', () => {
  const { blocks } = readDocumentation(process.cwd());
  const shown = blocks.filter(({ kind, exitCode }) => kind === 'yaml lint' && exitCode === 0);
  test.each(shown.map(({ document, line, text }) => [`${document}:${line}`, text]))('%s is valid', (_, text) => {
    expect(complaintsOf(parse(text))).toEqual([]);
  });

  const folder = 'examples/workflows';
  test.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))('%s is valid', (name) => {
    expect(complaintsOf(parse(readFileSync(join(folder, name), 'utf8')))).toEqual([]);
  });
});

const step = (more: object): object => ({ name: 'W', steps: [{ id: 'a', action: 'work', ...more }] });
const block = (more: object): object => ({
  name: 'W',
  steps: [{ id: 'p', type: 'parallel', steps: [{ id: 'a', action: 'work' }], ...more }],
});

const inCase = (first: object): object => {
  const cases = [first, { equals: 2, steps: [{ id: 'b', action: 'work' }] }];
  return { name: 'W', steps: [{ id: 's', type: 'switch', switch: 'params', cases }] };
};

const loopOf = (more: object): object => ({
  name: 'W',
  steps: [{ id: 'l', type: 'loop', maxIterations: 3, body: [{ id: 'a', action: 'work' }], ...more }],
});

const mapOf = (more: object): object => ({
  name: 'W',
  steps: [{ id: 'm', type: 'map', items: 'params.rows', step: { id: 'a', action: 'work' }, ...more }],
});

const good: Readonly<Record<string, unknown>> = {
  'a concurrency that is a number': { ...step({}), concurrency: 5, retries: 2 },
  'a concurrency that is an object': { ...step({}), concurrency: { limit: 1, overflow: 'cancelOldest' } },
  'a schedule that is text': { ...step({}), schedule: '0 2 * * *' },
  'a schedule that is an object': {
    ...step({}),
    schedule: {
      cron: '@daily',
      timezone: 'Europe/Berlin',
      parameters: { a: 1 },
      labels: { b: 'c' },
      priority: 'high',
      overlap: 'cancelOther',
      catchUp: 'all',
      catchUpWindow: '12h',
      paused: true,
    },
  },
  'a key': step({ concurrencyKey: 'db-${{ params.x }}' }),
  'a key with a limit': step({ concurrencyKey: { key: 'db', limit: 2 } }),
  'steps that belong to another': step({
    fallback: { id: 'f', action: 'work', retries: 2, timeout: '1m' },
    compensate: { id: 'c', type: 'agent', action: 'undo', when: 'true' },
  }),
  'a block with an assert and a fallback': block({ assert: 'output.a == 1', fallback: { id: 'f', action: 'work' } }),
  'the least': step({}),
  'all of a step': step({
    type: 'agent',
    name: 'A',
    dependencies: [],
    when: true,
    runOn: 'always',
    totalTimeout: ' 5m ',
    output: { kept: '${{ result.kept }}' },
    assert: 'output.kept > 0',
    metadata: { team: 'data', nested: [1, null] },
    agentId: 'db',
    version: '^1.2',
    labels: { region: 'eu' },
    parameters: [1],
    onFailure: 'continue',
    timeout: 0,
    queueTimeout: 1500,
    heartbeatTimeout: '1.5s',
    retry: { tries: 3, backoff: '2s', factor: 1.5, maxBackoff: '1m', jitter: false, nonRetryable: ['X'] },
    priority: 'low',
    idempotent: true,
    lossWindow: '1h',
  }),
  'all of a workflow': {
    $schema: './node_modules/yardmaster/schema/workflow.json',
    ...step({}),
    label: 'Nightly copy',
    description: 'Copies',
    parameters: { type: 'object' },
    timeout: '1d',
    priority: 'critical',
    output: 'steps.a.output',
    finally: [],
    cleanupTimeout: 1,
    labels: {},
    metadata: {},
  },
  'a parallel': block({ concurrency: 1, onFailure: 'failFast' }),
  'a condition': {
    name: 'W',
    steps: [{ id: 'c', type: 'condition', if: true, then: [], else: [{ id: 'b', action: 'work' }] }],
  },
  'a switch': {
    name: 'W',
    steps: [
      {
        id: 's',
        type: 'switch',
        switch: 'params.kind',
        cases: [
          { equals: 'a', steps: [{ id: 'a', action: 'work' }] },
          { equals: null, steps: [] },
          { equals: 1.5, steps: [] },
          { equals: false, steps: [] },
        ],
        default: [{ id: 'b', type: 'set', set: null }],
        totalTimeout: '1m',
      },
    ],
  },
  'a set': { name: 'W', steps: [{ id: 'v', type: 'set', set: { n: '${{ params.n }}' }, onFailure: 'continue' }] },
  'a wait': { name: 'W', steps: [{ id: 'w', type: 'wait', for: '5m', onFailure: 'continue' }] },
  'a wait out of data': { name: 'W', steps: [{ id: 'w', type: 'wait', for: '${{ params.pause }}' }] },
  'a wait until a time': { name: 'W', steps: [{ id: 'w', type: 'wait', until: '2026-12-01T09:00:00Z' }] },
  'all of a signal': {
    name: 'W',
    steps: [
      {
        id: 's',
        type: 'signal',
        signal: 'go',
        title: 'Go?',
        answerers: ['ann'],
        timeout: '2d',
        default: { yes: false },
      },
    ],
  },
  'a loop that runs while': loopOf({ while: 'iteration < 3', delay: '1s', onMaxIterations: 'stop' }),
  'a loop that runs until': loopOf({ until: 'last.done', onFailure: 'continue' }),
  'a map over what an expression gives': mapOf({ concurrency: 5, onFailure: 'continue', totalTimeout: '1h' }),
  'a map over a list that is written out': mapOf({ items: [1, '${{ params.n }}', {}], quorum: 2, output: 'result' }),
  'a map of a block': mapOf({ step: { id: 's', type: 'sequential', steps: [{ id: 'a', action: 'work' }] } }),
  'all of a child run': {
    name: 'W',
    steps: [
      {
        id: 'c',
        type: 'workflow',
        workflow: 'Report',
        version: 2,
        parameters: { n: 1 },
        totalTimeout: '1h',
        onFailure: 'continue',
        compensate: { id: 'u', action: 'undo' },
      },
    ],
  },
  'a form, and answerers': {
    name: 'W',
    steps: [{ id: 's', type: 'signal', signal: 'go', form: { type: 'object' }, answerers: ['ann'] }],
  },
  'secrets of a workflow': { ...step({ parameters: 'secret:DB' }), secrets: ['DB'] },
  'blocks in blocks': block({ steps: [{ id: 's', type: 'sequential', steps: [{ id: 'a', action: 'work' }] }] }),
};

const bad: Readonly<Record<string, unknown>> = {
  'no run at once': { ...step({}), concurrency: 0 },
  'a concurrency without a limit': { ...step({}), concurrency: { overflow: 'queue' } },
  'a concurrency with an unknown overflow': { ...step({}), concurrency: { limit: 1, overflow: 'drop' } },
  'a concurrency with an unknown member': { ...step({}), concurrency: { limit: 1, max: 2 } },
  'too many retries of a run': { ...step({}), retries: 101 },
  'an empty key': step({ concurrencyKey: '' }),
  'a key that is a number': step({ concurrencyKey: 5 }),
  'a key of no attempt': step({ concurrencyKey: { key: 'db', limit: 0 } }),
  'no object': 'name: W',
  'no name': { steps: [{ id: 'a', action: 'work' }] },
  'no steps': { name: 'W' },
  'an empty body': { name: 'W', steps: [] },
  'a name with a space': { ...step({}), name: 'My flow' },
  'an unknown field of a workflow': { ...step({}), step: 1 },
  'a word of later': step({ cache: '1h' }),
  'a schedule that is a number': { ...step({}), schedule: 5 },
  'a schedule without a cron': { ...step({}), schedule: { timezone: 'UTC' } },
  'a schedule of another workflow': { ...step({}), schedule: { cron: '@daily', workflow: 'Other' } },
  'an unknown word in a schedule': { ...step({}), schedule: { cron: '@daily', overlap: 'wait' } },
  'a step that is text': { name: 'W', steps: ['work'] },
  'a cleanup step without an action': { ...step({}), finally: [{ id: 'b' }] },
  'an id with a dot': step({ id: 'a.b' }),
  'a reserved id': step({ id: 'constructor' }),
  'an unknown field of a step': step({ tiemout: '1m' }),
  'a field of another block': step({ concurrency: 2 }),
  'steps without a type': { name: 'W', steps: [{ id: 'p', steps: [{ id: 'a', action: 'work' }] }] },
  'a wait with two ends': { name: 'W', steps: [{ id: 'w', type: 'wait', for: '5m', until: 'now' }] },
  'a signal without a type': { name: 'W', steps: [{ id: 's', signal: 'go' }] },
  'an unknown type': step({ type: 'paralel' }),
  'a type that is no text': step({ type: null }),
  'a duration in weeks': step({ timeout: '1w' }),
  'a negative duration': step({ timeout: -1 }),
  'a duration of more than a hundred years': step({ timeout: 4e12 }),
  'a number as text': step({ retries: '2' }),
  'a fraction of a try': step({ retries: 1.5 }),
  'fewer than no retries': step({ retries: -1 }),
  'both retries and retry': step({ retries: 1, retry: { tries: 2 } }),
  'a retry without tries': step({ retry: { backoff: '1s' } }),
  'no try at all': step({ retry: { tries: 0 } }),
  'a shrinking wait': step({ retry: { tries: 2, factor: 0.5 } }),
  'an unknown field of retry': step({ retry: { tries: 2, wait: 1 } }),
  'labels that are numbers': step({ labels: { zone: 1 } }),
  'a label without a name': step({ labels: { '': 'eu' } }),
  'a label of more than it may have': step({ labels: { region: 'x'.repeat(257) } }),
  'more labels than there may be': {
    ...step({}),
    labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, 'x'])),
  },
  'one dependency as text': step({ dependencies: 'b' }),
  'a word that is not in the list': step({ runOn: 'allways' }),
  'a field left empty': step({ description: null }),
  'a condition that is a number': step({ when: 1 }),
  'a fallback without an id': step({ fallback: { action: 'work' } }),
  'a fallback that is no agent step': step({ fallback: { id: 'f', type: 'set', set: 1 } }),
  'a compensation with dependencies': step({ compensate: { id: 'c', action: 'undo', dependencies: [] } }),
  'a fallback of a fallback': step({ fallback: { id: 'f', action: 'work', fallback: { id: 'g', action: 'work' } } }),
  'a parallel without steps': block({ steps: [] }),
  'a parallel with an attempt timeout': block({ timeout: '1m' }),
  'no child at once': block({ concurrency: 0 }),
  'a condition without if': { name: 'W', steps: [{ id: 'c', type: 'condition', then: [{ id: 'a', action: 'work' }] }] },
  'a condition without its type': { name: 'W', steps: [{ id: 'c', if: 'true', then: [{ id: 'a', action: 'work' }] }] },
  'a wrong step in else': { name: 'W', steps: [{ id: 'c', type: 'condition', if: 'true', else: [{ id: 'a' }] }] },
  'a switch without cases': { name: 'W', steps: [{ id: 's', type: 'switch', switch: 'params', cases: [] }] },
  'a case without a value': inCase({ steps: [] }),
  'a case for a list': inCase({ equals: [1], steps: [] }),
  'a case with more than it has': inCase({ equals: 1, steps: [], when: 'true' }),
  'a wrong step in a case': inCase({ equals: 1, steps: [{ id: 'a' }] }),
  'a set without a value': { name: 'W', steps: [{ id: 'v', type: 'set' }] },
  'a set with a timeout': { name: 'W', steps: [{ id: 'v', type: 'set', set: 1, totalTimeout: '1m' }] },
  'a loop with both conditions': loopOf({ while: 'true', until: 'false' }),
  'a loop without a body': loopOf({ until: 'true', body: [] }),
  'a loop that never runs': loopOf({ until: 'true', maxIterations: 0 }),
  'a loop without an end': loopOf({ until: 'true', maxIterations: 10_001 }),
  'a map without items': mapOf({ items: undefined }),
  'a map over a number': mapOf({ items: 3 }),
  'a map over an object': mapOf({ items: {} }),
  'a map without a step': mapOf({ step: undefined }),
  'a map of a list of steps': mapOf({ step: [{ id: 'a', action: 'work' }] }),
  'a map of a wrong step': mapOf({ step: { id: 'a' } }),
  'a map that runs nothing at once': mapOf({ concurrency: 0 }),
  'a map with a quorum and a policy': mapOf({ quorum: 1, onFailure: 'waitAll' }),
  'a map without its type': { name: 'W', steps: [{ id: 'm', items: 'params', step: { id: 'a', action: 'work' } }] },
  'a child run of nothing': { name: 'W', steps: [{ id: 'c', type: 'workflow' }] },
  'a child run of no version': { name: 'W', steps: [{ id: 'c', type: 'workflow', workflow: 'Report', version: 0 }] },
  'a child run without its type': { name: 'W', steps: [{ id: 'c', workflow: 'Report' }] },
  'a wait for weeks': { name: 'W', steps: [{ id: 'w', type: 'wait', for: 'two weeks' }] },
  'a wrong step inside': block({ steps: [{ id: 'a' }] }),
};

describe('the schema and the reader', () => {
  test.each(Object.entries(good))('take %s', (_, value) => {
    expect(inspectWorkflowValue(value).errors).toEqual([]);
    expect(complaintsOf(value)).toEqual([]);
  });

  test.each(Object.entries(bad))('refuse %s', (_, value) => {
    expect(inspectWorkflowValue(value).errors).not.toEqual([]);
    expect(complaintsOf(value)).not.toEqual([]);
  });

  test('differ where the relation between steps is wrong: only the reader sees it', () => {
    const value = { name: 'W', steps: [{ id: 'a', action: 'work', dependencies: ['nobody'] }] };
    expect(complaintsOf(value)).toEqual([]);
    expect(inspectWorkflowValue(value).errors).toMatchObject([{ code: 'UNKNOWN_DEPENDENCY' }]);
  });
});

test('the place of the schema is not part of the workflow', () => {
  const text = JSON.stringify({ $schema: './workflow.json', ...step({}) });
  const { definition } = inspectWorkflow({ text, format: 'json' });
  expect(definition).toEqual(inspectWorkflowValue(step({})).definition);
});
