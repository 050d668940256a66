import { cel } from '../../../../src/workflow/builder/index.ts';
import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame } from '../frame.ts';

const started = ['before#1 COMPLETED 0-5'];
const done = { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' };
const beforeTakes = '5m';

export const set: Entry = {
  block: 'set',
  title: 'Set',
  forms: {
    typed: () =>
      typedFrame()
        .set('block', { set: ({ steps, params }) => ({ sum: cel<number>`${steps.before.output.n} + ${params.n}` }) })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .set('block', { set: { sum: '${{ steps.before.output.n + params.n }}' } })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: '  - { id: block, type: set, set: { sum: "${{ steps.before.output.n + params.n }}" } }',
    proto: { set: { value: { sum: '${{ steps.before.output.n + params.n }}' } } },
  },
  output: { sum: 2 },
  situations: {
    success: {
      what: 'it is computed at once, and what follows gets the value',
      beforeTakes,
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    failure: {
      what: 'it fails when it cannot be computed',
      beforeTakes,
      params: {},
      status: 'FAILED',
      code: 'MISSING_DATA',
      history: started,
      steps: { before: 'COMPLETED', block: 'FAILED', after: 'SKIPPED' },
    },
    timeout: { na: 'it takes no time, so it has no timeout' },
    cancel: {
      what: 'it is not computed in a run that was cancelled before',
      beforeTakes,
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: ['before#1 CANCELLED 0-2'],
      steps: { before: 'CANCELLED', block: 'SKIPPED', after: 'SKIPPED' },
    },
    loss: { na: 'no agent has it' },
    restart: {
      what: 'it is computed after the restart, once',
      beforeTakes,
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    pause: {
      what: 'it is computed after the pause',
      beforeTakes,
      status: 'COMPLETED',
      paused: started,
      history: [...started, 'after#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
