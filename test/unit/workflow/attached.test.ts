/** `fallback` and `compensate` as they are written, checked, sent and compiled. */
import { describe, expect, test } from 'vitest';
import { toWireWorkflow } from '../../../src/client/convert/definition.ts';
import { Faults } from '../../../src/control-plane/api/convert/faults.ts';
import { readDefinition } from '../../../src/control-plane/api/convert/workflow.ts';
import { WorkflowBuilder } from '../../../src/workflow/builder/index.ts';
import {
  checkWorkflow,
  compileWorkflow,
  inspectWorkflow,
  inspectWorkflowValue,
  readWorkflow,
  readWorkflowValue,
  type WorkflowDefinition,
} from '../../../src/workflow/index.ts';

type Source = Readonly<Record<string, unknown>>;

function errors(steps: readonly Source[], more: Source = {}): readonly string[] {
  const { errors: found } = inspectWorkflowValue({ name: 'Test', steps, ...more });
  return found.map(({ code, message, place, hint }) => {
    const parts = [`${place?.pointer}: ${code} ${message}`, ...(hint === undefined ? [] : [`(${hint})`])];
    return parts.join(' ');
  });
}

const step = (id: string, more: Source = {}): Source => ({ id, action: id, ...more });

const written: Source = {
  id: 'charge',
  action: 'charge',
  parameters: { order: '${{ params.order }}' },
  fallback: {
    id: 'invoice',
    action: 'invoice',
    timeout: '1m',
    retries: 1,
    parameters: { why: '${{ steps.charge.error.code }}' },
  },
  compensate: { id: 'refund', action: 'refund', parameters: { of: '${{ steps.charge.output.payment }}' } },
};

const yaml = `
name: Shop
steps:
  - id: charge
    action: charge
    parameters: { order: "\${{ params.order }}" }
    fallback: { id: invoice, action: invoice, timeout: 1m, retries: 1, parameters: { why: "\${{ steps.charge.error.code }}" } }
    compensate: { id: refund, action: refund, parameters: { of: "\${{ steps.charge.output.payment }}" } }
`;

test('every form of a workflow gives the same definition', () => {
  const { definition } = readWorkflow({ text: yaml, format: 'yaml' });
  const built = new WorkflowBuilder('Shop')
    .step('charge', {
      action: 'charge',
      parameters: ({ params }) => ({ order: params.order }),
      fallback: {
        id: 'invoice',
        action: 'invoice',
        timeout: '1m',
        retries: 1,
        parameters: { why: '${{ steps.charge.error.code }}' },
      },
      compensate: {
        id: 'refund',
        action: 'refund',
        parameters: ({ steps }) => ({ of: steps.charge.output.payment }),
      },
    })
    .build();
  const faults = new Faults('INVALID_ARGUMENT');
  const wire = readDefinition(faults, toWireWorkflow(definition));
  expect(built.definition).toEqual(definition);
  const text = JSON.stringify({ name: 'Shop', steps: [written] });
  expect(readWorkflow({ text, format: 'json' }).definition).toEqual(definition);
  expect(faults.problems).toEqual([]);
  expect(wire).toEqual(definition);
  expect(definition.steps[0]).toMatchObject({
    fallback: { id: 'invoice', type: 'agent', dependencies: [], timeoutMs: 60_000, retry: { tries: 2 } },
    compensate: { id: 'refund', type: 'agent', dependencies: [] },
  });
});

