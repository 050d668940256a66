/**
 * The control plane as its API sees it. One implementation (`runtime/face.ts`); the services of `api/` translate between this
 * and proto, and nothing else. Everything answers only when what it says is durable. Errors are YardmasterErrors.
 * With a `caller`, what changes something has an entry in the audit log.
 */

import type { Problem } from '../../core/errors.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { CalledCapability } from '../../workflow/call-workflow.ts';
import type { Priority, WorkflowDefinition } from '../../workflow/definition.ts';
import type { RunEvent, Usage } from '../engine/events.ts';
import type { RunState } from '../engine/state.ts';
import type { LabelChange, Labels } from '../registry/agent-labels.ts';
import type { Capability, RefusedCapability, SessionPeer, SessionReceiver } from '../registry/frames.ts';
import type { AgentStatus } from '../registry/instance.ts';
import type { Cordon, Operation } from '../registry/operations.ts';
import type { Explanation } from '../scheduler/types.ts';
import type {
  AgentEventRow,
  AuditQuery,
  AuditRow,
  Caller,
  RunFilter,
  RunPage,
  RunQuery,
  RunRow,
  WorkflowRow,
} from '../store/port.ts';
import type { AuditFacts } from './audit-log.ts';
import type { BulkProgress } from './bulk.ts';
import type { CallPlane } from './call-plane.ts';
import type { OutputItem, OutputRequest } from './output-watch.ts';
import type { WorkflowPlan } from './plans.ts';
import type { SchedulePlane } from './schedule-plane.ts';
import type { StepWait, WaitReason } from './step-wait.ts';
import type { Incident } from './stuck.ts';
import type { QueuePlace } from './workflow-queue.ts';

export type { AgentStatus } from '../registry/instance.ts';
export type { Cordon, Operation } from '../registry/operations.ts';
export type { AuditQuery, AuditRow, Caller } from '../store/port.ts';
export type { AuditFacts } from './audit-log.ts';
export type * from './call-plane.ts';
export type { OutputItem, OutputRequest } from './output-watch.ts';
export type { StepPlan, WorkflowPlan } from './plans.ts';
export type * from './schedule-plane.ts';
export type { StepWait, WaitReason } from './step-wait.ts';
export type { Incident, StuckReason } from './stuck.ts';

export interface ControlPlane extends CallPlane {
  readonly node: string;

  registerWorkflow(request: {
    readonly namespace: string;
    readonly definition: WorkflowDefinition;
    readonly validateOnly: boolean;
    readonly caller?: Caller;
  }): Promise<RegisteredWorkflow>;
  /** What would come of registering it now; stores nothing. Throws WORKFLOW_INVALID with every problem. */
  planWorkflow(namespace: string, definition: WorkflowDefinition): Promise<WorkflowPlan>;
  /** Throws WORKFLOW_NOT_FOUND (with the nearest name). `version` 0: the latest. */
  getWorkflow(namespace: string, name: string, version: number): Promise<RegisteredWorkflow>;
  listWorkflows(namespace: string, after: string, limit: number): Promise<readonly RegisteredWorkflow[]>;
  /** The latest version of each in portions, then what is registered. */
  watchWorkflows(namespace: string, signal: AbortSignal): AsyncIterable<WorkflowChanges>;

