/** Names of statuses as the API shows them. UNKNOWN: the server is newer than this client. */
import { ActorProof as WireActorProof } from '../gen/yardmaster/v1/actor_pb.ts';
import { AgentStatus as WireAgentStatus } from '../gen/yardmaster/v1/agent_pb.ts';
import {
  AuditOutcome as WireAuditOutcome,
  AuditSubjectKind as WireAuditSubjectKind,
} from '../gen/yardmaster/v1/audit_pb.ts';
import { RunStatus, StuckReason as WireStuckReason } from '../gen/yardmaster/v1/run_pb.ts';
import { CandidateReason as WireCandidateReason } from '../gen/yardmaster/v1/run_service_pb.ts';
import {
  ScheduleCatchUp as WireScheduleCatchUp,
  ScheduleOutcome as WireScheduleOutcome,
  ScheduleOverlap as WireScheduleOverlap,
} from '../gen/yardmaster/v1/schedule_pb.ts';
import {
  AttemptOutcome as WireAttemptOutcome,
  SkipReason as WireSkipReason,
  StepKind as WireStepKind,
  StepStatus as WireStepStatus,
  WaitReason as WireWaitReason,
} from '../gen/yardmaster/v1/step_state_pb.ts';

/** Where a run stands. */
export const WorkflowStatus = {
  QUEUED: 'QUEUED',
  RUNNING: 'RUNNING',
  ENDING: 'ENDING',
  COMPLETED: 'COMPLETED',
  FAILED: 'FAILED',
  CANCELLED: 'CANCELLED',
  TIMED_OUT: 'TIMED_OUT',
  UNKNOWN: 'UNKNOWN',
} as const;
export type WorkflowStatus = (typeof WorkflowStatus)[keyof typeof WorkflowStatus];

/** Where a step stands. */
export const StepStatus = {
  PENDING: 'PENDING',
  READY: 'READY',
  RUNNING: 'RUNNING',
  WAITING: 'WAITING',
  COMPLETED: 'COMPLETED',
  FAILED: 'FAILED',
  SKIPPED: 'SKIPPED',
  CANCELLED: 'CANCELLED',
  TIMED_OUT: 'TIMED_OUT',
  UNKNOWN: 'UNKNOWN',
} as const;
export type StepStatus = (typeof StepStatus)[keyof typeof StepStatus];

/** How an attempt ended; OPEN: it has not. */
export type AttemptOutcome = 'OPEN' | 'UNKNOWN' | Exclude<keyof typeof WireAttemptOutcome, 'UNSPECIFIED'>;
export type AgentStatus = 'UNKNOWN' | Exclude<keyof typeof WireAgentStatus, 'UNSPECIFIED'>;
export type StepKind = 'UNKNOWN' | Exclude<keyof typeof WireStepKind, 'UNSPECIFIED'>;
/** Why a step that could run does not; NONE: it does not wait. */
export type WaitReason = 'NONE' | 'UNKNOWN' | Exclude<keyof typeof WireWaitReason, 'UNSPECIFIED'>;
/** Why an open run does not go on. */
export type StuckReason = 'UNKNOWN' | Exclude<keyof typeof WireStuckReason, 'UNSPECIFIED'>;
export type SkipReason = 'NONE' | 'UNKNOWN' | Exclude<keyof typeof WireSkipReason, 'UNSPECIFIED'>;
/** How far the name of an actor can be trusted; NONE: there is no name. */
export type ActorProof = 'UNKNOWN' | Exclude<keyof typeof WireActorProof, 'UNSPECIFIED'>;
export type AuditSubjectKind = 'UNKNOWN' | Exclude<keyof typeof WireAuditSubjectKind, 'UNSPECIFIED'>;
export type AuditOutcome = 'UNKNOWN' | Exclude<keyof typeof WireAuditOutcome, 'UNSPECIFIED'>;
/** What a tick of a schedule does while the last run is open. */
export type ScheduleOverlap = 'UNKNOWN' | Exclude<keyof typeof WireScheduleOverlap, 'UNSPECIFIED'>;
/** Which missed ticks are made up for. */
export type ScheduleCatchUp = 'UNKNOWN' | Exclude<keyof typeof WireScheduleCatchUp, 'UNSPECIFIED'>;
/** What became of a tick. */
export type ScheduleOutcome = 'UNKNOWN' | Exclude<keyof typeof WireScheduleOutcome, 'UNSPECIFIED'>;
export type CandidateReason = 'UNKNOWN' | Exclude<keyof typeof WireCandidateReason, 'UNSPECIFIED'>;

/** The reader of an open wire enum: its names, `zero` for UNSPECIFIED, UNKNOWN for numbers that came later. */
function createReader<Name extends string, Zero extends string>(
  table: Readonly<Record<Name | 'UNSPECIFIED', number>>,
  zero: Zero,
): (value: number) => Exclude<Name, 'UNSPECIFIED'> | Zero | 'UNKNOWN' {
  type Read = Exclude<Name, 'UNSPECIFIED'> | Zero | 'UNKNOWN';
  const entries = Object.entries<number>(table);
  const names = new Map(entries.map(([name, value]) => [value, (name === 'UNSPECIFIED' ? zero : name) as Read]));
  return (value) => names.get(value) ?? 'UNKNOWN';
}

export const readRunStatus: (value: number) => WorkflowStatus = createReader(RunStatus, 'UNKNOWN');
export const readStepStatus: (value: number) => StepStatus = createReader(WireStepStatus, 'UNKNOWN');
export const readAttemptOutcome: (value: number) => AttemptOutcome = createReader(WireAttemptOutcome, 'OPEN');
export const readAgentStatus: (value: number) => AgentStatus = createReader(WireAgentStatus, 'UNKNOWN');
export const readStepKind: (value: number) => StepKind = createReader(WireStepKind, 'UNKNOWN');
export const readWaitReason: (value: number) => WaitReason = createReader(WireWaitReason, 'NONE');
export const readStuckReason: (value: number) => StuckReason = createReader(WireStuckReason, 'UNKNOWN');
export const readSkipReason: (value: number) => SkipReason = createReader(WireSkipReason, 'NONE');
export const readActorProof: (value: number) => ActorProof = createReader(WireActorProof, 'UNKNOWN');
export const readAuditSubjectKind: (value: number) => AuditSubjectKind = createReader(WireAuditSubjectKind, 'UNKNOWN');
export const readAuditOutcome: (value: number) => AuditOutcome = createReader(WireAuditOutcome, 'UNKNOWN');
export const readScheduleOverlap: (value: number) => ScheduleOverlap = createReader(WireScheduleOverlap, 'UNKNOWN');
export const readScheduleCatchUp: (value: number) => ScheduleCatchUp = createReader(WireScheduleCatchUp, 'UNKNOWN');
export const readScheduleOutcome: (value: number) => ScheduleOutcome = createReader(WireScheduleOutcome, 'UNKNOWN');
export const readCandidateReason: (value: number) => CandidateReason = createReader(WireCandidateReason, 'UNKNOWN');

const TERMINAL: ReadonlySet<string> = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']);

/** No run leaves these. */
export function isTerminalRun(status: WorkflowStatus): boolean {
  return TERMINAL.has(status);
}

export function isTerminalStep(status: StepStatus): boolean {
  return TERMINAL.has(status) || status === 'SKIPPED';
}

/** The wire number of a run status; undefined when there is no such name. */
export function runStatusNumber(name: string): RunStatus | undefined {
  return Object.entries(RunStatus).find(([key]) => key === name && key !== 'UNSPECIFIED')?.[1];
}
