import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0'];
const items = ['block/0/each#1 COMPLETED 0-5', 'block/1/each#1 COMPLETED 0-5'];
/** A run lists the steps of the items that run; those that ended are history. */
const done = { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' };

export const map: Entry = {
  block: 'map',
  title: 'Map',
  forms: {
    typed: () =>
      typedFrame()
        .map('block', {
          totalTimeout: '10m',
          items: ['${{ steps.before.output.n }}', 2],
          step: { id: 'each', action: work, parameters: ({ item }) => ({ n: item }) },
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .map('block', {
          totalTimeout: '10m',
          items: ['${{ steps.before.output.n }}', 2],
          step: { id: 'each', action: 'work', parameters: { n: '${{ item }}' } },
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: map
    totalTimeout: 10m
    items: ["\${{ steps.before.output.n }}", 2]
    step: { id: each, action: work, parameters: { n: "\${{ item }}" } }`,
    proto: {
      totalTimeout: '600s',
      map: {
        items: ['${{ steps.before.output.n }}', 2],
        step: { id: 'each', agent: { action: 'work', parameters: { n: '${{ item }}' } } },
      },
    },
  },
  output: [{ done: 1 }, { done: 2 }],
  situations: {
    success: {
      what: 'every item runs at the same time, and it gives what they gave, in the order of the items',
      status: 'COMPLETED',
      history: [...started, ...items, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    failure: {
      what: 'it fails with the failure of an item, when the others have ended',
      status: 'FAILED',
      code: 'NO',
      history: [...started, 'block/0/each#1 FAILED 0-0', 'block/1/each#1 FAILED 0-0'],
      steps: { before: 'COMPLETED', block: 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'its items are stopped after its totalTimeout',
      status: 'FAILED',
      code: 'TOTAL_TIMEOUT',
      history: [...started, 'block/0/each#1 CANCELLED 0-10', 'block/1/each#1 CANCELLED 0-10'],
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', after: 'SKIPPED' },
    },
    cancel: {
      what: 'its items are stopped',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: [...started, 'block/0/each#1 CANCELLED 0-2', 'block/1/each#1 CANCELLED 0-2'],
      steps: { before: 'COMPLETED', block: 'CANCELLED', after: 'SKIPPED' },
    },
    loss: {
      what: 'every item that was lost goes to another agent',
      status: 'COMPLETED',
      history: [
        ...started,
        'block/0/each#1 LOST 0-1',
        'block/1/each#1 LOST 0-1',
        'block/0/each#2 COMPLETED 1-6',
        'block/1/each#2 COMPLETED 1-6',
        'after#1 COMPLETED 6-6',
      ],
      steps: done,
    },
    restart: {
      what: 'its items go on over the restart, and none runs twice',
      status: 'COMPLETED',
      history: [...started, ...items, 'after#1 COMPLETED 5-5'],
      steps: done,
    },
    pause: {
      what: 'its items end in the pause, and what follows starts after it',
      status: 'COMPLETED',
      paused: [...started, ...items],
      history: [...started, ...items, 'after#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
