/** Definitions: proto to the normal form and back. What the definition means is checked by `src/workflow`, not here. */
import { create } from '@bufbuild/protobuf';
import { type Workflow, WorkflowSchema } from '../../../gen/yardmaster/v1/workflow_pb.ts';
import type { WorkflowDefinition } from '../../../workflow/definition.ts';
import type { RegisteredWorkflow } from '../../runtime/control-plane.ts';
import type { Faults } from './faults.ts';
import { readStruct, readTemplate, writeStruct, writeTemplate } from './json.ts';
import { readPriority, writePriority } from './priority.ts';
import { readSteps, writeStepDefinition } from './step-definition.ts';
import { readLabels } from './text.ts';
import { readDuration, writeDuration, writeTime } from './times.ts';

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
    ...(priority !== undefined && { priority }),
    ...(output !== undefined && { output }),
    steps: readSteps(faults, 'steps', wire.steps),
    ...(wire.finally.length > 0 && { finally: readSteps(faults, 'finally', wire.finally) }),
    ...(cleanupTimeoutMs !== undefined && { cleanupTimeoutMs }),
    ...(Object.keys(wire.labels).length > 0 && { labels: readLabels(faults, 'labels', wire.labels) }),
    ...(metadata !== undefined && { metadata }),
    ...(wire.secrets.length > 0 && { secrets: wire.secrets }),
  };
}

export function writeWorkflow({ row, definition }: RegisteredWorkflow): Workflow {
  return create(WorkflowSchema, {
    name: row.name,
    label: definition.label ?? '',
    description: definition.description ?? '',
    parameters: writeStruct(definition.parameters),
    ...(definition.timeoutMs !== undefined && { timeout: writeDuration(definition.timeoutMs) }),
    priority: writePriority(definition.priority),
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
