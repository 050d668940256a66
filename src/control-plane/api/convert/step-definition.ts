/** Steps of a definition: proto to the normal form and back. */
import { create } from '@bufbuild/protobuf';
import { limits } from '../../../core/limits.ts';
import {
  type AgentStep,
  type LoopBlock,
  type MapBlock,
  OnFailure,
  ParallelPolicy,
  RetryPolicySchema,
  RunOn,
  type Step,
  StepSchema,
  type RetryPolicy as WireRetry,
} from '../../../gen/yardmaster/v1/step_pb.ts';
import type {
  AgentStepDefinition,
  FailureMode,
  LoopStepDefinition,
  MapStepDefinition,
  ParallelPolicy as ParallelPolicyName,
  RetryPolicy,
  RunOn as RunOnName,
  StepCommon,
  StepDefinition,
} from '../../../workflow/definition.ts';
import { readAttached } from './attached.ts';
import { readCondition, readSwitch, writeCondition, writeSwitch } from './branches.ts';
import { readWorkflowBlock, writeWorkflowBlock } from './child-definition.ts';
import type { Faults } from './faults.ts';
import { readStruct, readTemplate, writeStruct, writeTemplate } from './json.ts';
import { readPriority, writePriority } from './priority.ts';
import { readDuration, writeDuration } from './times.ts';
import { readSignalBlock, readWaitBlock, writeSignalBlock, writeWaitBlock } from './wait-definition.ts';

const RUN_ON: Readonly<Record<RunOnName, RunOn>> = {
  success: RunOn.SUCCESS,
  failure: RunOn.FAILURE,
  always: RunOn.ALWAYS,
};
const ON_FAILURE: Readonly<Record<FailureMode, OnFailure>> = { fail: OnFailure.FAIL, continue: OnFailure.CONTINUE };
const POLICY: Readonly<Record<ParallelPolicyName, ParallelPolicy>> = {
  failFast: ParallelPolicy.FAIL_FAST,
  waitAll: ParallelPolicy.WAIT_ALL,
  continue: ParallelPolicy.CONTINUE,
};

/** The name that stands for a wire number; undefined: not stated, or unknown. */
export function nameOf<Name extends string>(names: Readonly<Record<Name, number>>, value: number): Name | undefined {
  for (const name in names) if (names[name] === value) return name;
  return undefined;
}

export function readSteps(faults: Faults, pointer: string, steps: readonly Step[]): StepDefinition[] {
  if (steps.length > limits.stepsMax) {
    faults.add(pointer, `has ${steps.length} steps; at most ${limits.stepsMax} are allowed`);
    return [];
  }
  return steps.flatMap((step, i) => readStep(faults, `${pointer}[${i}]`, step) ?? []);
}

