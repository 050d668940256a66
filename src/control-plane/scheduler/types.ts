/**
 * What goes into the scheduler's index and what comes out. Pure data; times are milliseconds handed in by the caller.
 */
import type { Priority } from '../../workflow/definition.ts';

/** What a waiting step asks for. Two steps with the same class can be served by the same instances. */
export interface StepClass {
  readonly namespace: string;
  readonly capability: string;
  /** semver range; '' takes any version. */
  readonly versionRange: string;
  /** '' takes any agent. */
  readonly agentId: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ReadyStep {
  readonly runId: string;
  readonly path: string;
  /** Canonical key of the class (`classKeyOf`). */
  readonly classKey: string;
  readonly priority: Priority;
  /** Wall ms since when it waits. */
  readonly queuedAt: number;
  /** Instances to avoid while another can take it: the ones that just failed it. Usually absent. */
  readonly avoid?: readonly string[];
  /** Its concurrency key: so many attempts of the same one run at once. Absent: none. */
  readonly key?: StepKey;
}

export interface StepKey {
  readonly name: string;
  readonly limit: number;
}

export interface OfferedCapability {
  readonly name: string;
  /** semver; '' when the agent gave none. */
  readonly version: string;
  /** At most this many at once on the instance; 0: only the slots limit it. */
  readonly concurrency: number;
}

export interface InstanceOffer {
  readonly namespace: string;
  readonly instanceId: string;
  readonly agentId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly OfferedCapability[];
  readonly slots: number;
  /** False while draining, cordoned, suspect or unreachable: it keeps its attempts and gets no new ones. */
  readonly accepts: boolean;
  /** READY, DRAINING, SUSPECT, ...: shown by `explain`. */
  readonly state: string;
  /** 0..1 as reported. */
  readonly load: number;
}

export type SchedulerChange =
  | { readonly type: 'stepQueued'; readonly step: ReadyStep; readonly class: StepClass }
  | { readonly type: 'stepRemoved'; readonly runId: string; readonly path: string }
  /** All waiting steps of a run. */
  | { readonly type: 'runRemoved'; readonly runId: string }
  | { readonly type: 'instanceChanged'; readonly offer: InstanceOffer }
  | { readonly type: 'instanceGone'; readonly instanceId: string }
  /** An attempt that the index did not assign itself (found leased after a restart, or listed on return). */
  | ({ readonly type: 'slotTaken' } & SlotUse)
  | ({ readonly type: 'slotFreed' } & SlotUse)
  /** Keep `capability` ('' = all) away from the instance until `until` (monotonic ms). */
  | {
      readonly type: 'excluded';
      readonly instanceId: string;
      readonly capability: string;
      readonly until: number;
      readonly why: string;
    };

/** What an attempt takes of its instance, and of its concurrency key. */
export interface SlotUse {
  readonly instanceId: string;
  readonly capability: string;
  /** Absent: none. */
  readonly key?: string;
}

/** One decision: the slot is already debited in the index, the step already out of its queue. */
export interface Assignment {
  readonly step: ReadyStep;
  /** Its concurrency key; absent: none. */
  readonly key?: string;
  readonly capability: string;
  readonly capabilityVersion: string;
  readonly instanceId: string;
  readonly agentId: string;
}

export type CandidateReason =
  | 'free'
  | 'busy'
  | 'capability'
  | 'concurrency'
  | 'version'
  | 'agent'
  | 'label'
  | 'state'
  | 'excluded'
  | 'avoided';

export interface Candidate {
  readonly instanceId: string;
  readonly agentId: string;
  readonly reason: CandidateReason;
  /** For people: `2 of 2 slots`, `load@1.4.0`, `region=us`. */
  readonly detail: string;
}

export interface Explanation {
  readonly step: ReadyStep | undefined;
  readonly class: StepClass | undefined;
  /** Steps of the same class that go first; -1 when the step is not queued. */
  readonly ahead: number;
  /** Every instance, those that could take it first. */
  readonly candidates: readonly Candidate[];
  /** Its concurrency key has no room; absent: that is not why it waits. */
  readonly key?: Pick<KeyWait, 'name' | 'limit' | 'running'>;
}

/** A step whose concurrency key has no room. */
export interface KeyWait extends StepKey {
  readonly step: ReadyStep;
  readonly class: StepClass;
  readonly running: number;
  /** Steps of the key that go first. */
  readonly ahead: number;
}

/** A class in which steps wait, for metrics. */
export interface WaitingClass {
  readonly classKey: string;
  readonly class: StepClass;
  /** Steps that wait. */
  readonly waiting: number;
  /** Wall ms since when the longest waiting of them waits. */
  readonly oldestQueuedAt: number;
}
