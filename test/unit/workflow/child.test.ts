/** Steps that are runs of other workflows, as they are written: what is read, what is refused, and that the proto form says the same. */
import { describe, expect, test } from 'vitest';
import { toWireWorkflow } from '../../../src/client/convert/definition.ts';
import { Faults } from '../../../src/control-plane/api/convert/faults.ts';
import { readDefinition } from '../../../src/control-plane/api/convert/workflow.ts';
import { checkWorkflow } from '../../../src/workflow/check.ts';
import { compileWorkflow } from '../../../src/workflow/compile.ts';
import type { StepDefinition } from '../../../src/workflow/definition.ts';
import { lintWorkflow } from '../../../src/workflow/lint.ts';
import { inspectWorkflowValue, readWorkflowValue } from '../../../src/workflow/read.ts';

const call = (more: object = {}) => ({ id: 'call', type: 'workflow', workflow: 'Sub', ...more });

/** `CODE message at the place` of every error, with what to do. */
function errors(...steps: readonly object[]): readonly string[] {
  const { errors: problems } = inspectWorkflowValue({ name: 'Test', steps });
  return problems.map(({ code, message, place, next, hint }) => {
    const more = next ?? hint;
    return `${code} ${message} at ${place?.pointer}${more === undefined ? '' : `: ${more}`}`;
  });
}

describe('a step that is a run of another workflow', () => {
  test('has a name, and may have a version, parameters and what all blocks have', () => {
    const full = { version: 3, parameters: { n: '${{ params.n }}' }, totalTimeout: '5m', output: 'result.n' };
    const { definition } = readWorkflowValue({
      name: 'Test',
      steps: [call(full), call({ id: 'b', onFailure: 'continue' })],
    });
    expect(definition.steps).toEqual([
      {
        id: 'call',
        type: 'workflow',
        dependencies: [],
        workflow: 'Sub',
        version: 3,
        parameters: { n: '${{ params.n }}' },
        totalTimeoutMs: 300_000,
        output: 'result.n',
      },
      { id: 'b', type: 'workflow', dependencies: ['call'], workflow: 'Sub', onFailure: 'continue' },
    ]);
    const faults = new Faults('INVALID_ARGUMENT');
    expect(readDefinition(faults, toWireWorkflow(definition))).toEqual(definition);
    expect(faults.problems).toEqual([]);
    const [node] = compileWorkflow(definition, 1).nodes;
    expect(node).toMatchObject({ kind: 'workflow', workflow: 'Sub', version: 3, onFailure: 'fail' });
  });

  test('is told with every problem and its place', () => {
    expect(errors({ id: 'call', type: 'workflow' })).toEqual([
      expect.stringMatching(/^MISSING_FIELD step "call".* "workflow".* at steps\[0\]/),
    ]);
    expect(errors({ id: 'call', workflow: 'Sub' })).toEqual([
      'MISSING_FIELD step "call" has "workflow" but no "type" at steps[0]: add type: workflow',
    ]);
    expect(errors(call({ retries: 2, timeout: '5m' }))).toEqual([
      expect.stringMatching(/^UNKNOWN_FIELD .*"retries".*retries stand on agent steps/),
      expect.stringMatching(/^UNKNOWN_FIELD .*"timeout".*it has "totalTimeout"/),
    ]);
    expect(errors(call({ workflow: 'no name', version: 0 }))).toEqual([
      expect.stringMatching(/^BAD_NAME .* at steps\[0\]\.workflow/),
      expect.stringMatching(/^BAD_FIELD .*"version" must be a whole number of at least 1 at steps\[0\]\.version/),
    ]);
    expect(errors(call({ parameters: { n: '${{ steps.nobody.output }}' } }))).toEqual([
      expect.stringMatching(/^UNKNOWN_STEP .* at steps\[0\]\.parameters\.n/),
    ]);
  });

  test('takes references to secrets as text: the schema of the other workflow says what they mean', () => {
    const steps = [call({ parameters: { key: 'secret:KEY' } })];
    const { definition } = readWorkflowValue({ name: 'Test', description: 'x', steps });
    const [node] = compileWorkflow(definition, 1).nodes;
    expect(node?.kind === 'workflow' && node.parameters?.constant).toEqual({ key: 'secret:KEY' });
    expect(errors(call({ parameters: { key: "${{ secret('KEY') }}" } }))).toHaveLength(1);
    const plain = readWorkflowValue({
      name: 'Test',
      description: 'x',
      steps: [call({ parameters: { password: 'hunter22' } })],
    });
    expect(lintWorkflow(plain.definition).map(({ code }) => code)).toEqual(['plain-secret']);
  });

  test('is checked where it did not come from the written form', () => {
    const bad: StepDefinition = { id: 'call', type: 'workflow', dependencies: [], workflow: '', version: 0.5 };
    expect(checkWorkflow({ name: 'Test', steps: [bad] }).map(({ code }) => code)).toEqual([
      'MISSING_FIELD',
      'BAD_FIELD',
    ]);
  });
});
