/** What callers may do with schedules. Each change has its entry in the audit log, in the batch that makes it durable. */
import type { Clock } from '../../core/clock.ts';
import { isYardmasterError, type Problem, YardmasterError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import { nearest } from '../../core/nearest.ts';
import { encodeValue } from '../../core/value.ts';
import { CRON_NEXT, TIMEZONE_NEXT } from '../../workflow/check-schedule.ts';
import { findCronFault, findTimezoneFault, ticksAfter } from '../../workflow/cron.ts';
import type { AuditRow, Caller, ScheduleKey, ScheduleRow, ScheduleSpec, Store } from '../store/port.ts';
import type { AuditFacts, AuditLog } from './audit-log.ts';
import type { Catalogue } from './catalogue.ts';
import type { ScheduleBook } from './schedule-book.ts';
import {
  NEXT_TICKS,
  type PauseScheduleRequest,
  type PutScheduleRequest,
  type SchedulePlane,
  type ScheduleView,
  type TriggeredRun,
  type TriggerScheduleRequest,
} from './schedule-plane.ts';
import { changedRow, laterOf } from './schedule-row.ts';
import { startRequest } from './schedule-ticker.ts';
import type { Starts } from './starts.ts';

export interface SchedulesOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly catalogue: Catalogue;
  readonly starts: Starts;
  readonly book: ScheduleBook;
  /** Throws while nothing new is taken. */
  readonly admit: () => void;
}

export class Schedules implements SchedulePlane {
  private readonly options: SchedulesOptions;

  constructor(options: SchedulesOptions) {
    this.options = options;
  }

  async put(request: PutScheduleRequest): Promise<{ readonly view: ScheduleView; readonly created: boolean }> {
    this.options.admit();
    const { namespace, name, spec, isPaused, caller } = request;
    const problems = [...(request.problems ?? []), ...(await this.check(namespace, spec))];
    if (problems.length > 0) throw invalid(name, problems);
    return this.options.book.inTurn(request, async () => {
      const before = this.options.book.find(request);
      if (before === undefined && this.options.book.size >= limits.schedulesMax) throw tooMany(name);
      if (before !== undefined) mustNotBeOfWorkflow(before, 'put', 'change "schedule" in its definition');
      const content = { namespace, name, spec, isOfWorkflow: false, ...(isPaused === undefined ? {} : { isPaused }) };
      const row = changedRow(before, content, this.options.clock.now());
      const { cron, timezone } = spec;
      const audit = this.entry(caller, row, 'schedule.put', { cron, timezone });
      await this.options.book.write({ type: 'put', row }, audit);
      return { view: this.viewOf(row), created: before === undefined };
    });
  }

  async get(namespace: string, name: string): Promise<ScheduleView> {
    const row = this.find({ namespace, name });
    const view = this.viewOf(row);
    if (row.lastRunId === undefined) return view;
    const run = await this.options.store.getRun(namespace, row.lastRunId);
    return run === undefined ? view : { ...view, lastRunStatus: run.status };
  }

  list(namespace: string, after: string, limit: number): readonly ScheduleView[] {
    return this.options.book.list(namespace, after, limit).map((row) => this.viewOf(row));
  }

  delete(namespace: string, name: string, caller?: Caller): Promise<void> {
    this.options.admit();
    const key = { namespace, name };
    return this.options.book.inTurn(key, async () => {
      const row = this.find(key);
      mustNotBeOfWorkflow(row, 'delete', 'take "schedule" out of its definition');
      const audit = this.entry(caller, row, 'schedule.delete', {});
      await this.options.book.write({ type: 'delete', ...key }, audit);
    });
  }

  setPaused(request: PauseScheduleRequest): Promise<{ readonly view: ScheduleView; readonly isChanged: boolean }> {
    this.options.admit();
    const { isPaused, reason, caller } = request;
    return this.options.book.inTurn(request, async () => {
      const before = this.find(request);
      if (before.isPaused === isPaused) return { view: this.viewOf(before), isChanged: false };
      const now = this.options.clock.now();
      // The ticks of a pause were not missed.
      const row = { ...before, isPaused, updatedAt: now, seenAt: isPaused ? before.seenAt : laterOf(before, now) };
      const audit = this.entry(caller, row, isPaused ? 'schedule.pause' : 'schedule.resume', { reason });
      await this.options.book.write({ type: 'put', row }, audit);
      return { view: this.viewOf(row), isChanged: true };
    });
  }

