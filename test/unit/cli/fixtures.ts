/** The run, the fleet and the screen that the golden tests draw. */
import type {
  AgentView,
  AttemptView,
  AuditEntryView,
  InstanceView,
  RunView,
  StepView,
} from '../../../src/client/index.ts';

export const START = Date.UTC(2026, 10, 24, 12, 0, 0);

export function at(seconds: number): Date {
  return new Date(START + seconds * 1_000);
}

export function attempt(number: number, agent: string, more: Partial<AttemptView> = {}): AttemptView {
  const [agentId = '', instance = ''] = agent.split('/');
  return {
    number,
    tryNumber: 1,
    agent: agentId,
    instance: `0000-${instance}`,
    outcome: 'COMPLETED',
    error: undefined,
    startTime: undefined,
    endTime: undefined,
    resumed: false,
    ...more,
  };
}

export function step(path: string, more: Partial<StepView> = {}): StepView {
  return {
    path,
    stepId: path,
    kind: 'AGENT',
    status: 'PENDING',
    waitReason: 'NONE',
    input: { kind: 'none' },
    output: { kind: 'none' },
    error: undefined,
    attempts: [],
    readyTime: undefined,
    startTime: undefined,
    endTime: undefined,
    progress: 0,
    progressMessage: '',
    cleanup: false,
    dueTime: undefined,
    nextTry: undefined,
    signal: undefined,
    skipReason: 'NONE',
    skippedBecauseOf: undefined,
    takenOver: false,
    iterations: 0,
    items: undefined,
    child: undefined,
    usualMs: undefined,
    fallbackOf: undefined,
    compensates: undefined,
    usedFallback: false,
    ...more,
  };
}

export function run(more: Partial<RunView> = {}): RunView {
  return {
    runId: '01k0000000000000009c41e7b2',
    workflow: 'Nightly',
    version: 3,
    status: 'RUNNING',
    outcome: undefined,
    priority: 'normal',
    parameters: { kind: 'none' },
    output: { kind: 'none' },
    error: undefined,
    cleanupErrors: [],
    steps: [],
    createTime: at(0),
    startTime: at(0),
    endTime: undefined,
    pauseTime: undefined,
    queuePosition: undefined,
    tryNumber: 1,
    retryOf: undefined,
    rerunOf: undefined,
    parentRunId: undefined,
    parentStep: undefined,
    calls: [],
    hasOlderCalls: false,
    unconsumedSignals: 0,
    requestId: '',
    labels: {},
    completedSteps: 0,
    totalSteps: 0,
    progress: 0,
    estimatedCompletion: undefined,
    stuck: undefined,
    position: 0,
    ...more,
  };
}

const upstream = {
  code: 'UPSTREAM_DOWN',
  message: 'warehouse answered 503',
  details: undefined,
  step: 'load',
  attempt: 2,
  agent: 'loader',
  instance: '0000-aa21',
};

/** The one of the mock-up: clean is lost and moves, load fails twice, report is skipped. */
export const failedRun = run({
  status: 'FAILED',
  outcome: 'FAILED',
  endTime: at(12.4),
  error: upstream,
  steps: [
    step('extract', {
      status: 'COMPLETED',
      readyTime: at(0),
      attempts: [attempt(1, 'db-extractor/7f3a', { startTime: at(0), endTime: at(2) })],
    }),
    step('clean', {
      status: 'COMPLETED',
      readyTime: at(2),
      attempts: [
        attempt(1, 'cleaner/0b7d', { startTime: at(2), endTime: at(3.3), outcome: 'LOST' }),
        attempt(2, 'cleaner/91c0', { startTime: at(3.3), endTime: at(6.4), resumed: true }),
      ],
    }),
    step('load', {
      status: 'FAILED',
      readyTime: at(6.4),
      error: upstream,
      attempts: [
        attempt(1, 'loader/c2d8', { startTime: at(7.2), endTime: at(8.4), outcome: 'FAILED' }),
        attempt(2, 'loader/aa21', { startTime: at(10.2), endTime: at(12.1), outcome: 'FAILED', tryNumber: 2 }),
      ],
    }),
    step('report', { status: 'SKIPPED', skipReason: 'DEPENDENCY', skippedBecauseOf: 'load' }),
  ],
  completedSteps: 4,
  totalSteps: 4,
});