describe('a step that belongs to another', () => {
  test('has an id and an action, and none of what its owner decides', () => {
    expect(
      errors([
        step('a', { fallback: { action: 'x' }, compensate: 5 }),
        step('b', { fallback: { id: 'f', type: 'wait', for: '5s' } }),
        step('c', {
          compensate: {
            id: 'g',
            action: 'g',
            dependencies: [],
            runOn: 'always',
            onFailure: 'fail',
            fallback: {},
            compensate: {},
          },
        }),
      ]),
    ).toEqual([
      'steps[0].fallback: MISSING_FIELD the fallback of step "a" has no "id"',
      'steps[0].compensate: BAD_FIELD the compensate of step "a" is an object with "id" and "action"',
      'steps[1].fallback.type: BAD_FIELD fallback "f" must be an agent step',
      'steps[1].fallback: MISSING_FIELD fallback "f" has no "action"',
      'steps[1].fallback.for: UNKNOWN_FIELD fallback "f" has an unknown field "for"',
      'steps[2].compensate.dependencies: BAD_FIELD compensate "g": "dependencies" is not for a step that belongs to another (its owner says when it starts)',
      'steps[2].compensate.runOn: BAD_FIELD compensate "g": "runOn" is not for a step that belongs to another (its owner says when it starts)',
      'steps[2].compensate.onFailure: BAD_FIELD compensate "g": "onFailure" is not for a step that belongs to another (its owner says what its failure means)',
      'steps[2].compensate.fallback: BAD_FIELD compensate "g": "fallback" is not for a step that belongs to another (it may have retries)',
      'steps[2].compensate.compensate: BAD_FIELD compensate "g": "compensate" is not for a step that belongs to another (its owner may have it)',
    ]);
  });

  test('is refused by the same rules when a proto says it', () => {
    const attached = { id: 'f', type: 'agent', action: 'f', dependencies: ['a'], runOn: 'always' } as const;
    const definition: WorkflowDefinition = {
      name: 'Test',
      steps: [
        {
          id: 'a',
          type: 'set',
          set: 1,
          dependencies: [],
          fallback: { ...attached, compensate: { ...attached, id: 'deeper' } },
          compensate: { ...attached, id: 'c', action: '', onFailure: 'continue' },
        },
      ],
    };
    expect(checkWorkflow(definition).map(({ code, place }) => `${code} ${place?.pointer}`)).toEqual([
      'BAD_FIELD steps[0].fallback.dependencies',
      'BAD_FIELD steps[0].fallback.runOn',
      'BAD_FIELD steps[0].fallback.compensate',
      'BAD_FIELD steps[0].compensate.dependencies',
      'BAD_FIELD steps[0].compensate.runOn',
      'BAD_FIELD steps[0].compensate.onFailure',
      'MISSING_FIELD steps[0].compensate.action',
    ]);
  });

  test('has an id that stands once, and nobody can depend on it', () => {
    expect(
      errors([step('a', { fallback: step('b'), compensate: step('c') }), step('c', { dependencies: ['b'] })]),
    ).toEqual([
      'steps[1].id: DUPLICATE_ID step id "c" stands twice (the first)',
      'steps[1].dependencies[0]: NOT_SIBLING step "c" depends on "b", which is not beside it in the same block (depend on its block "a")',
    ]);
  });

  test('sees its owner and what that sees, and a block its steps', () => {
    const reads = (...ids: readonly string[]): Source => ({
      parameters: Object.fromEntries(ids.map((id) => [id, `\${{ steps.${id}.status }}`])),
    });
    expect(
      errors([
        step('z'),
        { id: 's', type: 'sequential', steps: [step('a'), step('b')], fallback: step('f', reads('z', 's', 'a', 'b')) },
        step('c', { ...reads('f', 's'), compensate: step('u', reads('z', 's', 'a', 'c')) }),
      ]),
    ).toEqual([]);
    expect(
      errors([
        step('a', { ...reads('f'), fallback: step('f', reads('later')) }),
        step('later', reads('u')),
        step('x', { compensate: step('u') }),
      ]),
    ).toEqual([
      'steps[0].parameters.f: NOT_UPSTREAM step "a" reads "f", which starts after it',
      'steps[0].fallback.parameters.later: NOT_UPSTREAM step "f" reads "later", which may not have ended before it',
      'steps[1].parameters.u: NOT_UPSTREAM step "later" reads "u", a compensation, which starts when the run is ending',
    ]);
  });

  test('of a loop stands beside the loop, not in its body', () => {
    const body = [
      step('a', { compensate: step('u', { parameters: { n: '${{ iteration }}', of: '${{ steps.a.output }}' } }) }),
    ];
    const loop = { id: 'l', type: 'loop', until: 'iteration > 3', maxIterations: 5, body };
    expect(errors([loop])).toEqual([]);
    expect(errors([{ ...loop, fallback: step('f', { parameters: { l: '${{ steps.l.error.code }}' } }) }])).toEqual([]);
    expect(
      errors([{ ...loop, fallback: step('f', { parameters: { n: '${{ iteration }}', a: '${{ steps.a.output }}' } }) }]),
    ).toMatchObject([
      expect.stringMatching(/fallback.parameters.n: BAD_EXPRESSION/),
      expect.stringMatching(/fallback.parameters.a: NOT_UPSTREAM .*anew in each iteration/),
    ]);
  });

  test('of `finally` may be a fallback, and no compensation', () => {
    const of = (more: Source): readonly string[] => errors([step('a')], { finally: [step('t', more)] });
    expect(of({ fallback: step('f'), parameters: { u: '${{ steps.a.status }}' } })).toEqual([]);
    expect(of({ compensate: step('u') })).toEqual([
      'finally[0].compensate: BAD_FIELD step "t": "compensate" is for steps of the body; "finally" runs after the compensations',
    ]);
    expect(
      errors([step('a', { compensate: step('u') })], { finally: [step('t', { when: 'steps.u.status == "FAILED"' })] }),
    ).toEqual([]);
    expect(errors([step('a', { compensate: step('u') })], { output: '${{ steps.u.output }}' })).toHaveLength(1);
  });

  test('may get secrets, and lint looks at it', () => {
    const { errors: found, warnings } = inspectWorkflow({
      text: `
name: Shop
description: Sells things
steps:
  - id: charge
    action: charge
    timeout: 1m
    fallback: { id: step-2, action: invoice, parameters: { key: "secret:MISSING" } }
    compensate: { id: refund, action: refund }
`,
      format: 'yaml',
    });
    expect(found.map(({ code, place }) => [code, place?.line])).toEqual([['UNKNOWN_SECRET', 8]]);
    expect(warnings.map(({ code, place }) => [code, place?.line])).toEqual([
      ['generic-name', 8],
      ['no-timeout', 8],
    ]);
  });
});

