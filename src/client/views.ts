/** What the client hands out: plain, read-only data with Dates and names instead of wire forms. */
import type { Problem } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type {
  ActorProof,
  AgentStatus,
  AttemptOutcome,
  AuditOutcome,
  AuditSubjectKind,
  CandidateReason,
  ScheduleCatchUp,
  ScheduleOutcome,
  ScheduleOverlap,
  SkipReason,
  StepKind,
  StepStatus,
  StuckReason,
  WaitReason,
  WorkflowStatus,
} from './statuses.ts';

/** Why a run, a step or an attempt did not complete. */
export interface RunFailure {
  readonly code: string;
  readonly message: string;
  readonly details: JsonValue | undefined;
  /** The step that it comes from; undefined: the run itself. */
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly agent: string | undefined;
  readonly instance: string | undefined;
}

/** A value, or where it is stored when it is too large to travel along. */
export type PayloadView =
  | { readonly kind: 'none' }
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'blob'; readonly blobId: string; readonly size: number };

export interface RunView {
  readonly runId: string;
  readonly workflow: string;
  readonly version: number;
  readonly status: WorkflowStatus;
  /** How it will end, once that is decided. */
  readonly outcome: WorkflowStatus | undefined;
  readonly priority: string;
  readonly parameters: PayloadView;
  readonly output: PayloadView;
  readonly error: RunFailure | undefined;
  readonly cleanupErrors: readonly RunFailure[];
  /** In the order of the definition; empty in lists. */
  readonly steps: readonly StepView[];
  readonly createTime: Date;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  /** Since when nothing new starts; undefined: it is not paused. */
  readonly pauseTime: Date | undefined;
  /** Where it stands among the runs of its workflow that wait, from 1; undefined: it does not wait. */
  readonly queuePosition: number | undefined;
  /** Of the run, from 1; 0 in lists. */
  readonly tryNumber: number;
  /** The ended run that it is another try of. */
  readonly retryOf: string | undefined;
  /** The run whose parameters it was started with, changed or not. */
  readonly rerunOf: string | undefined;
  /** The run and the step that it is the child run of. */
  readonly parentRunId: string | undefined;
  readonly parentStep: string | undefined;
  /** What handlers of its steps asked of other agents, in the order of the starts, as of when the run was read; the newest 100. None in lists. */
  readonly calls: readonly RunCallView[];
  readonly hasOlderCalls: boolean;
  /** Signals that no step has taken; 0 in lists. */
  readonly unconsumedSignals: number;
  readonly requestId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Agent steps that have ended, and all of them; a loop or a map counts as one. */
  readonly completedSteps: number;
  readonly totalSteps: number;
  /** From 0 to 1. */
  readonly progress: number;
  /** When it will probably end, by what completed runs took; undefined: nobody knows, or it is over. */
  readonly estimatedCompletion: Date | undefined;
  /** What an open run is stuck on; undefined: it is not. */
  readonly stuck: StuckView | undefined;
  /** Position of the last event that this view knows. */
  readonly position: number;
}

export interface StepView {
  readonly path: string;
  readonly stepId: string;
  readonly kind: StepKind;
  readonly status: StepStatus;
  readonly waitReason: WaitReason;
  readonly input: PayloadView;
  readonly output: PayloadView;
  readonly error: RunFailure | undefined;
  readonly attempts: readonly AttemptView[];
  readonly readyTime: Date | undefined;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  readonly progress: number;
  readonly progressMessage: string;
  readonly cleanup: boolean;
  readonly dueTime: Date | undefined;
  /** While it waits for its next try: which one that is, from 2, and how many it has in all. */
  readonly nextTry: { readonly number: number; readonly of: number } | undefined;
  /** What a WAITING signal step waits for. */
  readonly signal: SignalWaitView | undefined;
  readonly skipReason: SkipReason;
  readonly skippedBecauseOf: string | undefined;
  /** It was taken over from the run that this one is another try of; its attempts are there. */
  readonly takenOver: boolean;
  /** Iterations that started; of loops. */
  readonly iterations: number;
  /** What became of its items; of a map that started. Those that run are among the steps of the run, at most ten. */
  readonly items: ItemCountsView | undefined;
  /** Of a workflow step that has one. */
  readonly child: ChildRunView | undefined;
  /** Milliseconds that it took in the middle of the last completed runs, from ready to its end; undefined: none is known. */
  readonly usualMs: number | undefined;
  /** Path of the step that it is the fallback of. */
  readonly fallbackOf: string | undefined;
  /** Path of the step that it undoes. */
  readonly compensates: string | undefined;
  /** It failed with `error`, and its fallback works for it or, when it is COMPLETED, did its work. */
  readonly usedFallback: boolean;
}