  trigger(request: TriggerScheduleRequest): Promise<TriggeredRun> {
    this.options.admit();
    const { requestId, caller } = request;
    return this.options.book.inTurn(request, async () => {
      const row = this.find(request);
      const start = startRequest(row, { requestId, labels: {}, ...(caller === undefined ? {} : { caller }) });
      const entry = this.entry(caller, row, 'schedule.trigger', {});
      const started = await this.options.starts.start(start, {
        schedule: (lastRunId) => ({ type: 'put', row: { ...row, lastRunId } }),
        ...(entry === undefined
          ? {}
          : { audit: (run: string): AuditRow => ({ ...entry, requestId, details: { ...entry.details, run } }) }),
      });
      const { runId, version, isRepeat = false } = started;
      if (!isRepeat) this.options.book.took({ ...row, lastRunId: runId });
      return { runId, version, isRepeat };
    });
  }

  private find(key: ScheduleKey): ScheduleRow {
    const row = this.options.book.find(key);
    if (row === undefined) throw notFound(key.name, this.options.book.names(key.namespace));
    return row;
  }

  private viewOf(row: ScheduleRow): ScheduleView {
    // A tick that is being handled is not a next one.
    const after = Math.max(row.seenAt, this.options.clock.now());
    return { row, next: row.isPaused ? [] : ticksAfter(row.spec, after, NEXT_TICKS) };
  }

  private async check(namespace: string, spec: ScheduleSpec): Promise<readonly Problem[]> {
    const problems: Problem[] = [];
    const cron = findCronFault(spec.cron);
    const shown = JSON.stringify(spec.cron.slice(0, 64));
    if (cron !== undefined) problems.push(problem('BAD_CRON', 'cron', `cannot read ${shown}: ${cron}`, CRON_NEXT));
    const zone = findTimezoneFault(spec.timezone);
    if (zone !== undefined) problems.push(problem('UNKNOWN_TIMEZONE', 'timezone', zone, TIMEZONE_NEXT));
    const { length } = encodeValue(spec.parameters);
    if (length > limits.scheduleParametersBytesMax) {
      const fact = `they have ${length} bytes, at most ${limits.scheduleParametersBytesMax}`;
      problems.push(problem('PARAMETERS_INVALID', 'parameters', fact, 'pass a reference instead of the data'));
    }
    return [...problems, ...(await this.checkWorkflow(namespace, spec))];
  }

  private async checkWorkflow(namespace: string, { workflow, version }: ScheduleSpec): Promise<readonly Problem[]> {
    // What is no name was told already.
    if (!NAME_PATTERN.test(workflow)) return [];
    try {
      await this.options.catalogue.get(namespace, workflow, version);
      return [];
    } catch (error) {
      if (!isYardmasterError(error) || error.code !== 'WORKFLOW_NOT_FOUND') throw error;
      return [problem(error.code, version === 0 ? 'workflow' : 'version', error.message, error.next ?? '')];
    }
  }

  /** Nobody outside asked: no entry. */
  private entry(
    caller: Caller | undefined,
    { namespace, name, spec }: ScheduleRow,
    action: AuditFacts['action'],
    details: Readonly<Record<string, string>>,
  ): AuditRow | undefined {
    if (caller === undefined) return undefined;
    const { workflow, version } = spec;
    return this.options.audit.entry({
      namespace,
      caller,
      action,
      kind: 'SCHEDULE',
      subject: name,
      workflow,
      version,
      details,
    });
  }
}

/** `instead`: what changes it. */
function mustNotBeOfWorkflow({ name, isOfWorkflow }: ScheduleRow, what: string, instead: string): void {
  if (!isOfWorkflow) return;
  const fact = `it stands in the definition of workflow "${name}"`;
  throw new YardmasterError('SCHEDULE_OF_WORKFLOW', `Cannot ${what} schedule "${name}": ${fact}`, {
    next: `${instead} and register that; yardmaster schedules pause ${name} holds it`,
  });
}

function problem(code: string, pointer: string, message: string, next: string): Problem {
  return { code, message: `"${pointer}": ${message}`, place: { pointer }, ...(next === '' ? {} : { next }) };
}

function invalid(name: string, problems: readonly Problem[]): YardmasterError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new YardmasterError('SCHEDULE_INVALID', `Cannot put schedule "${name.slice(0, 64)}": ${count}`, { problems });
}

function tooMany(name: string): YardmasterError {
  const fact = `there are ${limits.schedulesMax} schedules, and no more are allowed`;
  return new YardmasterError('LIMIT', `Cannot put schedule "${name}": ${fact}`, { next: 'yardmaster schedules list' });
}

function notFound(name: string, names: readonly string[]): YardmasterError {
  const near = nearest(name, names);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  return new YardmasterError('SCHEDULE_NOT_FOUND', `Cannot find schedule "${name.slice(0, 64)}"${hint}`, {
    next: 'yardmaster schedules list',
  });
}
