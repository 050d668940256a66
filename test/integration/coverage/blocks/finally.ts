import type { Entry } from '../entry.ts';
import { after, other, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0'];
const done = { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED', tidy: 'COMPLETED' };
const undone = { ...done, after: 'SKIPPED' };

export const finallyBlock: Entry = {
  block: 'finally',
  title: 'Finally',
  forms: {
    typed: () =>
      typedFrame()
        .step('block', { action: work, timeout: '10m', parameters: ({ steps }) => ({ n: steps.before.output.n }) })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .finally('tidy', { action: other })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .step('block', { action: 'work', timeout: '10m', parameters: { n: '${{ steps.before.output.n }}' } })
        .step('after', plainAfter)
        .finally('tidy', { action: 'other' })
        .output(plainOutput)
        .build(),
    yaml: '  - { id: block, action: work, timeout: 10m, parameters: { n: "${{ steps.before.output.n }}" } }',
    proto: { agent: { action: 'work', timeout: '600s', parameters: { n: '${{ steps.before.output.n }}' } } },
    end: {
      yaml: 'finally:\n  - { id: tidy, action: other }\n',
      proto: { finally: [{ id: 'tidy', agent: { action: 'other' } }] },
    },
  },
  output: { done: 1 },
  situations: {
    success: {
      what: 'its steps run after the body',
      status: 'COMPLETED',
      history: [...started, 'block#1 COMPLETED 0-5', 'after#1 COMPLETED 5-5', 'tidy#1 COMPLETED 5-5'],
      steps: done,
    },
    failure: {
      what: 'its steps run after a failure, and the run fails all the same',
      status: 'FAILED',
      code: 'NO',
      history: [...started, 'block#1 FAILED 0-0', 'tidy#1 COMPLETED 0-0'],
      steps: { ...undone, block: 'FAILED' },
    },
    timeout: {
      what: 'its steps run after a timeout',
      status: 'FAILED',
      code: 'STEP_TIMEOUT',
      history: [...started, 'block#1 TIMED_OUT 0-10', 'tidy#1 COMPLETED 10-10'],
      steps: { ...undone, block: 'TIMED_OUT' },
    },
    cancel: {
      what: 'its steps run after a cancel, when what ran has stopped',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: [...started, 'block#1 CANCELLED 0-2', 'tidy#1 COMPLETED 2-2'],
      steps: { ...undone, block: 'CANCELLED' },
    },
    loss: {
      what: 'its steps wait for the step that was lost, and run once',
      status: 'COMPLETED',
      history: [
        ...started,
        'block#1 LOST 0-1',
        'block#2 COMPLETED 1-6',
        'after#1 COMPLETED 6-6',
        'tidy#1 COMPLETED 6-6',
      ],
      steps: done,
    },
    restart: {
      what: 'its steps run after a body that went on over the restart, once',
      status: 'COMPLETED',
      history: [...started, 'block#1 COMPLETED 0-5', 'after#1 COMPLETED 5-5', 'tidy#1 COMPLETED 5-5'],
      steps: done,
    },
    pause: {
      what: 'its steps wait for the end of the pause, as the body does',
      status: 'COMPLETED',
      paused: [...started, 'block#1 COMPLETED 0-5'],
      history: [...started, 'block#1 COMPLETED 0-5', 'after#1 COMPLETED 22-22', 'tidy#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