  /** Throws CONCURRENCY_LIMIT and QUEUE_FULL when the workflow has no room for it. */
  startRun(request: StartRunRequest): Promise<StartedRun>;
  /** `runId` may be a unique tail of at least 4 characters. Throws RUN_NOT_FOUND, RUN_ID_AMBIGUOUS. */
  getRun(namespace: string, runId: string, wait?: RunWait): Promise<RunView>;
  listRuns(query: RunQuery): Promise<ListedRuns>;
  /** What handlers of the run asked of other agents. `runId` in full. */
  listCalls(namespace: string, runId: string): Promise<ListedCalls>;
  cancelRun(
    namespace: string,
    runId: string,
    reason: string,
    caller?: Caller,
  ): Promise<{ readonly alreadyEnding: boolean }>;
  /** Not accepted when the end was decided before; a second pause is accepted and changes nothing. */
  pauseRun(
    namespace: string,
    runId: string,
    reason: string,
    caller?: Caller,
  ): Promise<{ readonly isAccepted: boolean }>;
  /** Not accepted when it was not paused. */
  resumeRun(namespace: string, runId: string, caller?: Caller): Promise<{ readonly isAccepted: boolean }>;
  /** Throws SIGNAL_NOT_FOUND, SIGNAL_NOT_ALLOWED, SIGNAL_INVALID, TOO_MANY_SIGNALS, RUN_OVER. A repeat of a request id changes nothing. */
  signalRun(request: SignalRunRequest): Promise<{ readonly isRepeat: boolean }>;
  /** Cancels every run that fits, a portion at a time. A run that is ending already is left to its cleanup. */
  cancelRuns(request: CancelRunsRequest): AsyncIterable<BulkProgress>;
  /** A new run that takes over what is done of an ended one and starts the rest again. Throws RUN_NOT_RETRYABLE. */
  retryRun(request: RetryRunRequest): Promise<StartedRun>;
  /** Another try of every run that fits, a portion at a time. A run that had one by such a call before is left alone. */
  retryRuns(request: RetryRunsRequest): AsyncIterable<BulkProgress>;
  /** A new run of the same workflow with the parameters of an earlier one. */
  rerunRun(request: RerunRunRequest): Promise<StartedRun>;
  /** Committed events from `fromPosition`, then new ones; ends after RunEnded. Live ones only with `live`. */
  watchRun(request: {
    readonly namespace: string;
    readonly runId: string;
    readonly fromPosition: number;
    readonly live: boolean;
    readonly signal: AbortSignal;
  }): AsyncIterable<WatchedEvent>;
  /** What the attempts of an agent step write. Throws RUN_NOT_FOUND, STEP_NOT_FOUND and NO_OUTPUT. */
  watchOutput(request: OutputRequest): AsyncIterable<OutputItem>;
  /** When an open run in memory will probably end, wall ms; undefined: nobody knows. */
  estimateEnd(runId: string): number | undefined;
  /** What an open run is stuck on; undefined: it is not. */
  incidentOf(runId: string): Incident | undefined;
  explainStep(namespace: string, runId: string, path: string): Promise<StepExplanation>;
  /** Bytes of a stored value of a run. */
  readValue(runId: string, value: StoredValue): Promise<Uint8Array>;

  listAgents(namespace: string): readonly AgentView[];
  getAgent(namespace: string, agentId: string): Promise<AgentView & { readonly events: readonly AgentEventRow[] }>;
  /** The whole list at once, then again whenever something changed (at most 4 times a second). */
  watchAgents(namespace: string, signal: AbortSignal): AsyncIterable<readonly AgentView[]>;
  /**
   * Drains, cordons, uncordons or disconnects instances. Throws AGENT_NOT_FOUND, with the nearest name, and INSTANCE_AMBIGUOUS.
   * A drain answers when it has begun.
   */
  operateAgents(request: OperateAgentsRequest): Promise<OperatedAgents>;
  /** Changes what operators say of an agent. Throws AGENT_NOT_FOUND and LIMIT. */
  labelAgent(request: LabelAgentRequest): Promise<LabelledAgent>;
  /** Schemas of a capability that no value is checked by, and why: `input: it is no object`. */
  uncheckedSchemas(capability: Capability): readonly string[];
  listCapabilities(namespace: string): readonly CapabilityView[];

  readonly schedules: SchedulePlane;

  /** Newest first. */
  listAudit(query: AuditQuery): Promise<readonly AuditRow[]>;
  /** A call was refused: it has an entry of the audit log when this resolves, unless there are too many or the store is in trouble. */
  noteRefusal(facts: AuditFacts, errorCode: string): Promise<void>;

  /** A new agent stream. The receiver is called by the transport. */
  openSession(peer: SessionPeer): SessionReceiver;

