import type { Entry } from '../entry.ts';
import { after, broken, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0', 'block#1 FAILED 0-0'];
const done = { before: 'COMPLETED', block: 'COMPLETED', instead: 'COMPLETED', after: 'COMPLETED' };

export const fallback: Entry = {
  block: 'fallback',
  title: 'Fallback of a step that failed',
  forms: {
    typed: () =>
      typedFrame()
        .step('block', {
          action: broken,
          fallback: {
            id: 'instead',
            action: work,
            timeout: '10m',
            parameters: ({ steps }) => ({ n: steps.before.output.n }),
          },
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .step('block', {
          action: 'broken',
          fallback: {
            id: 'instead',
            action: 'work',
            timeout: '10m',
            parameters: { n: '${{ steps.before.output.n }}' },
          },
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    action: broken
    fallback: { id: instead, action: work, timeout: 10m, parameters: { n: "\${{ steps.before.output.n }}" } }`,
    proto: {
      agent: { action: 'broken' },
      fallback: {
        id: 'instead',
        agent: { action: 'work', timeout: '600s', parameters: { n: '${{ steps.before.output.n }}' } },
      },
    },
  },
  output: { done: 1 },
  situations: {
    success: {
      what: 'it completes, and its step with it; what follows gets its output',
      status: 'COMPLETED',
      history: [...started, 'instead#1 COMPLETED 0-5', 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    failure: {
      what: 'when it fails, too, its step fails with the first failure',
      status: 'FAILED',
      code: 'BROKEN',
      history: [...started, 'instead#1 FAILED 0-0'],
      steps: { before: 'COMPLETED', block: 'FAILED', instead: 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'its attempt is ended after its own timeout, and its step fails with the first failure',
      status: 'FAILED',
      code: 'BROKEN',
      history: [...started, 'instead#1 TIMED_OUT 0-10'],
      steps: { before: 'COMPLETED', block: 'FAILED', instead: 'TIMED_OUT', after: 'SKIPPED' },
    },
    cancel: {
      what: 'it is stopped, and its step is cancelled',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: [...started, 'instead#1 CANCELLED 0-2'],
      steps: { before: 'COMPLETED', block: 'CANCELLED', instead: 'CANCELLED', after: 'SKIPPED' },
    },
    loss: {
      what: 'it goes to another agent when the first one is given up; its step is not tried again',
      status: 'COMPLETED',
      history: [...started, 'instead#1 LOST 0-1', 'instead#2 COMPLETED 1-6', 'after#1 COMPLETED 6-6'],
      steps: done,
    },
    restart: {
      what: 'it goes on over the restart, and neither it nor its step runs twice',
      status: 'COMPLETED',
      history: [...started, 'instead#1 COMPLETED 0-5', 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    pause: {
      what: 'it ends in the pause, and what follows starts after it',
      status: 'COMPLETED',
      paused: [...started, 'instead#1 COMPLETED 0-5'],
      history: [...started, 'instead#1 COMPLETED 0-5', 'after#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
