/** A definition in its normal form, as the proto message. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Duration, durationFromMs } from '@bufbuild/protobuf/wkt';
import type { JsonValue } from '../../core/json.ts';
import { OnFailure, ParallelPolicy, RunOn, type StepSchema } from '../../gen/yardmaster/v1/step_pb.ts';
import { ConcurrencyOverflow, type Workflow, WorkflowSchema } from '../../gen/yardmaster/v1/workflow_pb.ts';
import type {
  AgentStepDefinition,
  ConcurrencyDefinition,
  FailureMode,
  LoopStepDefinition,
  MapStepDefinition,
  ConcurrencyOverflow as OverflowName,
  ParallelStepDefinition,
  ParallelPolicy as PolicyName,
  RetryPolicy,
  RunOn as RunOnName,
  SignalStepDefinition,
  StepDefinition,
  SwitchStepDefinition,
  WaitStepDefinition,
  WorkflowDefinition,
  WorkflowStepDefinition,
} from '../../workflow/definition.ts';
import { priorityNumber } from './run.ts';
import { toWireValue } from './wire.ts';
import { toWireWorkflowSchedule } from './workflow-schedule.ts';

const RUN_ON: Readonly<Record<RunOnName, RunOn>> = {
  success: RunOn.SUCCESS,
  failure: RunOn.FAILURE,
  always: RunOn.ALWAYS,
};
const ON_FAILURE: Readonly<Record<FailureMode, OnFailure>> = { fail: OnFailure.FAIL, continue: OnFailure.CONTINUE };
const POLICIES: Readonly<Record<PolicyName, ParallelPolicy>> = {
  failFast: ParallelPolicy.FAIL_FAST,
  waitAll: ParallelPolicy.WAIT_ALL,
  continue: ParallelPolicy.CONTINUE,
};

const OVERFLOWS: Readonly<Record<OverflowName, ConcurrencyOverflow>> = {
  queue: ConcurrencyOverflow.QUEUE,
  reject: ConcurrencyOverflow.REJECT,
  cancelOldest: ConcurrencyOverflow.CANCEL_OLDEST,
};

type StepInit = MessageInitShape<typeof StepSchema>;

export function toWireWorkflow(definition: WorkflowDefinition): Workflow {
  return create(WorkflowSchema, {
    name: definition.name,
    label: definition.label ?? '',
    description: definition.description ?? '',
    ...(definition.parameters === undefined ? {} : { parameters: mutable(definition.parameters) }),
    ...optional('timeout', toDuration(definition.timeoutMs)),
    retries: definition.retries ?? 0,
    ...optional('concurrency', toWireConcurrency(definition.concurrency)),
    priority: priorityNumber(definition.priority),
    ...(definition.schedule === undefined ? {} : { schedule: toWireWorkflowSchedule(definition.schedule) }),
    ...optional('output', toWireValue(definition.output)),
    steps: definition.steps.map(toWireStep),
    finally: (definition.finally ?? []).map(toWireStep),
    ...optional('cleanupTimeout', toDuration(definition.cleanupTimeoutMs)),
    labels: definition.labels ?? {},
    ...(definition.metadata === undefined ? {} : { metadata: mutable(definition.metadata) }),
    secrets: [...(definition.secrets ?? [])],
  });
}

function toWireConcurrency(concurrency: ConcurrencyDefinition | undefined) {
  if (concurrency === undefined) return undefined;
  const { limit, overflow } = concurrency;
  return { limit, overflow: overflow === undefined ? ConcurrencyOverflow.UNSPECIFIED : OVERFLOWS[overflow] };
}

function toWireStep(step: StepDefinition): StepInit {
  return {
    id: step.id,
    name: step.name ?? '',
    description: step.description ?? '',
    dependencies: [...step.dependencies],
    when: step.when ?? '',
    runOn: step.runOn === undefined ? RunOn.UNSPECIFIED : RUN_ON[step.runOn],
    ...optional('output', toWireValue(step.output)),
    assert: step.assert ?? '',
    ...optional('totalTimeout', toDuration(step.totalTimeoutMs)),
    ...(step.metadata === undefined ? {} : { metadata: mutable(step.metadata) }),
    ...blockOf(step),
    ...(step.fallback === undefined ? {} : { fallback: toWireStep(step.fallback) }),
    ...(step.compensate === undefined ? {} : { compensate: toWireStep(step.compensate) }),
  };
}

function blockOf(step: StepDefinition): Pick<StepInit, 'block' | 'onFailure'> {
  switch (step.type) {
    case 'agent':
      return { block: { case: 'agent', value: toWireAgentStep(step) }, ...onFailureOf(step.onFailure) };
    case 'parallel': {
      const value = { steps: step.steps.map(toWireStep), ...policyOf(step) };
      return { block: { case: 'parallel', value } };
    }
    case 'sequential':
      return {
        block: { case: 'sequential', value: { steps: step.steps.map(toWireStep) } },
        ...onFailureOf(step.onFailure),
      };
    case 'condition': {
      const { then, else: other = [] } = step;
      const value = { condition: step.if, thenSteps: then.map(toWireStep), elseSteps: other.map(toWireStep) };
      return { block: { case: 'condition', value }, ...onFailureOf(step.onFailure) };
    }
    case 'switch':
      return { block: { case: 'switch', value: toWireSwitch(step) }, ...onFailureOf(step.onFailure) };
    case 'set': {
      const value = { ...optional('value', toWireValue(step.set)) };
      return { block: { case: 'set', value }, ...onFailureOf(step.onFailure) };
    }
    case 'wait':
      return { block: { case: 'wait', value: toWireWait(step) }, ...onFailureOf(step.onFailure) };
    case 'signal':
      return { block: { case: 'signal', value: toWireSignal(step) }, ...onFailureOf(step.onFailure) };
    case 'workflow':
      return { block: { case: 'workflow', value: toWireChild(step) }, ...onFailureOf(step.onFailure) };
    case 'loop':
      return { block: { case: 'loop', value: toWireLoop(step) }, ...onFailureOf(step.onFailure) };
    case 'map':
      return { block: { case: 'map', value: toWireMap(step) } };
  }
}

function toWireSwitch(step: SwitchStepDefinition) {
  return {
    value: step.switch,
    cases: step.cases.map(({ equals, steps }) => ({
      ...optional('equals', toWireValue(equals)),
      steps: steps.map(toWireStep),
    })),
    defaultSteps: (step.default ?? []).map(toWireStep),
  };
}

function toWireWait({ forMs, for: length, until }: WaitStepDefinition) {
  if (until !== undefined) return { end: { case: 'until', value: until } } as const;
  if (length !== undefined) return { end: { case: 'durationExpression', value: length } } as const;
  return { end: { case: 'duration', value: durationFromMs(forMs ?? 0) } } as const;
}

function toWireSignal(step: SignalStepDefinition) {
  return {
    signal: step.signal,
    title: step.title ?? '',
    answerers: [...(step.answerers ?? [])],
    ...(step.form === undefined ? {} : { form: mutable(step.form) }),
    ...optional('timeout', toDuration(step.timeoutMs)),
    ...optional('defaultPayload', toWireValue(step.default)),
  };
}

function toWireChild({ workflow, version = 0, parameters }: WorkflowStepDefinition) {
  return { workflow, version, ...optional('parameters', toWireValue(parameters)) };
}

function toWireLoop(step: LoopStepDefinition) {
  return {
    while: step.while ?? '',
    until: step.until ?? '',
    body: step.body.map(toWireStep),
    maxIterations: step.maxIterations,
    stopAtMax: step.onMaxIterations === 'stop',
    ...optional('delay', toDuration(step.delayMs)),
  };
}

function toWireMap(step: MapStepDefinition) {
  return { ...optional('items', toWireValue(step.items)), step: toWireStep(step.step), ...policyOf(step) };
}

function policyOf({ onFailure, concurrency = 0, quorum = 0 }: ParallelStepDefinition | MapStepDefinition) {
  return { concurrency, policy: onFailure === undefined ? ParallelPolicy.UNSPECIFIED : POLICIES[onFailure], quorum };
}

function onFailureOf(mode: FailureMode | undefined): { readonly onFailure: OnFailure } {
  return { onFailure: mode === undefined ? OnFailure.UNSPECIFIED : ON_FAILURE[mode] };
}

function toWireAgentStep(step: AgentStepDefinition) {
  return {
    action: step.action,
    agentId: step.agentId ?? '',
    version: step.version ?? '',
    labels: step.agentLabels ?? {},
    ...optional('parameters', toWireValue(step.parameters)),
    ...optional('timeout', toDuration(step.timeoutMs)),
    ...optional('queueTimeout', toDuration(step.queueTimeoutMs)),
    ...optional('heartbeatTimeout', toDuration(step.heartbeatTimeoutMs)),
    ...(step.retry === undefined ? {} : { retry: toWireRetry(step.retry) }),
    priority: priorityNumber(step.priority),
    ...optional('idempotent', step.idempotent),
    ...optional('lossWindow', toDuration(step.lossWindowMs)),
    concurrencyKey: step.concurrencyKey?.key ?? '',
    concurrencyKeyLimit: step.concurrencyKey?.limit ?? 0,
  };
}

function toWireRetry(retry: RetryPolicy) {
  return {
    tries: retry.tries,
    ...optional('backoff', toDuration(retry.backoffMs)),
    ...optional('factor', retry.factor),
    ...optional('maxBackoff', toDuration(retry.maxBackoffMs)),
    ...optional('jitter', retry.jitter),
    nonRetryable: [...(retry.nonRetryable ?? [])],
    onDifferentAgent: retry.onDifferentAgent ?? false,
    onAssert: retry.onAssert ?? false,
  };
}

function toDuration(ms: number | undefined): Duration | undefined {
  return ms === undefined ? undefined : durationFromMs(ms);
}

function optional<Key extends string, T>(key: Key, value: T | undefined): Partial<Record<Key, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, T>);
}

/** protobuf-es types JSON as writable; nobody writes to it. */
function mutable<T extends JsonValue>(value: T) {
  return value as T & Writable;
}
type Writable = { [key: string]: never };