export interface ItemCountsView {
  readonly total: number;
  /** Ended ones included. */
  readonly started: number;
  /** However they ended. */
  readonly ended: number;
  readonly failed: number;
}

/** A call of a handler: a child run of one step. */
export interface RunCallView {
  /** The step whose handler called. */
  readonly step: string;
  /** Of the run. */
  readonly tryNumber: number;
  /** What the handler named it. */
  readonly key: string;
  readonly runId: string;
  readonly capability: string;
  /** Undefined: any. */
  readonly agent: string | undefined;
  /** A semver range. Undefined: any. */
  readonly version: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: RunView['status'];
  readonly failureCode: string | undefined;
  readonly createTime: Date;
  readonly endTime: Date | undefined;
}

export interface ChildRunView {
  readonly runId: string;
  readonly workflow: string;
  readonly version: number;
}

/** Why a run does not go on as it should. */
export interface StuckView {
  readonly reason: StuckReason;
  /** Undefined: the run itself. */
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly since: Date | undefined;
  readonly message: string;
  /** A command or an edit that mends it or looks further. */
  readonly next: string;
}

export interface SignalWaitView {
  readonly name: string;
  /** What somebody is asked; '': nothing. */
  readonly title: string;
  /** Actors that may send it; empty: anybody. */
  readonly answerers: readonly string[];
  /** JSON Schema of what is sent; undefined: anything. */
  readonly form: JsonObject | undefined;
}

export interface AttemptView {
  readonly number: number;
  readonly tryNumber: number;
  readonly agent: string;
  readonly instance: string;
  readonly outcome: AttemptOutcome;
  readonly error: RunFailure | undefined;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  /** True when it went on from a checkpoint of an earlier attempt. */
  readonly resumed: boolean;
  /** What it has used, by name, such as `tokens`; absent: nothing is known. */
  readonly usage?: Readonly<Record<string, number>>;
}

export interface AgentView {
  readonly agentId: string;
  /** The same, in the seed's word. */
  readonly id: string;
  /** The title that it was registered with in this process; otherwise its id. */
  readonly name: string;
  readonly status: AgentStatus;
  readonly instances: readonly InstanceView[];
  /** Given by `labelAgent`: they win over what instances claim. */
  readonly operatorLabels: Readonly<Record<string, string>>;
  /** The last transitions, newest last; empty in lists. */
  readonly events: readonly AgentEventView[];
}

export interface InstanceView {
  readonly instanceId: string;
  readonly place: string;
  readonly status: AgentStatus;
  readonly slots: number;
  readonly slotsUsed: number;
  readonly load: number;
  readonly rttMs: number | undefined;
  readonly sdk: { readonly name: string; readonly version: string; readonly language: string };
  readonly capabilities: readonly CapabilityView[];
  readonly attemptIds: readonly string[];
  readonly connectTime: Date | undefined;
  readonly lastSeenTime: Date | undefined;
  /** What steps are matched with. */
  readonly labels: Readonly<Record<string, string>>;
  /** What it claims and an operator says otherwise. */
  readonly overriddenLabels: Readonly<Record<string, string>>;
  /** A person types its frames. */
  readonly isManual: boolean;
  /** What it offers and what cannot be used. */
  readonly refusedCapabilities: readonly RefusedCapabilityView[];
  /** Undefined: no operator keeps new work away from it. */
  readonly cordon: CordonView | undefined;
}

