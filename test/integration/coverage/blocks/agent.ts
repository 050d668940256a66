import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

export const agent: Entry = {
  block: 'agent',
  title: 'Agent step',
  forms: {
    typed: () =>
      typedFrame()
        .step('block', { action: work, timeout: '10m', parameters: ({ steps }) => ({ n: steps.before.output.n }) })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .step('block', { action: 'work', timeout: '10m', parameters: { n: '${{ steps.before.output.n }}' } })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: '  - { id: block, action: work, timeout: 10m, parameters: { n: "${{ steps.before.output.n }}" } }',
    proto: { agent: { action: 'work', timeout: '600s', parameters: { n: '${{ steps.before.output.n }}' } } },
  },
  output: { done: 1 },
  situations: {
    success: {
      what: 'it completes, and what follows gets its output',
      status: 'COMPLETED',
      history: ['before#1 COMPLETED 0-0', 'block#1 COMPLETED 0-5', 'after#1 COMPLETED 5-5'],
      steps: { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' },
    },
    failure: {
      what: 'it fails with the code of its handler, and what follows is skipped',
      status: 'FAILED',
      code: 'NO',
      history: ['before#1 COMPLETED 0-0', 'block#1 FAILED 0-0'],
      steps: { before: 'COMPLETED', block: 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'its attempt is ended after its timeout',
      status: 'FAILED',
      code: 'STEP_TIMEOUT',
      history: ['before#1 COMPLETED 0-0', 'block#1 TIMED_OUT 0-10'],
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', after: 'SKIPPED' },
    },
    cancel: {
      what: 'its attempt is stopped, and what follows is skipped',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: ['before#1 COMPLETED 0-0', 'block#1 CANCELLED 0-2'],
      steps: { before: 'COMPLETED', block: 'CANCELLED', after: 'SKIPPED' },
    },
    loss: {
      what: 'it goes to another agent when the first one is given up',
      status: 'COMPLETED',
      history: ['before#1 COMPLETED 0-0', 'block#1 LOST 0-1', 'block#2 COMPLETED 1-6', 'after#1 COMPLETED 6-6'],
      steps: { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' },
    },
    restart: {
      what: 'its attempt goes on over the restart, and nothing runs twice',
      status: 'COMPLETED',
      history: ['before#1 COMPLETED 0-0', 'block#1 COMPLETED 0-5', 'after#1 COMPLETED 5-5'],
      steps: { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' },
    },
    pause: {
      what: 'its attempt ends in the pause, and what follows starts after it',
      status: 'COMPLETED',
      paused: ['before#1 COMPLETED 0-0', 'block#1 COMPLETED 0-5'],
      history: ['before#1 COMPLETED 0-0', 'block#1 COMPLETED 0-5', 'after#1 COMPLETED 22-22'],
      steps: { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' },
    },
  },
};
