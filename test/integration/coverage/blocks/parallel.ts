import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const done = { before: 'COMPLETED', block: 'COMPLETED', left: 'COMPLETED', right: 'COMPLETED', after: 'COMPLETED' };
const started = ['before#1 COMPLETED 0-0'];
const both = ['left#1 COMPLETED 0-5', 'right#1 COMPLETED 0-5'];

export const parallel: Entry = {
  block: 'parallel',
  title: 'Parallel',
  forms: {
    typed: () =>
      typedFrame()
        .parallel('block', {
          totalTimeout: '10m',
          steps: [
            { id: 'left', action: work, parameters: { n: 1 } },
            { id: 'right', action: work, parameters: ({ steps }) => ({ n: steps.before.output.n }) },
          ],
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .parallel('block', {
          totalTimeout: '10m',
          steps: [
            { id: 'left', action: 'work', parameters: { n: 1 } },
            { id: 'right', action: 'work', parameters: { n: '${{ steps.before.output.n }}' } },
          ],
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: parallel
    totalTimeout: 10m
    steps:
      - { id: left, action: work, parameters: { n: 1 } }
      - { id: right, action: work, parameters: { n: "\${{ steps.before.output.n }}" } }`,
    proto: {
      totalTimeout: '600s',
      parallel: {
        steps: [
          { id: 'left', agent: { action: 'work', parameters: { n: 1 } } },
          { id: 'right', agent: { action: 'work', parameters: { n: '${{ steps.before.output.n }}' } } },
        ],
      },
    },
  },
  output: { left: { done: 1 }, right: { done: 1 } },
  situations: {
    success: {
      what: 'both children run at once, and what follows starts when both have ended',
      status: 'COMPLETED',
      history: [...started, ...both, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    failure: {
      what: 'it fails with the failure of a child, and what follows is skipped',
      status: 'FAILED',
      code: 'NO',
      history: [...started, 'left#1 FAILED 0-0', 'right#1 FAILED 0-0'],
      steps: { before: 'COMPLETED', block: 'FAILED', left: 'FAILED', right: 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'its children are stopped after its totalTimeout',
      status: 'FAILED',
      code: 'TOTAL_TIMEOUT',
      history: [...started, 'left#1 CANCELLED 0-10', 'right#1 CANCELLED 0-10'],
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', left: 'CANCELLED', right: 'CANCELLED', after: 'SKIPPED' },
    },
    cancel: {
      what: 'both children are stopped',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: [...started, 'left#1 CANCELLED 0-2', 'right#1 CANCELLED 0-2'],
      steps: { before: 'COMPLETED', block: 'CANCELLED', left: 'CANCELLED', right: 'CANCELLED', after: 'SKIPPED' },
    },
    loss: {
      what: 'both children go to another agent when the first one is given up',
      status: 'COMPLETED',
      history: [
        ...started,
        'left#1 LOST 0-1',
        'right#1 LOST 0-1',
        'left#2 COMPLETED 1-6',
        'right#2 COMPLETED 1-6',
        'after#1 COMPLETED 6-6',
      ],
      steps: done,
    },
    restart: {
      what: 'both children go on over the restart, and nothing runs twice',
      status: 'COMPLETED',
      history: [...started, ...both, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    pause: {
      what: 'its children end in the pause, and what follows starts after it',
      status: 'COMPLETED',
      paused: [...started, ...both],
      history: [...started, ...both, 'after#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