/** A capability that gets no work, because its version or a schema of it is wrong. */
export interface RefusedCapabilityView {
  readonly name: string;
  readonly version: string;
  readonly reason: string;
}

/** An operator keeps new work away from an instance. */
export interface CordonView {
  readonly actor: string;
  readonly time: Date | undefined;
  /** '' : none was given. */
  readonly reason: string;
  /** It is sent away as soon as it holds no attempt. */
  readonly drain: boolean;
  /** Where it is sent then, as `host:port`; empty: nowhere, it ends. */
  readonly addresses: readonly string[];
}

export interface AgentEventView {
  readonly time: Date | undefined;
  readonly instanceId: string;
  readonly kind: string;
  readonly message: string;
}

export interface CapabilityView {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly idempotent: boolean;
  /** Of the capability itself; those of its instance hold, too. */
  readonly labels: Readonly<Record<string, string>>;
  readonly inputSchema: JsonObject | undefined;
  readonly outputSchema: JsonObject | undefined;
}

export interface CapabilityOfferView {
  readonly capability: CapabilityView;
  readonly agentIds: readonly string[];
  readonly instances: number;
  readonly readyInstances: number;
  readonly clash: boolean;
  /** Of a clash: the schemas that differ from those of `capability`, and by whom. */
  readonly clashing: readonly ClashingSchemasView[];
  /** Schemas of `capability` that the control plane checks no value by, and why: `input: properties.id.pattern: ...`. */
  readonly unchecked: readonly string[];
}

export interface ClashingSchemasView {
  readonly inputSchema: JsonObject | undefined;
  readonly outputSchema: JsonObject | undefined;
  readonly agentIds: readonly string[];
  readonly instances: number;
  /** By place: `input.properties.rows.type: "integer", here "string"`. */
  readonly differences: readonly string[];
}

