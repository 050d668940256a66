/** What would come of a definition: how it differs from the newest version, when its steps may run, and who could take them now. */
import type { Problem } from '../../core/errors.ts';
import { type Changes, compareWorkflows } from '../../workflow/changes.ts';
import { ticksAfter } from '../../workflow/cron.ts';
import type { AgentStepDefinition, ScheduleDefinition, WorkflowDefinition } from '../../workflow/definition.ts';
import { type CriticalPath, criticalPathOf, type PlannedStep, planWorkflow } from '../../workflow/plan.ts';
import { classKeyOf } from '../scheduler/class-key.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Candidate, StepClass } from '../scheduler/types.ts';
import type { Store, WorkflowRow } from '../store/port.ts';
import type { Catalogue } from './catalogue.ts';
import type { PastRuns } from './past-runs.ts';
import { NEXT_TICKS } from './schedule-plane.ts';
import { isAble } from './step-wait.ts';

export interface WorkflowPlan {
  readonly name: string;
  /** That it has, or would get. */
  readonly version: number;
  readonly isNew: boolean;
  /** 0: none. */
  readonly baseVersion: number;
  readonly changes: Changes | undefined;
  readonly steps: readonly StepPlan[];
  readonly waves: number;
  /** Undefined: no completed run is known. */
  readonly critical: CriticalPath | undefined;
  readonly usualMs: number | undefined;
  readonly pastRuns: number;
  readonly warnings: readonly Problem[];
  /** That it would have. */
  readonly schedule: ScheduleDefinition | undefined;
  /** Its next ticks, wall ms. */
  readonly scheduleTimes: readonly number[];
}

export interface StepPlan extends PlannedStep {
  readonly usualMs: number | undefined;
  /** Of agent steps only. */
  readonly fleet: StepFleet | undefined;
}

export interface StepFleet {
  readonly class: StepClass;
  /** Those that could take it first. */
  readonly candidates: readonly Candidate[];
  readonly able: number;
  readonly free: number;
}

export interface PlansOptions {
  readonly store: Pick<Store, 'getWorkflow'>;
  readonly catalogue: Catalogue;
  readonly scheduler: Scheduler;
  readonly past: PastRuns;
  readonly monotonic: () => number;
  readonly wall: () => number;
}

/** Versions that are compared by content, the newest first: an old one may come back. */
const VERSIONS_MAX = 100;
const CANDIDATES_MAX = 20;

export class Plans {
  private readonly options: PlansOptions;

  constructor(options: PlansOptions) {
    this.options = options;
  }

  /** Throws WORKFLOW_INVALID with every problem. */
  async plan(namespace: string, definition: WorkflowDefinition): Promise<WorkflowPlan> {
    const { catalogue, store, past } = this.options;
    const { name } = definition;
    const { row, warnings } = await catalogue.register(namespace, definition, true);
    const base = await store.getWorkflow(namespace, name, 0);
    const version = base === undefined ? undefined : await this.versionOf(base, row.hash);
    const known = past.of(namespace, name);
    const usual = (stepId: string): number | undefined => known?.steps.get(stepId)?.took.median();
    const { steps, waves } = planWorkflow(definition);
    const fleets = new Map<string, StepFleet>();
    return {
      name,
      version: version ?? (base?.version ?? 0) + 1,
      isNew: version === undefined,
      baseVersion: base?.version ?? 0,
      changes: base === undefined ? undefined : compareWorkflows(definitionOf(base), definition),
      steps: steps.map((planned) => ({
        ...planned,
        usualMs: usual(planned.step.id),
        fleet: planned.step.type === 'agent' ? this.fleetOf(namespace, planned.step, fleets) : undefined,
      })),
      waves,
      critical: known === undefined ? undefined : criticalPathOf(definition, usual),
      usualMs: known?.whole.median(),
      pastRuns: known?.whole.count ?? 0,
      warnings,
      schedule: definition.schedule,
      scheduleTimes: this.ticksOf(definition),
    };
  }

  private ticksOf({ schedule }: WorkflowDefinition): readonly number[] {
    if (schedule === undefined) return [];
    const { cron, timezone = 'UTC' } = schedule;
    return ticksAfter({ cron, timezone }, this.options.wall(), NEXT_TICKS);
  }

  /** The version that has this content; undefined: it would be a new one. */
  private async versionOf(base: WorkflowRow, hash: string): Promise<number | undefined> {
    const { namespace, name, version: newest } = base;
    for (let version = newest; version > Math.max(0, newest - VERSIONS_MAX); version--) {
      const row = version === newest ? base : await this.options.store.getWorkflow(namespace, name, version);
      if (row?.hash === hash) return version;
    }
    return undefined;
  }

  /** Steps that ask for the same have the same answer: a fleet is looked at once for each kind. */
  private fleetOf(namespace: string, step: AgentStepDefinition, known: Map<string, StepFleet>): StepFleet {
    const { action: capability, version: versionRange = '', agentId = '', agentLabels: labels = {} } = step;
    const stepClass = { namespace, capability, versionRange, agentId, labels };
    const key = classKeyOf(stepClass);
    const found = known.get(key);
    if (found !== undefined) return found;
    const all = this.options.scheduler.candidates(stepClass, [], this.options.monotonic());
    const fleet = {
      class: stepClass,
      // Those that do not even offer the action say nothing.
      candidates: all.filter(({ reason }) => reason !== 'capability' && reason !== 'agent').slice(0, CANDIDATES_MAX),
      able: all.filter(isAble).length,
      free: all.filter(({ reason }) => reason === 'free').length,
    };
    known.set(key, fleet);
    return fleet;
  }
}

function definitionOf({ definition }: WorkflowRow): WorkflowDefinition {
  // Only checked definitions are stored.
  return JSON.parse(definition) as WorkflowDefinition;
}