  /** Stores an upload of an agent for one of its attempts; the parts come in order. Verifies size and SHA-256. */
  uploadBlob(request: {
    readonly attemptId: string;
    readonly size: number;
    readonly sha256: Uint8Array;
    readonly parts: AsyncIterable<Uint8Array>;
  }): Promise<{ readonly blobId: string; readonly size: number }>;
  downloadBlob(attemptOrRunId: string, blobId: string): Promise<Uint8Array>;

  /** `undefined`: no such name. Names as in docs/protocol.md, "Health". */
  health(name: string): boolean | undefined;
  /** Calls `fn` whenever any health answer may have changed. */
  onHealthChange(fn: () => void): () => void;
  isReady(): boolean;

  /** Stops admitting, tells agents to come back later, waits for what is being committed. */
  stop(): Promise<void>;
}

export interface RetryRunRequest {
  readonly namespace: string;
  readonly runId: string;
  /** '' : none. */
  readonly requestId: string;
  readonly caller?: Caller;
}

export interface RerunRunRequest extends RetryRunRequest {
  readonly parameters: ParameterChange;
  /** With the newest version of the workflow instead of the same one. */
  readonly latest: boolean;
}

/** What becomes of the parameters of the earlier run. `bytes`: of a Value, an object. */
export type ParameterChange =
  | { readonly kind: 'keep' }
  | { readonly kind: 'merge'; readonly bytes: Uint8Array }
  | { readonly kind: 'replace'; readonly bytes: Uint8Array };

export type RetryRunsRequest = Omit<CancelRunsRequest, 'reason'>;

export interface SignalRunRequest {
  readonly namespace: string;
  readonly runId: string;
  readonly name: string;
  /** Bytes of a Value. */
  readonly payload: Uint8Array;
  /** '': none. */
  readonly requestId: string;
  /** Who sends it, for steps that take it from certain actors only. */
  readonly caller?: Caller;
}

export interface CancelRunsRequest {
  readonly namespace: string;
  readonly filter: RunFilter;
  /** Ids below this one; '': all. */
  readonly before: string;
  readonly reason: string;
  /** Counts only. */
  readonly dryRun: boolean;
  /** Of each change in the audit log. */
  readonly caller?: Caller;
  readonly signal: AbortSignal;
}

