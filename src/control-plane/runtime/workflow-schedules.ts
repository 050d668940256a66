/**
 * The schedules that stand in definitions. Such a schedule has the name of its workflow, and follows its newest version.
 *
 * Invariants: 1. a version and what it makes of the schedule are written in one transaction; 2. the book has taken that in before
 * the next tick, or call, of this schedule is looked at.
 */
import type { Clock } from '../../core/clock.ts';
import { type Problem, YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { encodeValue } from '../../core/value.ts';
import type { ScheduleDefinition, WorkflowDefinition } from '../../workflow/definition.ts';
import { secretScopeOf } from '../../workflow/secrets.ts';
import type { ParameterChecks } from '../parameters/port.ts';
import {
  type AuditRow,
  type NewWorkflow,
  type ScheduleChange,
  type ScheduleKey,
  type ScheduleRow,
  type ScheduleSpec,
  type Store,
  StoreError,
  type WorkflowRow,
} from '../store/port.ts';
import type { ScheduleBook } from './schedule-book.ts';
import { changedRow } from './schedule-row.ts';
import { findSecretProblems, isWithin } from './secret-parameters.ts';

export interface WorkflowSchedulesOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly book: ScheduleBook;
  readonly checks: ParameterChecks;
}

interface StoredWorkflow {
  readonly row: WorkflowRow;
  readonly created: boolean;
}

const DAY_MS = 86_400_000;
/** The deletion of a schedule that cannot be there. */
const NOTHING: ScheduleChange = { type: 'delete', namespace: '', name: '' };

export class WorkflowSchedules {
  private readonly options: WorkflowSchedulesOptions;

  constructor(options: WorkflowSchedulesOptions) {
    this.options = options;
  }

  /** What stands in the way of the schedule of a definition whose schema of parameters can be used. */
  async check(namespace: string, definition: WorkflowDefinition): Promise<readonly Problem[]> {
    if (definition.schedule === undefined) return [];
    const found = this.obstacles({ namespace, name: definition.name });
    return [...found, ...(await this.checkParameters(definition, definition.schedule))];
  }

  /** Registers in the turn of the schedule: nothing else changes it meanwhile. */
  register(row: NewWorkflow, definition: WorkflowDefinition, audit: AuditRow | undefined): Promise<StoredWorkflow> {
    const { namespace, name } = row;
    return this.options.book.inTurn(row, async () => {
      const change = await this.changeOf({ namespace, name }, definition);
      const stored = await this.surely(row, audit, change);
      if (stored.created && change !== undefined) this.options.book.tookChange(change);
      return stored;
    });
  }

  /** An unclear write is made again when the store is mended: a version that has landed is there then, and is not written twice. */
  private async surely(
    row: NewWorkflow,
    audit: AuditRow | undefined,
    change: ScheduleChange | undefined,
  ): Promise<StoredWorkflow> {
    for (let wasUnclear = false; ; wasUnclear = true) {
      try {
        const stored = await this.options.store.putWorkflow(row, audit, change);
        const hasLanded = wasUnclear && stored.row.createdAt === row.createdAt;
        return hasLanded ? { ...stored, created: true } : stored;
      } catch (error) {
        if (!(error instanceof StoreError) || error.kind !== 'UNCLEAR') throw error;
        await this.options.book.write(NOTHING);
      }
    }
  }

  private async changeOf(key: ScheduleKey, definition: WorkflowDefinition): Promise<ScheduleChange | undefined> {
    const before = this.options.book.find(key);
    if (definition.schedule === undefined)
      return before?.isOfWorkflow === true ? { type: 'delete', ...key } : undefined;
    const problems = this.obstacles(key);
    if (problems.length > 0) throw refusal(definition.name, problems);
    return { type: 'put', row: await this.rowOf(key, definition.schedule, before) };
  }

  /** A pause lasts over new versions: somebody has made it. What a version says otherwise than the one before it counts. */
  private async rowOf(
    key: ScheduleKey,
    schedule: ScheduleDefinition,
    before: ScheduleRow | undefined,
  ): Promise<ScheduleRow> {
    const { clock, store } = this.options;
    const { paused = false } = schedule;
    const last = before === undefined ? undefined : await store.getWorkflow(key.namespace, key.name, 0);
    // Only checked definitions are stored.
    const known = last === undefined ? undefined : (JSON.parse(last.definition) as WorkflowDefinition).schedule;
    const isTold = known === undefined || paused !== (known.paused ?? false);
    const content = { ...key, spec: specOf(key.name, schedule), isOfWorkflow: true };
    return changedRow(before, { ...content, ...(isTold ? { isPaused: paused } : {}) }, clock.now());
  }

  /** A schedule that somebody has put under this name, or no room. */
  private obstacles(key: ScheduleKey): readonly Problem[] {
    const { book } = this.options;
    const before = book.find(key);
    const place = { pointer: 'schedule' };
    if (before === undefined) {
      if (book.size < limits.schedulesMax) return [];
      const message = `the schedule: there are ${limits.schedulesMax} schedules, and no more are allowed`;
      return [{ code: 'LIMIT', message, place, next: 'yardmaster schedules list' }];
    }
    if (before.isOfWorkflow) return [];
    const message = `the schedule would be called "${key.name}", and one of that name was put by hand`;
    const next = `yardmaster schedules delete ${key.name}, or put it under another name first`;
    return [{ code: 'SCHEDULE_TAKEN', message, place, next }];
  }

  private async checkParameters(
    definition: WorkflowDefinition,
    { parameters = {} }: ScheduleDefinition,
  ): Promise<readonly Problem[]> {
    const bytes = encodeValue(parameters);
    const schema = definition.parameters;
    const { problems } = schema === undefined ? { problems: [] } : await this.options.checks.check(schema, bytes);
    const secret = findSecretProblems({ secrets: secretScopeOf(definition) }, bytes);
    // What the schema says of the same place could show what stands there.
    const others = problems.filter((problem) => !secret.some((known) => isWithin(problem, known)));
    return [...others, ...secret].map(toScheduleProblem);
  }
}

function toScheduleProblem(problem: Problem): Problem {
  const pointer = `schedule.${problem.place?.pointer ?? 'parameters'}`;
  return { ...problem, message: `the schedule: ${problem.message}`, place: { ...problem.place, pointer } };
}

function specOf(workflow: string, schedule: ScheduleDefinition): ScheduleSpec {
  const { cron, timezone = 'UTC', parameters = {}, labels = {}, priority } = schedule;
  return {
    workflow,
    version: 0,
    cron,
    timezone,
    parameters,
    labels,
    ...(priority === undefined ? {} : { priority }),
    overlap: schedule.overlap ?? 'skip',
    catchUp: schedule.catchUp ?? 'one',
    catchUpWindowMs: schedule.catchUpWindowMs ?? DAY_MS,
  };
}

export function refusal(name: string, problems: readonly Problem[]): YardmasterError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new YardmasterError('WORKFLOW_INVALID', `Cannot register workflow "${name}": ${count}`, { problems });
}
