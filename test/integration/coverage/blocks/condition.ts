import { cel } from '../../../../src/workflow/builder/index.ts';
import type { Entry } from '../entry.ts';
import { after, other, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0'];
const done = { before: 'COMPLETED', block: 'COMPLETED', taken: 'COMPLETED', left: 'SKIPPED', after: 'COMPLETED' };

export const condition: Entry = {
  block: 'condition',
  title: 'Condition',
  forms: {
    typed: () =>
      typedFrame()
        .condition('block', {
          totalTimeout: '10m',
          if: ({ steps }) => cel<boolean>`${steps.before.output.n} == 1`,
          then: [{ id: 'taken', action: work, parameters: ({ steps }) => ({ n: steps.before.output.n }) }],
          else: [{ id: 'left', action: other }],
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .condition('block', {
          totalTimeout: '10m',
          if: 'steps.before.output.n == 1',
          then: [{ id: 'taken', action: 'work', parameters: { n: '${{ steps.before.output.n }}' } }],
          else: [{ id: 'left', action: 'other' }],
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: condition
    totalTimeout: 10m
    if: steps.before.output.n == 1
    then:
      - { id: taken, action: work, parameters: { n: "\${{ steps.before.output.n }}" } }
    else:
      - { id: left, action: other }`,
    proto: {
      totalTimeout: '600s',
      condition: {
        condition: 'steps.before.output.n == 1',
        thenSteps: [{ id: 'taken', agent: { action: 'work', parameters: { n: '${{ steps.before.output.n }}' } } }],
        elseSteps: [{ id: 'left', agent: { action: 'other' } }],
      },
    },
  },
  output: { done: 1 },
  situations: {
    success: {
      what: 'the branch that fits runs, the other is skipped, and what follows gets what the branch gave',
      status: 'COMPLETED',
      history: [...started, 'taken#1 COMPLETED 0-5', 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    failure: {
      what: 'it fails with the failure in its branch',
      status: 'FAILED',
      code: 'NO',
      history: [...started, 'taken#1 FAILED 0-0'],
      steps: { before: 'COMPLETED', block: 'FAILED', taken: 'FAILED', left: 'SKIPPED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'its branch is stopped after its totalTimeout',
      status: 'FAILED',
      code: 'TOTAL_TIMEOUT',
      history: [...started, 'taken#1 CANCELLED 0-10'],
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', taken: 'CANCELLED', left: 'SKIPPED', after: 'SKIPPED' },
    },
    cancel: {
      what: 'its branch is stopped',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: [...started, 'taken#1 CANCELLED 0-2'],
      steps: { before: 'COMPLETED', block: 'CANCELLED', taken: 'CANCELLED', left: 'SKIPPED', after: 'SKIPPED' },
    },
    loss: {
      what: 'the step of its branch goes to another agent; the choice stays',
      status: 'COMPLETED',
      history: [...started, 'taken#1 LOST 0-1', 'taken#2 COMPLETED 1-6', 'after#1 COMPLETED 6-6'],
      steps: done,
    },
    restart: {
      what: 'its branch goes on over the restart; the choice stays',
      status: 'COMPLETED',
      history: [...started, 'taken#1 COMPLETED 0-5', 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    pause: {
      what: 'its branch ends in the pause, and what follows starts after it',
      status: 'COMPLETED',
      paused: [...started, 'taken#1 COMPLETED 0-5'],
      history: [...started, 'taken#1 COMPLETED 0-5', 'after#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