test('compiled, it stands right behind its owner and is nobody its child', () => {
  const { definition } = readWorkflowValue({
    name: 'Test',
    steps: [
      { id: 's', type: 'sequential', steps: [step('a', { compensate: step('u') })], fallback: step('f') },
      {
        id: 'l',
        type: 'loop',
        until: 'true',
        maxIterations: 2,
        body: [step('b', { fallback: step('g'), compensate: step('v') })],
      },
    ],
  });
  const { nodes, roots, rootNodes } = compileWorkflow(definition, 1);
  expect(nodes.map(({ id, slot, owner, attached, isCleanup }) => [id, slot, owner, attached, isCleanup])).toEqual([
    ['s', 0, -1, undefined, false],
    ['f', 1, -1, { kind: 'fallback', owner: 0 }, false],
    ['a', 2, -1, undefined, false],
    ['u', 3, -1, { kind: 'compensate', owner: 2 }, true],
    ['l', 4, -1, undefined, false],
    ['b', 0, 4, undefined, false],
    ['g', 1, 4, { kind: 'fallback', owner: 0 }, false],
    ['v', 2, 4, { kind: 'compensate', owner: 0 }, true],
  ]);
  expect([roots, rootNodes.map(({ id }) => id)]).toEqual([
    [0, 4],
    ['s', 'f', 'a', 'u', 'l'],
  ]);
  expect(nodes[0]).toMatchObject({ fallback: 1, compensate: undefined, children: [2] });
  expect(nodes[4]).toMatchObject({ children: [0] });
});
