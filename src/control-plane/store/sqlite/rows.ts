/** Columns of SQLite -> rows of the contract. The casts are the database's: only this program writes it. */
import type { SQLOutputValue } from 'node:sqlite';
import type {
  AgentEventRow,
  AgentLabelsRow,
  AuditRow,
  Caller,
  QueuedRun,
  RunRow,
  ScheduleRow,
  TaskRow,
  WorkflowRow,
} from '../port.ts';

export type Columns = Readonly<Record<string, SQLOutputValue>>;

/** Characters of a run id that people see (core/ids `shortId`). */
const TAIL_LENGTH = 8;

/** All of a run but its id. */
const RUN_FACTS = `runs.shard, runs.namespace, runs.workflow, runs.version, runs.status, runs.priority, runs.queued_at AS queuedAt,
  runs.ended_at AS endedAt, runs.request_id AS requestId, runs.input_hash AS inputHash, runs.failure_code AS failureCode,
  runs.labels, runs.retry_of AS retryOf, runs.rerun_of AS rerunOf, runs.parent_run_id AS parentRunId,
  runs.parent_step AS parentStep, runs.actor, runs.user_agent AS userAgent, runs.address`;

export const RUN_COLUMNS = `runs.run_id AS runId, ${RUN_FACTS}`;
/** The id from the index that is walked: SQLite takes only that as the order of the walk. */
export const WALKED_RUN_COLUMNS = `walked.run_id AS runId, ${RUN_FACTS}`;

export function toRunRow(columns: Columns): RunRow {
  const { actor = null, userAgent = '', address = '', ...rest } = columns;
  return {
    ...rest,
    endedAt: columns.endedAt ?? undefined,
    requestId: columns.requestId ?? undefined,
    failureCode: columns.failureCode ?? undefined,
    retryOf: columns.retryOf ?? undefined,
    rerunOf: columns.rerunOf ?? undefined,
    parentRunId: columns.parentRunId ?? undefined,
    parentStep: columns.parentStep ?? undefined,
    labels: JSON.parse(String(columns.labels)),
    caller: toCaller({ actor, userAgent, address }),
  } as RunRow;
}

export const QUEUED_COLUMNS = `run_id AS runId, namespace, workflow, priority, parent_run_id AS parentRunId,
  parent_step AS parentStep`;

export function toQueuedRun({ runId, namespace, workflow, priority, parentRunId, parentStep }: Columns): QueuedRun {
  const parent = parentRunId === null ? {} : { parent: { runId: parentRunId, path: parentStep } };
  return { runId, namespace, workflow, priority, ...parent } as QueuedRun;
}

function toCaller({ actor, userAgent, address }: Columns): Caller {
  return { actor: actor === null ? undefined : String(actor), userAgent: String(userAgent), address: String(address) };
}

export const TASK_COLUMNS = `run_id AS runId, path, attempt, shard, class, order_key AS orderKey, state, agent_id AS agentId,
  instance_id AS instanceId, due_at AS dueAt, loss_window_ms AS lossWindowMs, checkpoint`;

export function toTaskRow(columns: Columns): TaskRow {
  return { ...columns, checkpoint: columns.checkpoint ?? undefined } as TaskRow;
}

export const WORKFLOW_COLUMNS = 'namespace, name, version, hash, definition, created_at AS createdAt';

export function toWorkflowRow(columns: Columns): WorkflowRow {
  return { ...columns } as unknown as WorkflowRow;
}

export const AGENT_EVENT_COLUMNS = 'at, agent_id AS agentId, instance_id AS instanceId, kind, message';

export function toAgentEventRow(columns: Columns): AgentEventRow {
  return { ...columns } as unknown as AgentEventRow;
}

export const AGENT_LABELS_COLUMNS = 'namespace, agent_id AS agentId, labels';

export function toAgentLabelsRow(columns: Columns): AgentLabelsRow {
  return { ...columns, labels: JSON.parse(String(columns.labels)) } as unknown as AgentLabelsRow;
}

export const AUDIT_COLUMNS = `id, at, namespace, actor, user_agent AS userAgent, address, action, subject_kind AS subjectKind,
  subject, workflow, version, request_id AS requestId, error_code AS errorCode, details`;

export function toAuditRow(columns: Columns): AuditRow {
  const { actor = null, userAgent = '', address = '', ...rest } = columns;
  const details = JSON.parse(String(columns.details));
  return { ...rest, caller: toCaller({ actor, userAgent, address }), details } as AuditRow;
}

export const SCHEDULE_COLUMNS = `namespace, name, spec, paused, created_at AS createdAt, updated_at AS updatedAt, seen_at AS seenAt,
  last_tick AS lastTick, last_run_id AS lastRunId, of_workflow AS ofWorkflow`;

export function toScheduleRow(columns: Columns): ScheduleRow {
  const { spec, paused, ofWorkflow, lastTick = null, lastRunId = null, ...rest } = columns;
  return {
    ...rest,
    spec: JSON.parse(String(spec)),
    isOfWorkflow: ofWorkflow === 1,
    isPaused: paused === 1,
    ...(lastTick === null ? {} : { lastTick: JSON.parse(String(lastTick)) }),
    ...(lastRunId === null ? {} : { lastRunId }),
  } as ScheduleRow;
}

/** The end of an id, backwards: `runs.tail`, where a short id is a prefix. */
export function toTail(runId: string): string {
  return runId.slice(-TAIL_LENGTH).split('').reverse().join('');
}
