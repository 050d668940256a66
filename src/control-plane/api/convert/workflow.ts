/** Definitions: proto to the normal form and back. What the definition means is checked by `src/workflow`, not here. */
import { create } from '@bufbuild/protobuf';
import {
  ConcurrencyOverflow,
  type Workflow,
  type WorkflowConcurrency,
  WorkflowSchema,
} from '../../../gen/yardmaster/v1/workflow_pb.ts';
import type {
  ConcurrencyDefinition,
  ConcurrencyOverflow as OverflowName,
  WorkflowDefinition,
} from '../../../workflow/definition.ts';
import type { RegisteredWorkflow } from '../../runtime/control-plane.ts';
import type { Faults } from './faults.ts';
import { readStruct, readTemplate, writeStruct, writeTemplate } from './json.ts';
import { readPriority, writePriority } from './priority.ts';
import { nameOf, readSteps, writeStepDefinition } from './step-definition.ts';
import { readLabels } from './text.ts';
import { readDuration, writeDuration, writeTime } from './times.ts';
import { readWorkflowSchedule, writeWorkflowSchedule } from './workflow-schedule.ts';

const OVERFLOW: Readonly<Record<OverflowName, ConcurrencyOverflow>> = {
  queue: ConcurrencyOverflow.QUEUE,
  reject: ConcurrencyOverflow.REJECT,
  cancelOldest: ConcurrencyOverflow.CANCEL_OLDEST,
};

export function readDefinition(faults: Faults, wire: Workflow): WorkflowDefinition {
  const timeoutMs = readDuration(faults, 'timeout', wire.timeout);
  const cleanupTimeoutMs = readDuration(faults, 'cleanup_timeout', wire.cleanupTimeout);
  const priority = readPriority(wire.priority);
  const output = readTemplate(faults, 'output', wire.output);
  const parameters = readStruct(faults, 'parameters', wire.parameters);
  const metadata = readStruct(faults, 'metadata', wire.metadata);
  return {
    name: wire.name,
    ...(wire.label !== '' && { label: wire.label }),
    ...(wire.description !== '' && { description: wire.description }),
    ...(parameters !== undefined && { parameters }),
    ...(timeoutMs !== undefined && timeoutMs > 0 && { timeoutMs }),
    ...(wire.retries > 0 && { retries: wire.retries }),
    ...(wire.concurrency !== undefined && { concurrency: readConcurrency(wire.concurrency) }),
    ...(priority !== undefined && { priority }),
    ...(wire.schedule !== undefined && { schedule: readWorkflowSchedule(faults, wire.schedule) }),
    ...(output !== undefined && { output }),
    steps: readSteps(faults, 'steps', wire.steps),
    ...(wire.finally.length > 0 && { finally: readSteps(faults, 'finally', wire.finally) }),
    ...(cleanupTimeoutMs !== undefined && { cleanupTimeoutMs }),
    ...(Object.keys(wire.labels).length > 0 && { labels: readLabels(faults, 'labels', wire.labels) }),
    ...(metadata !== undefined && { metadata }),
    ...(wire.secrets.length > 0 && { secrets: wire.secrets }),
  };
}

function readConcurrency({ limit, overflow }: WorkflowConcurrency): ConcurrencyDefinition {
  const name = nameOf(OVERFLOW, overflow);
  return { limit, ...(name !== undefined && { overflow: name }) };
}

export function writeWorkflow({ row, definition }: RegisteredWorkflow): Workflow {
  return create(WorkflowSchema, {
    name: row.name,
    label: definition.label ?? '',
    description: definition.description ?? '',
    parameters: writeStruct(definition.parameters),
    ...(definition.timeoutMs !== undefined && { timeout: writeDuration(definition.timeoutMs) }),
    retries: definition.retries ?? 0,
    ...(definition.concurrency !== undefined && { concurrency: writeConcurrency(definition.concurrency) }),
    priority: writePriority(definition.priority),
    ...(definition.schedule !== undefined && { schedule: writeWorkflowSchedule(definition.schedule) }),
    output: writeTemplate(definition.output),
    steps: definition.steps.map(writeStepDefinition),
    finally: definition.finally?.map(writeStepDefinition) ?? [],
    ...(definition.cleanupTimeoutMs !== undefined && { cleanupTimeout: writeDuration(definition.cleanupTimeoutMs) }),
    labels: { ...definition.labels },
    metadata: writeStruct(definition.metadata),
    secrets: [...(definition.secrets ?? [])],
    version: row.version,
    hash: row.hash,
    createTime: writeTime(row.createdAt),
  });
}

function writeConcurrency({ limit, overflow }: ConcurrencyDefinition) {
  return { limit, overflow: overflow === undefined ? ConcurrencyOverflow.UNSPECIFIED : OVERFLOW[overflow] };
}
