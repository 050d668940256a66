import type { TestMesh, TestRun } from '../../../../src/testing/index.ts';
import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0'];
const done = { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' };
const params = { n: 1 };

const send = (mesh: TestMesh, run: TestRun): Promise<unknown> =>
  mesh.orchestrator.signal(run.id, 'go', { ok: true }, { requestId: 'once' });

export const signal: Entry = {
  block: 'signal',
  title: 'Signal',
  forms: {
    typed: () =>
      typedFrame()
        .signal('block', { signal: 'go', title: '${{ params.n }}, go?', timeout: '10m' })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .signal('block', { signal: 'go', title: '${{ params.n }}, go?', timeout: '10m' })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: '  - { id: block, type: signal, signal: go, title: "${{ params.n }}, go?", timeout: 10m }',
    proto: { signal: { signal: 'go', title: '${{ params.n }}, go?', timeout: '600s' } },
  },
  output: { payload: { ok: true }, actor: null, timedOut: false },
  situations: {
    success: {
      what: 'what follows starts when the signal comes, and gets what it brought',
      meanwhile: send,
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 2-2'],
      steps: done,
    },
    failure: {
      what: 'it fails when what somebody is to be asked cannot be read',
      params: {},
      status: 'FAILED',
      code: 'MISSING_DATA',
      history: started,
      steps: { before: 'COMPLETED', block: 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'it fails when nobody sends the signal in time',
      params,
      status: 'FAILED',
      code: 'SIGNAL_TIMEOUT',
      history: started,
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', after: 'SKIPPED' },
    },
    cancel: {
      what: 'it ends at once',
      params,
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: started,
      steps: { before: 'COMPLETED', block: 'CANCELLED', after: 'SKIPPED' },
    },
    loss: { na: 'no agent has it' },
    restart: {
      what: 'it still waits after the restart, and takes the signal that comes then',
      meanwhile: send,
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 2-2'],
      steps: done,
    },
    pause: {
      what: 'it takes the signal in the pause, and what follows starts after it',
      meanwhile: send,
      status: 'COMPLETED',
      paused: started,
      history: [...started, 'after#1 COMPLETED 22-22'],
      steps: done,
    },
  },
};
