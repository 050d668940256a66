import { describe, expect, test } from 'vitest';
import { inspectWorkflowValue, readWorkflowValue } from '../../../src/workflow/read.ts';

function lint(value: object): readonly string[] {
  return readWorkflowValue(value).warnings.map(({ code, place }) => `${code} ${place?.pointer}`);
}

const good = { description: 'Copies a table', timeout: '10m' };
const step = (more: object = {}) => ({ id: 'copy-table', agentId: 'db-extractor', action: 'copy', ...more });

test('a branch that never runs, and a secret in a set', () => {
  const branch = { type: 'condition', then: [step()], else: [step({ id: 'skip-table' })] };
  const steps = [
    { ...branch, id: 'pick-always', if: true },
    { ...branch, id: 'pick-never', if: '${{ false }}', then: [step({ id: 'drop-table' })], else: [] },
    { ...branch, id: 'pick-open', if: 'params.full', then: [step({ id: 'fill-table' })], else: [] },
    { ...branch, id: 'no-else', if: 'true', then: [step({ id: 'read-table' })], else: [] },
    { id: 'login', type: 'set', set: { password: 'hunter22' } },
  ];
  expect(lint({ ...good, name: 'TableLoad', steps })).toEqual([
    'unreachable-branch steps[0].if',
    'unreachable-branch steps[1].if',
    'plain-secret steps[4].set.password',
  ]);
});

test('runOn: failure needs somebody who can fail; in finally the way is to read a status', () => {
  const steps = [step(), step({ id: 'mend-table', runOn: 'failure' })];
  const tell = { id: 'tell', action: 'tell', runOn: 'failure' };
  expect(lint({ ...good, name: 'TableLoad', steps })).toEqual([]);
  const { warnings } = readWorkflowValue({ ...good, name: 'TableLoad', steps, finally: [tell] });
  expect(warnings.map(({ code, place, next }) => `${code} ${place?.pointer}: ${next}`)).toEqual([
    "unreachable-branch finally[0].runOn: when: steps.ID.status != 'COMPLETED', with the step that it is about",
  ]);
});

test('a condition that cannot be read hides neither the other problems nor the warnings', () => {
  const block = { type: 'condition', then: [step({ id: 'fill-table' })] };
  const steps = [
    { ...block, id: 'half-in-braces', if: '${{ params.rows }} > 3' },
    { id: 'open-brace', action: 'copy', when: '${{ params.full' },
    { id: 'load-table', type: 'loop', while: '${{ true }} or', maxIterations: 2, body: [step()] },
    { id: 'by-number', type: 'switch', switch: '007', cases: [{ equals: 7, steps: [step({ id: 'read-table' })] }] },
    { id: 'step1', action: 'copy', when: 'steps.nowhere.output' },
  ];
  const { errors, warnings } = inspectWorkflowValue({ ...good, name: 'TableLoad', steps });
  expect(errors.map(({ code, place, hint = '' }) => `${code} ${place?.pointer} ${hint}`)).toEqual([
    'BAD_EXPRESSION steps[0].if put all of it between the braces, or leave them out',
    'BAD_EXPRESSION steps[1].when close it with }}',
    'BAD_EXPRESSION steps[2].while put all of it between the braces, or leave them out',
    'UNKNOWN_STEP steps[4].when ',
  ]);
  expect(warnings.map(({ code, place }) => `${code} ${place?.pointer}`)).toEqual(['generic-name steps[4].id']);
});

