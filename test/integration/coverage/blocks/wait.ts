import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0'];
const done = { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' };
const fiveMinutes = { pause: '5m' };
const hour = { pause: '1h' };

export const wait: Entry = {
  block: 'wait',
  title: 'Wait',
  forms: {
    typed: () =>
      typedFrame()
        .wait('block', { totalTimeout: '10m', for: ({ params }) => params.pause })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .wait('block', { totalTimeout: '10m', for: '${{ params.pause }}' })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: '  - { id: block, type: wait, totalTimeout: 10m, for: "${{ params.pause }}" }',
    proto: { totalTimeout: '600s', wait: { durationExpression: '${{ params.pause }}' } },
  },
  output: null,
  situations: {
    success: {
      what: 'what follows starts when the time is over',
      params: fiveMinutes,
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    failure: {
      what: 'it fails when what it is given is no duration',
      params: { pause: 'soon' },
      status: 'FAILED',
      code: 'INVALID_TIME',
      history: started,
      steps: { before: 'COMPLETED', block: 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'it is cut short by its totalTimeout, which fails it',
      params: hour,
      status: 'FAILED',
      code: 'TOTAL_TIMEOUT',
      history: started,
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', after: 'SKIPPED' },
    },
    cancel: {
      what: 'it ends at once',
      params: hour,
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: started,
      steps: { before: 'COMPLETED', block: 'CANCELLED', after: 'SKIPPED' },
    },
    loss: { na: 'no agent has it' },
    restart: {
      what: 'it takes no longer for the restart',
      params: fiveMinutes,
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    pause: {
      what: 'it ends in the pause, and what follows starts after it',
      params: fiveMinutes,
      status: 'COMPLETED',
      paused: started,
      history: [...started, 'after#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