/** Answer when the run is over, or after `ms`, or when the signal aborts, with the run as it is then. */
export interface RunWait {
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** A portion of what a reader of the catalogue follows. */
export interface WorkflowChanges {
  readonly workflows: readonly RegisteredWorkflow[];
  /** All workflows have been told. */
  readonly isComplete: boolean;
}

export interface RegisteredWorkflow {
  readonly row: WorkflowRow;
  readonly definition: WorkflowDefinition;
  readonly created: boolean;
  readonly warnings: readonly Problem[];
}

export interface StartRunRequest {
  readonly namespace: string;
  readonly workflow: string;
  /** 0: the latest. */
  readonly version: number;
  /** Bytes of a Value: an object. */
  readonly parameters: Uint8Array;
  /** '' : none. */
  readonly requestId: string;
  readonly priority: Priority | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly caller?: Caller;
}

export interface StartedRun extends RunRow {
  /** True: an earlier call with this request id started it. */
  readonly isRepeat?: boolean;
}

export interface ListedRuns extends RunPage {
  readonly runs: readonly ListedRun[];
}

/** In the order of the starts; the newest ones. */
export interface ListedCalls {
  readonly calls: readonly ListedCall[];
  /** There may be older ones. */
  readonly isMore: boolean;
}

export interface ListedCall {
  /** The step whose handler called. */
  readonly path: string;
  /** Of the run. */
  readonly try: number;
  readonly key: string;
  readonly called: CalledCapability;
  readonly row: RunRow;
}

export interface ListedRun extends RunRow {
  /** Where it stands among those that wait; absent: it does not. */
  readonly queue?: QueuePlace;
}

/** A run with what is known of it now. `state` is a copy: it does not change under the reader. */
export interface RunView {
  readonly row: RunRow;
  readonly state: RunState;
  /** Latest progress by step path. */
  readonly progress: ReadonlyMap<string, { readonly fraction: number; readonly message: string }>;
  /** What attempts that go on have used, by path and number (`a#1`). */
  readonly usage: ReadonlyMap<string, Usage>;
  /** Why each step waits that could go on otherwise, by path. */
  readonly waits: ReadonlyMap<string, WaitReason>;
  /** When it will probably end, wall ms; undefined: nobody knows. */
  readonly estimatedEndAt: number | undefined;
  /** What a step, by its id, usually takes from ready to its end, ms; undefined: not known, or the run is over. */
  readonly usualMs: (stepId: string) => number | undefined;
  /** What it is stuck on; undefined: it is not. */
  readonly stuck: Incident | undefined;
  /** Where it stands among those that wait; absent: it does not. */
  readonly queue?: QueuePlace;
}

export type WatchedEvent =
  | { readonly kind: 'event'; readonly position: number; readonly event: RunEvent }
  | {
      readonly kind: 'live';
      readonly at: number;
      readonly path: string;
      readonly number: number;
      readonly live: LiveEvent;
    };

export type LiveEvent =
  | { readonly type: 'progress'; readonly fraction: number; readonly message: string }
  | {
      readonly type: 'log';
      readonly level: string;
      readonly message: string;
      readonly fields: Readonly<Record<string, string>>;
    }
  | { readonly type: 'checkpointStored'; readonly bytes: number };

export interface StepExplanation {
  readonly runId: string;
  readonly path: string;
  readonly status: string;
  readonly wait: StepWait;
  readonly explanation: Explanation;
}

export interface AgentView {
  readonly agentId: string;
  readonly status: AgentStatus;
  readonly instances: readonly InstanceView[];
  /** They win over what instances claim. */
  readonly operatorLabels: Labels;
}

export interface InstanceView {
  readonly instanceId: string;
  readonly agentId: string;
  readonly place: string;
  readonly status: AgentStatus;
  readonly slots: number;
  readonly slotsUsed: number;
  readonly load: number;
  /** Round trip of a frame; -1: not measured. */
  readonly rttMs: number;
  readonly sdk: { readonly name: string; readonly version: string; readonly language: string };
  readonly capabilities: readonly Capability[];
  /** What steps are matched with. */
  readonly labels: Labels;
  /** What it claims and an operator says otherwise. */
  readonly overriddenLabels: Labels;
  readonly attemptIds: readonly string[];
  readonly connectedAt: number;
  readonly lastSeenAt: number;
  /** A person types its frames. */
  readonly isManual: boolean;
  readonly refused: readonly RefusedCapability[];
  readonly cordon: Cordon | undefined;
}

export interface OperateAgentsRequest {
  readonly operation: Operation;
  readonly namespace: string;
  readonly agentId: string;
  /** Or its last 4 characters or more; '' : all that are there. */
  readonly instanceId: string;
  /** '' : none. */
  readonly reason: string;
  /** Of a drain: where the instances go then, as `host:port`. Absent or empty: they end. */
  readonly addresses?: readonly string[];
  readonly caller?: Caller;
}

export interface LabelledAgent {
  /** As it is now. */
  readonly agent: AgentView;
  /** It was not so before. */
  readonly changed: boolean;
}

export interface LabelAgentRequest extends LabelChange {
  readonly namespace: string;
  readonly agentId: string;
  /** '' : none. */
  readonly reason: string;
  readonly caller?: Caller;
}

export interface OperatedAgents {
  /** That were meant, as they are now. */
  readonly instances: readonly InstanceView[];
  /** Of those: for which it was not so before. */
  readonly changedIds: readonly string[];
}

export interface CapabilityView {
  readonly name: string;
  readonly versions: readonly string[];
  readonly description: string;
  readonly agentIds: readonly string[];
  readonly slots: number;
  readonly slotsFree: number;
  readonly waiting: number;
  readonly idempotent: boolean;
}