function readStep(faults: Faults, pointer: string, step: Step): StepDefinition | undefined {
  const common = readCommon(faults, pointer, step);
  const onFailure = nameOf(ON_FAILURE, step.onFailure);
  const handled = { ...(onFailure !== undefined && { onFailure }), ...readAttached(faults, pointer, step, readStep) };
  switch (step.block.case) {
    case 'agent':
      return { ...common, ...handled, ...readAgentStep(faults, `${pointer}.agent`, step.block.value) };
    case 'parallel': {
      const { steps, concurrency, policy, quorum } = step.block.value;
      refuseOnFailure(faults, pointer, onFailure);
      const policyName = nameOf(POLICY, policy);
      return {
        ...common,
        ...readAttached(faults, pointer, step, readStep),
        type: 'parallel',
        steps: readSteps(faults, `${pointer}.parallel.steps`, steps),
        ...(concurrency > 0 && { concurrency }),
        ...(quorum > 0 && { quorum }),
        ...(policyName !== undefined && { onFailure: policyName }),
      };
    }
    case 'sequential': {
      const steps = readSteps(faults, `${pointer}.sequential.steps`, step.block.value.steps);
      return { ...common, ...handled, type: 'sequential', steps };
    }
    case 'condition':
      return { ...common, ...handled, ...readCondition(faults, `${pointer}.condition`, step.block.value, readSteps) };
    case 'switch':
      return { ...common, ...handled, ...readSwitch(faults, `${pointer}.switch`, step.block.value, readSteps) };
    case 'set': {
      const value = readTemplate(faults, `${pointer}.set.value`, step.block.value.value);
      if (step.block.value.value === undefined) faults.add(`${pointer}.set.value`, 'is not set');
      return { ...common, ...handled, type: 'set', set: value ?? null };
    }
    case 'wait':
      return { ...common, ...handled, ...readWaitBlock(faults, `${pointer}.wait`, step.block.value) };
    case 'signal':
      return { ...common, ...handled, ...readSignalBlock(faults, `${pointer}.signal`, step.block.value) };
    case 'loop':
      return { ...common, ...handled, ...readLoop(faults, `${pointer}.loop`, step.block.value) };
    case 'map':
      refuseOnFailure(faults, pointer, onFailure);
      return {
        ...common,
        ...readAttached(faults, pointer, step, readStep),
        ...readMap(faults, `${pointer}.map`, step.block.value),
      };
    case 'workflow':
      return { ...common, ...handled, ...readWorkflowBlock(faults, `${pointer}.workflow`, step.block.value) };
    case undefined:
      faults.add(`${pointer}.block`, 'is not set, or of a kind that this version does not know');
      return undefined;
  }
}

function readLoop(faults: Faults, pointer: string, loop: LoopBlock): Omit<LoopStepDefinition, keyof StepCommon> {
  const delayMs = readDuration(faults, `${pointer}.delay`, loop.delay);
  return {
    type: 'loop',
    ...(loop.while !== '' && { while: loop.while }),
    ...(loop.until !== '' && { until: loop.until }),
    body: readSteps(faults, `${pointer}.body`, loop.body),
    maxIterations: loop.maxIterations,
    ...(loop.stopAtMax && { onMaxIterations: 'stop' }),
    ...(delayMs !== undefined && { delayMs }),
  };
}

function refuseOnFailure(faults: Faults, pointer: string, onFailure: FailureMode | undefined): void {
  if (onFailure !== undefined)
    faults.add(`${pointer}.on_failure`, 'is for other steps; a parallel block and a map have a policy');
}

function readMap(faults: Faults, pointer: string, map: MapBlock): Omit<MapStepDefinition, keyof StepCommon> {
  const { concurrency, policy, quorum } = map;
  const items = readTemplate(faults, `${pointer}.items`, map.items);
  if (map.items === undefined) faults.add(`${pointer}.items`, 'is not set');
  if (map.step === undefined) faults.add(`${pointer}.step`, 'is not set');
  const step = map.step && readStep(faults, `${pointer}.step`, map.step);
  const policyName = nameOf(POLICY, policy);
  return {
    type: 'map',
    items: items ?? [],
    // What is missing is reported; nothing is made of it.
    step: step ?? { type: 'agent', id: '', dependencies: [], action: '' },
    ...(concurrency > 0 && { concurrency }),
    ...(quorum > 0 && { quorum }),
    ...(policyName !== undefined && { onFailure: policyName }),
  };
}

function readCommon(faults: Faults, pointer: string, step: Step): StepCommon {
  const runOn = nameOf(RUN_ON, step.runOn);
  const totalTimeoutMs = readDuration(faults, `${pointer}.total_timeout`, step.totalTimeout);
  const output = readTemplate(faults, `${pointer}.output`, step.output);
  const metadata = readStruct(faults, `${pointer}.metadata`, step.metadata);
  return {
    id: step.id,
    ...(step.name !== '' && { name: step.name }),
    ...(step.description !== '' && { description: step.description }),
    dependencies: step.dependencies,
    ...(step.when !== '' && { when: step.when }),
    ...(runOn !== undefined && { runOn }),
    ...(totalTimeoutMs !== undefined && { totalTimeoutMs }),
    ...(output !== undefined && { output }),
    ...(step.assert !== '' && { assert: step.assert }),
    ...(metadata !== undefined && { metadata }),
  };
}