export interface WorkflowView {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly version: number;
  readonly hash: string;
  /** JSON Schema of its parameters. */
  readonly parameters: JsonObject | undefined;
  /** Undefined: it has none of its own. */
  readonly schedule: WorkflowScheduleView | undefined;
  /** Blocks and agent steps, children included, in order. */
  readonly steps: readonly WorkflowStepView[];
  readonly createTime: Date | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** When its runs start, as its definition says. How its schedule stands, `schedules` says under its name. */
export interface WorkflowScheduleView {
  readonly cron: string;
  readonly timezone: string;
  readonly parameters: JsonObject;
  /** How it begins. */
  readonly paused: boolean;
}

export interface WorkflowStepView {
  readonly id: string;
  readonly kind: StepKind;
  /** 0 at the top. */
  readonly depth: number;
  readonly dependencies: readonly string[];
  /** Of agent steps only. */
  readonly action: string | undefined;
  readonly agentId: string | undefined;
  readonly cleanup: boolean;
  /** What it is of the step above it with a smaller depth; undefined: a step of its own. */
  readonly attached: 'fallback' | 'compensate' | undefined;
}

export interface RegisteredWorkflow {
  readonly workflow: WorkflowView;
  /** False when this content was registered already. */
  readonly created: boolean;
  readonly warnings: readonly Problem[];
}

/** A call that changed something, or was refused the change. */
export interface AuditEntryView {
  readonly entryId: string;
  readonly time: Date | undefined;
  readonly actor: ActorView;
  /** Such as `run.start`. */
  readonly action: string;
  readonly subject: { readonly kind: AuditSubjectKind; readonly name: string };
  readonly namespace: string;
  /** What the subject is or belongs to. */
  readonly workflow: string | undefined;
  readonly version: number | undefined;
  readonly requestId: string;
  readonly outcome: AuditOutcome;
  readonly errorCode: string | undefined;
  readonly details: Readonly<Record<string, string>>;
}

/** Who made a call, as far as the control plane knows. */
export interface ActorView {
  /** `anonymous`: the caller gave none. */
  readonly name: string;
  readonly proof: ActorProof;
  readonly userAgent: string;
  readonly address: string;
}

/** Why a step does not run, instance by instance. */
export interface StepExplanation {
  readonly path: string;
  readonly status: StepStatus;
  readonly waitReason: WaitReason;
  readonly action: string;
  readonly version: string;
  readonly agentId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly waitingSince: Date | undefined;
  readonly candidates: readonly CandidateView[];
  readonly summary: string;
  readonly ahead: number;
  /** What a WAITING signal step waits for. */
  readonly signal: SignalWaitView | undefined;
  /** When the wait ends by itself at the latest; undefined: never. */
  readonly dueTime: Date | undefined;
  /** A command or an edit that mends it or looks further. */
  readonly next: string;
}

export interface CandidateView {
  readonly agentId: string;
  readonly instanceId: string;
  readonly reason: CandidateReason;
  readonly text: string;
  readonly firstChoice: boolean;
}

/** What is started when, and what became of it. */
export interface ScheduleView {
  readonly name: string;
  readonly workflow: string;
  /** Undefined: the newest at the time of the tick. */
  readonly version: number | undefined;
  readonly cron: string;
  readonly timezone: string;
  readonly parameters: JsonObject;
  /** Besides `schedule` and `scheduled-at`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined: that of the workflow. */
  readonly priority: string | undefined;
  readonly overlap: ScheduleOverlap;
  readonly catchUp: ScheduleCatchUp;
  readonly catchUpWindowMs: number;
  readonly paused: boolean;
  /** It stands in the definition of its workflow, which has its name: another version changes or deletes it. */
  readonly ofWorkflow: boolean;
  readonly createTime: Date | undefined;
  readonly updateTime: Date | undefined;
  /** Three; none while paused. */
  readonly nextTimes: readonly Date[];
  /** Undefined: none yet. */
  readonly lastTick:
    | { readonly time: Date | undefined; readonly outcome: ScheduleOutcome; readonly errorCode: string | undefined }
    | undefined;
  /** Started by a tick or by hand; undefined: none. */
  readonly lastRunId: string | undefined;
  /** Undefined: not kept any more, or not told (in lists). */
  readonly lastRunStatus: WorkflowStatus | undefined;
}

/** What would come of a definition if it were registered and started now. */
export interface WorkflowPlanView {
  readonly name: string;
  /** That it has, or would get. */
  readonly version: number;
  /** True when it would be a new version. */
  readonly created: boolean;
  /** The newest version now; undefined: there is none. */
  readonly baseVersion: number | undefined;
  /** Against the newest version; undefined: there is none. */
  readonly changes: WorkflowChangesView | undefined;
  /** In the order of the definition, blocks before what is in them. */
  readonly steps: readonly PlannedStepView[];
  readonly waves: number;
  /** The steps that decide how long a run takes; empty: no completed run is known. */
  readonly criticalPath: readonly string[];
  readonly criticalMs: number | undefined;
  /** Of a whole run. */
  readonly usualMs: number | undefined;
  /** Completed runs that the durations rest on. */
  readonly pastRuns: number;
  readonly warnings: readonly Problem[];
  /** That it would have; undefined: none. */
  readonly schedule: WorkflowScheduleView | undefined;
  /** The next three ticks of it, as if it were not paused. */
  readonly scheduleTimes: readonly Date[];
}

export interface WorkflowChangesView {
  readonly addedSteps: readonly string[];
  readonly removedSteps: readonly string[];
  readonly changedSteps: readonly string[];
  readonly changedFields: readonly string[];
}

export interface PlannedStepView {
  readonly stepId: string;
  readonly kind: StepKind;
  /** 0 at the top. */
  readonly depth: number;
  /** From 1. Steps of one wave may run beside each other. */
  readonly wave: number;
  readonly cleanup: boolean;
  /** '' for steps that no agent has. */
  readonly action: string;
  readonly candidates: readonly CandidateView[];
  /** Instances that offer it as it is asked for, and those of them that have room now. */
  readonly able: number;
  readonly free: number;
  readonly usualMs: number | undefined;
}
