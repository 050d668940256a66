import type { Entry } from '../entry.ts';
import { after, broken, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0'];
const right = 'right#1 FAILED 0-0';
const done = { before: 'COMPLETED', block: 'COMPLETED', left: 'COMPLETED', right: 'FAILED', after: 'COMPLETED' };

export const quorum: Entry = {
  block: 'quorum',
  title: 'Quorum',
  forms: {
    typed: () =>
      typedFrame()
        .parallel('block', {
          totalTimeout: '10m',
          quorum: 1,
          steps: [
            { id: 'left', action: work, parameters: ({ steps }) => ({ n: steps.before.output.n }) },
            { id: 'right', action: broken },
          ],
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .parallel('block', {
          totalTimeout: '10m',
          quorum: 1,
          steps: [
            { id: 'left', action: 'work', parameters: { n: '${{ steps.before.output.n }}' } },
            { id: 'right', action: 'broken' },
          ],
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: parallel
    totalTimeout: 10m
    quorum: 1
    steps:
      - { id: left, action: work, parameters: { n: "\${{ steps.before.output.n }}" } }
      - { id: right, action: broken }`,
    proto: {
      totalTimeout: '600s',
      parallel: {
        quorum: 1,
        steps: [
          { id: 'left', agent: { action: 'work', parameters: { n: '${{ steps.before.output.n }}' } } },
          { id: 'right', agent: { action: 'broken' } },
        ],
      },
    },
  },
  output: { left: { done: 1 } },
  situations: {
    success: {
      what: 'it completes when as many as it asks for have, although another failed',
      status: 'COMPLETED',
      history: [...started, 'left#1 COMPLETED 0-5', right, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    failure: {
      what: 'it fails when so many cannot complete any more',
      status: 'FAILED',
      code: 'QUORUM_NOT_REACHED',
      history: [...started, 'left#1 FAILED 0-0', right],
      steps: { before: 'COMPLETED', block: 'FAILED', left: 'FAILED', right: 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'what still runs is stopped after its totalTimeout',
      status: 'FAILED',
      code: 'TOTAL_TIMEOUT',
      history: [...started, 'left#1 CANCELLED 0-10', right],
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', left: 'CANCELLED', right: 'FAILED', after: 'SKIPPED' },
    },
    cancel: {
      what: 'what still runs is stopped',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: [...started, 'left#1 CANCELLED 0-2', right],
      steps: { before: 'COMPLETED', block: 'CANCELLED', left: 'CANCELLED', right: 'FAILED', after: 'SKIPPED' },
    },
    loss: {
      what: 'children that were lost go to another agent, and count by how they end there',
      status: 'COMPLETED',
      history: [
        ...started,
        'left#1 LOST 0-1',
        'right#1 LOST 0-1',
        'left#2 COMPLETED 1-6',
        'right#2 FAILED 1-1',
        'after#1 COMPLETED 6-6',
      ],
      steps: done,
    },
    restart: {
      what: 'who has failed is remembered over the restart, and the rest counts on',
      status: 'COMPLETED',
      history: [...started, 'left#1 COMPLETED 0-5', right, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    pause: {
      what: 'it is reached in the pause, and what follows starts after it',
      status: 'COMPLETED',
      paused: [...started, 'left#1 COMPLETED 0-5', right],
      history: [...started, 'left#1 COMPLETED 0-5', right, 'after#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