type AgentOnly = Omit<AgentStepDefinition, keyof StepCommon>;

function readAgentStep(faults: Faults, pointer: string, step: AgentStep): AgentOnly {
  const duration = (name: string, value: AgentStep['timeout']) => readDuration(faults, `${pointer}.${name}`, value);
  const timeoutMs = duration('timeout', step.timeout);
  const queueTimeoutMs = duration('queue_timeout', step.queueTimeout);
  const heartbeatTimeoutMs = duration('heartbeat_timeout', step.heartbeatTimeout);
  const lossWindowMs = duration('loss_window', step.lossWindow);
  const parameters = readTemplate(faults, `${pointer}.parameters`, step.parameters);
  const priority = readPriority(step.priority);
  return {
    type: 'agent',
    action: step.action,
    ...(step.agentId !== '' && { agentId: step.agentId }),
    ...(step.version !== '' && { version: step.version }),
    ...(Object.keys(step.labels).length > 0 && { agentLabels: { ...step.labels } }),
    ...(parameters !== undefined && { parameters }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(queueTimeoutMs !== undefined && { queueTimeoutMs }),
    ...(heartbeatTimeoutMs !== undefined && { heartbeatTimeoutMs }),
    ...(step.retry !== undefined && { retry: readRetry(faults, `${pointer}.retry`, step.retry) }),
    ...(priority !== undefined && { priority }),
    ...(step.idempotent !== undefined && { idempotent: step.idempotent }),
    ...(lossWindowMs !== undefined && { lossWindowMs }),
    ...readKey(step),
  };
}

function readKey({ concurrencyKey: key, concurrencyKeyLimit: limit }: AgentStep): Pick<AgentOnly, 'concurrencyKey'> {
  return key === '' ? {} : { concurrencyKey: { key, ...(limit > 0 && { limit }) } };
}

function readRetry(faults: Faults, pointer: string, retry: WireRetry): RetryPolicy {
  const backoffMs = readDuration(faults, `${pointer}.backoff`, retry.backoff);
  const maxBackoffMs = readDuration(faults, `${pointer}.max_backoff`, retry.maxBackoff);
  return {
    tries: Math.max(1, retry.tries),
    ...(backoffMs !== undefined && { backoffMs }),
    ...(retry.factor !== undefined && { factor: retry.factor }),
    ...(maxBackoffMs !== undefined && { maxBackoffMs }),
    ...(retry.jitter !== undefined && { jitter: retry.jitter }),
    ...(retry.nonRetryable.length > 0 && { nonRetryable: retry.nonRetryable }),
    ...(retry.onDifferentAgent && { onDifferentAgent: true }),
    ...(retry.onAssert && { onAssert: true }),
  };
}

export function writeStepDefinition(step: StepDefinition): Step {
  return create(StepSchema, {
    id: step.id,
    name: step.name ?? '',
    description: step.description ?? '',
    dependencies: [...step.dependencies],
    when: step.when ?? '',
    runOn: step.runOn === undefined ? RunOn.UNSPECIFIED : RUN_ON[step.runOn],
    onFailure:
      step.type === 'parallel' || step.type === 'map' || step.onFailure === undefined
        ? OnFailure.UNSPECIFIED
        : ON_FAILURE[step.onFailure],
    output: writeTemplate(step.output),
    assert: step.assert ?? '',
    ...(step.totalTimeoutMs !== undefined && { totalTimeout: writeDuration(step.totalTimeoutMs) }),
    metadata: writeStruct(step.metadata),
    block: writeBlock(step),
    ...(step.fallback !== undefined && { fallback: writeStepDefinition(step.fallback) }),
    ...(step.compensate !== undefined && { compensate: writeStepDefinition(step.compensate) }),
  });
}

function writeBlock(step: StepDefinition) {
  switch (step.type) {
    case 'agent':
      return { case: 'agent', value: writeAgentStep(step) } as const;
    case 'parallel': {
      const policy = step.onFailure === undefined ? ParallelPolicy.UNSPECIFIED : POLICY[step.onFailure];
      const steps = step.steps.map(writeStepDefinition);
      const { concurrency = 0, quorum = 0 } = step;
      return { case: 'parallel', value: { steps, concurrency, policy, quorum } } as const;
    }
    case 'sequential':
      return { case: 'sequential', value: { steps: step.steps.map(writeStepDefinition) } } as const;
    case 'condition':
      return { case: 'condition', value: writeCondition(step, writeStepDefinition) } as const;
    case 'switch':
      return { case: 'switch', value: writeSwitch(step, writeStepDefinition) } as const;
    case 'set':
      return { case: 'set', value: { value: writeTemplate(step.set) } } as const;
    case 'wait':
      return { case: 'wait', value: writeWaitBlock(step) } as const;
    case 'signal':
      return { case: 'signal', value: writeSignalBlock(step) } as const;
    case 'loop':
      return { case: 'loop', value: writeLoop(step) } as const;
    case 'map':
      return { case: 'map', value: writeMap(step) } as const;
    case 'workflow':
      return { case: 'workflow', value: writeWorkflowBlock(step) } as const;
  }
}

function writeLoop(step: LoopStepDefinition) {
  return {
    while: step.while ?? '',
    until: step.until ?? '',
    body: step.body.map(writeStepDefinition),
    maxIterations: step.maxIterations,
    stopAtMax: step.onMaxIterations === 'stop',
    ...(step.delayMs !== undefined && { delay: writeDuration(step.delayMs) }),
  };
}

function writeMap(step: MapStepDefinition) {
  const { concurrency = 0, quorum = 0, onFailure } = step;
  return {
    items: writeTemplate(step.items),
    step: writeStepDefinition(step.step),
    concurrency,
    policy: onFailure === undefined ? ParallelPolicy.UNSPECIFIED : POLICY[onFailure],
    quorum,
  };
}

function writeAgentStep(step: AgentStepDefinition) {
  return {
    action: step.action,
    agentId: step.agentId ?? '',
    version: step.version ?? '',
    labels: { ...step.agentLabels },
    parameters: writeTemplate(step.parameters),
    ...(step.timeoutMs !== undefined && { timeout: writeDuration(step.timeoutMs) }),
    ...(step.queueTimeoutMs !== undefined && { queueTimeout: writeDuration(step.queueTimeoutMs) }),
    ...(step.heartbeatTimeoutMs !== undefined && { heartbeatTimeout: writeDuration(step.heartbeatTimeoutMs) }),
    ...(step.retry !== undefined && { retry: writeRetry(step.retry) }),
    priority: writePriority(step.priority),
    ...(step.idempotent !== undefined && { idempotent: step.idempotent }),
    ...(step.lossWindowMs !== undefined && { lossWindow: writeDuration(step.lossWindowMs) }),
    concurrencyKey: step.concurrencyKey?.key ?? '',
    concurrencyKeyLimit: step.concurrencyKey?.limit ?? 0,
  };
}

function writeRetry(retry: RetryPolicy): WireRetry {
  return create(RetryPolicySchema, {
    tries: retry.tries,
    ...(retry.backoffMs !== undefined && { backoff: writeDuration(retry.backoffMs) }),
    ...(retry.factor !== undefined && { factor: retry.factor }),
    ...(retry.maxBackoffMs !== undefined && { maxBackoff: writeDuration(retry.maxBackoffMs) }),
    ...(retry.jitter !== undefined && { jitter: retry.jitter }),
    nonRetryable: [...(retry.nonRetryable ?? [])],
    onDifferentAgent: retry.onDifferentAgent ?? false,
    onAssert: retry.onAssert ?? false,
  });
}