/** The one of the mock-up: three steps done, clean in its second attempt, load waits, report comes after it. */
export const openRun = run({
  completedSteps: 3,
  totalSteps: 6,
  progress: 0.6,
  steps: [
    ...['a', 'b', 'c'].map((path) => step(path, { status: 'COMPLETED', attempts: [attempt(1, 'x/1')] })),
    step('clean', {
      status: 'RUNNING',
      progress: 0.62,
      progressMessage: '12,400 rows',
      attempts: [
        attempt(1, 'cleaner/0b7d', { startTime: at(1), endTime: at(1.9), outcome: 'LOST' }),
        attempt(2, 'cleaner/91c0', { startTime: at(1.9), outcome: 'OPEN' }),
      ],
    }),
    step('load', { status: 'READY', waitReason: 'NO_SLOT', readyTime: at(3) }),
    step('report'),
  ],
});

export function instance(id: string, more: Partial<InstanceView> = {}): InstanceView {
  return {
    instanceId: `0000-${id}`,
    place: 'host-1',
    status: 'READY',
    slots: 4,
    slotsUsed: 3,
    load: 0.71,
    rttMs: 2,
    sdk: { name: 'yardmaster', version: '1.0.0', language: 'node 26.10.0' },
    capabilities: [
      {
        name: 'extract',
        version: '1.2.0',
        description: '',
        idempotent: true,
        labels: {},
        inputSchema: undefined,
        outputSchema: undefined,
      },
    ],
    attemptIds: [],
    connectTime: at(-60),
    lastSeenTime: at(0),
    labels: {},
    overriddenLabels: {},
    isManual: false,
    refusedCapabilities: [],
    cordon: undefined,
    ...more,
  };
}

export const fleet: readonly AgentView[] = [
  {
    agentId: 'db-extractor',
    id: 'db-extractor',
    name: 'db-extractor',
    status: 'READY',
    instances: [instance('7f3a'), instance('91c0')],
    operatorLabels: {},
    events: [],
  },
  {
    agentId: 'echo',
    id: 'echo',
    name: 'echo',
    status: 'LOST',
    instances: [
      instance('0b7d', {
        status: 'LOST',
        lastSeenTime: at(-240),
        rttMs: undefined,
        sdk: { name: '', version: '', language: 'python' },
        capabilities: [
          {
            name: 'echo',
            version: '',
            description: '',
            idempotent: false,
            labels: {},
            inputSchema: undefined,
            outputSchema: undefined,
          },
        ],
      }),
    ],
    operatorLabels: {},
    events: [],
  },
];

const nobody = { name: 'anonymous', proof: 'NONE', userAgent: 'grpc-node-js/1.14.7', address: '127.0.0.1' } as const;

/** A registration, a start with a typo and a cancel, newest first. */
export const audit: readonly AuditEntryView[] = [
  {
    entryId: '01k00000000000000000000003',
    time: at(9),
    actor: { name: 'ada', proof: 'CLAIMED', userAgent: 'grpcurl/1.9', address: '10.0.0.7' },
    action: 'run.cancel',
    subject: { kind: 'RUN', name: '01k0000000000000009c41e7b2' },
    namespace: 'default',
    workflow: 'Nightly',
    version: 3,
    requestId: '',
    outcome: 'DONE',
    errorCode: undefined,
    details: { reason: 'wrong table' },
  },
  {
    entryId: '01k00000000000000000000002',
    time: at(5),
    actor: nobody,
    action: 'run.start',
    subject: { kind: 'WORKFLOW', name: 'Nigthly' },
    namespace: 'default',
    workflow: 'Nigthly',
    version: undefined,
    requestId: 'orders-24',
    outcome: 'REFUSED',
    errorCode: 'WORKFLOW_NOT_FOUND',
    details: { message: 'Cannot find workflow "Nigthly"; did you mean "Nightly"?' },
  },
  {
    entryId: '01k00000000000000000000001',
    time: at(0),
    actor: nobody,
    action: 'workflow.register',
    subject: { kind: 'WORKFLOW', name: 'Nightly' },
    namespace: 'default',
    workflow: 'Nightly',
    version: 3,
    requestId: '',
    outcome: 'DONE',
    errorCode: undefined,
    details: {},
  },
];