describe("the seed's anti-patterns", () => {
  test('Workflow1: generic names, no description, no timeout', () => {
    const workflow = {
      name: 'Workflow1',
      steps: [{ id: 'step1', name: 'Step 1', agentId: 'agent1', action: 'do-stuff' }],
    };
    expect(lint(workflow)).toEqual([
      'generic-name name',
      'missing-description name',
      'generic-name steps[0].id',
      'generic-name steps[0].agentId',
      'generic-name steps[0].action',
      'no-timeout steps[0].id',
    ]);
  });

  test('EverythingWorkflow: more than 50 steps', () => {
    const steps = Array.from({ length: 51 }, (_, i) => ({ id: `load-table-${i}`, action: 'load' }));
    expect(lint({ ...good, name: 'EverythingWorkflow', steps })).toEqual(['generic-name name', 'too-many-steps steps']);
    expect(lint({ ...good, name: 'TableLoad', steps: steps.slice(1) })).toEqual([]);
  });

  test('ResilientProcessing: cleanup that runs only after success', () => {
    const cleanup = { id: 'cleanup-temp-files', action: 'cleanup', dependencies: ['process-data'] };
    const workflow = {
      ...good,
      name: 'ResilientProcessing',
      steps: [{ id: 'process-data', action: 'process' }, cleanup],
    };
    expect(lint(workflow)).toEqual(['cleanup-not-always steps[1].id']);
    expect(lint({ ...workflow, steps: [workflow.steps[0], { ...cleanup, runOn: 'always' }] })).toEqual([]);
    expect(
      lint({ ...workflow, steps: [workflow.steps[0]], finally: [{ id: 'cleanup-temp-files', action: 'cleanup' }] }),
    ).toEqual([]);
  });
});

describe('rules', () => {
  test('a well-written workflow has no warnings', () => {
    expect(lint({ ...good, name: 'CustomerOnboarding', steps: [step({ id: 'clean-data', action: 'clean' })] })).toEqual(
      [],
    );
  });

  test.each([
    ['a timeout of the step', { timeout: '1m' }, []],
    ['a total timeout', { totalTimeout: '1m' }, []],
    ['none', {}, ['no-timeout steps[0].id']],
    ['0, which is for ever', { timeout: 0 }, ['no-timeout steps[0].id']],
  ])('no-timeout: %s', (_, more, expected) => {
    expect(lint({ name: 'TableCopy', description: 'd', steps: [step(more)] })).toEqual(expected);
  });

  test.each([
    ['a password', { password: 'hunter2' }],
    ['a nested token', { auth: { apiKey: 'abc' } }],
    ['a connection text', { url: 'postgres://admin:hunter2@db/prod' }],
    ['a private key', { pem: '-----BEGIN RSA PRIVATE KEY-----' }],
  ])('plain-secret: %s, which is not shown', (_, parameters) => {
    const { warnings } = readWorkflowValue({ ...good, name: 'TableCopy', steps: [step({ parameters })] });
    expect(warnings.map(({ code }) => code)).toEqual(['plain-secret']);
    expect(JSON.stringify(warnings)).not.toMatch(/hunter2|abc|BEGIN/);
  });

  test('plain-secret: an expression, a number and an ordinary address are none', () => {
    const parameters = { password: '${{ params.password }}', tokens: 5, url: 'https://example.org:8080/a@b' };
    expect(lint({ ...good, name: 'TableCopy', steps: [step({ parameters })] })).toEqual([]);
  });

  test('a reference to a secret is no secret in plain text; in metadata, where it means nothing, lint says so', () => {
    const workflow = { ...good, name: 'TableCopy', secrets: ['DB'] };
    expect(lint({ ...workflow, steps: [step({ parameters: { password: 'secret:DB' } })] })).toEqual([]);
    const metadata = { password: 'secret:DB' };
    expect(lint({ ...workflow, metadata, steps: [step({ parameters: { password: 'secret:DB' } })] })).toEqual([
      'unresolved-secret metadata.password',
    ]);
  });

  test('unused-secret: a listed name that no step refers to, unless runs bring references', () => {
    const workflow = { ...good, name: 'TableCopy', secrets: ['DB', 'OLD'] };
    const steps = [step({ parameters: { header: "Bearer ${{ secret('DB') }}" } })];
    expect(lint({ ...workflow, steps })).toEqual(['unused-secret secrets[1]']);
    const parameters = { type: 'object', properties: { key: { type: 'string', secret: true } } };
    expect(lint({ ...workflow, parameters, steps })).toEqual([]);
  });
});
