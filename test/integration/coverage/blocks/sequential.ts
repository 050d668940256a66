import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const done = { before: 'COMPLETED', block: 'COMPLETED', first: 'COMPLETED', second: 'COMPLETED', after: 'COMPLETED' };
const started = ['before#1 COMPLETED 0-0'];
const row = ['first#1 COMPLETED 0-5', 'second#1 COMPLETED 5-10'];

export const sequential: Entry = {
  block: 'sequential',
  title: 'Sequential',
  forms: {
    typed: () =>
      typedFrame()
        .sequential('block', {
          totalTimeout: '30m',
          steps: [
            { id: 'first', action: work, parameters: { n: 1 } },
            { id: 'second', action: work, parameters: ({ steps }) => ({ n: steps.first.output.done }) },
          ],
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .sequential('block', {
          totalTimeout: '30m',
          steps: [
            { id: 'first', action: 'work', parameters: { n: 1 } },
            { id: 'second', action: 'work', parameters: { n: '${{ steps.first.output.done }}' } },
          ],
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: sequential
    totalTimeout: 30m
    steps:
      - { id: first, action: work, parameters: { n: 1 } }
      - { id: second, action: work, parameters: { n: "\${{ steps.first.output.done }}" } }`,
    proto: {
      totalTimeout: '1800s',
      sequential: {
        steps: [
          { id: 'first', agent: { action: 'work', parameters: { n: 1 } } },
          {
            id: 'second',
            dependencies: ['first'],
            agent: { action: 'work', parameters: { n: '${{ steps.first.output.done }}' } },
          },
        ],
      },
    },
  },
  output: { done: 1 },
  situations: {
    success: {
      what: 'its steps run one after the other, and it gives what the last one gave',
      status: 'COMPLETED',
      history: [...started, ...row, 'after#1 COMPLETED 10-10'],
      steps: done,
    },
    failure: {
      what: 'it fails with the failure of a step, and the steps after that are skipped',
      status: 'FAILED',
      code: 'NO',
      history: [...started, 'first#1 FAILED 0-0'],
      steps: { before: 'COMPLETED', block: 'FAILED', first: 'FAILED', second: 'SKIPPED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'the step that runs is stopped after its totalTimeout',
      status: 'FAILED',
      code: 'TOTAL_TIMEOUT',
      history: [...started, 'first#1 CANCELLED 0-30'],
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', first: 'CANCELLED', second: 'SKIPPED', after: 'SKIPPED' },
    },
    cancel: {
      what: 'the step that runs is stopped, and the next one does not start',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: [...started, 'first#1 CANCELLED 0-2'],
      steps: { before: 'COMPLETED', block: 'CANCELLED', first: 'CANCELLED', second: 'SKIPPED', after: 'SKIPPED' },
    },
    loss: {
      what: 'the step that was lost goes to another agent, and the row goes on',
      status: 'COMPLETED',
      history: [
        ...started,
        'first#1 LOST 0-1',
        'first#2 COMPLETED 1-6',
        'second#1 COMPLETED 6-11',
        'after#1 COMPLETED 11-11',
      ],
      steps: done,
    },
    restart: {
      what: 'the step that runs goes on over the restart, and the row after it',
      status: 'COMPLETED',
      history: [...started, ...row, 'after#1 COMPLETED 10-10'],
      steps: done,
    },
    pause: {
      what: 'the step that runs ends in the pause, and the next one starts after it',
      status: 'COMPLETED',
      paused: [...started, 'first#1 COMPLETED 0-5'],
      history: [...started, 'first#1 COMPLETED 0-5', 'second#1 COMPLETED 22-27', 'after#1 COMPLETED 27-27'],
      steps: done,
    },
  },
};
