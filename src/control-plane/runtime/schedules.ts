/** What callers may do with schedules. Each change has its entry in the audit log, in the batch that makes it durable. */
import type { Clock } from '../../core/clock.ts';
import { isYardmasterError, type Problem, YardmasterError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import { nearest } from '../../core/nearest.ts';
import { encodeValue } from '../../core/value.ts';
import type { AuditRow, Caller, ScheduleKey, ScheduleRow, ScheduleSpec, Store } from '../store/port.ts';
import type { AuditFacts, AuditLog } from './audit-log.ts';
import type { Catalogue } from './catalogue.ts';
import { findCronFault, findTimezoneFault, ticksAfter } from './cron.ts';
import type { ScheduleBook } from './schedule-book.ts';
import type {
  PauseScheduleRequest,
  PutScheduleRequest,
  SchedulePlane,
  ScheduleView,
  TriggeredRun,
  TriggerScheduleRequest,
} from './schedule-plane.ts';
import { startRequest } from './schedule-ticker.ts';
import type { Starts } from './starts.ts';

const NEXT_TICKS = 3;

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
      const now = this.options.clock.now();
      const row = {
        ...changedRow(before, { namespace, name, spec }, now),
        isPaused: isPaused ?? before?.isPaused ?? false,
      };
      const seenAt = before?.isPaused === true && !row.isPaused ? now : row.seenAt;
      const { cron, timezone } = spec;
      const audit = this.entry(caller, row, 'schedule.put', { cron, timezone });
      await this.options.book.write({ type: 'put', row: { ...row, seenAt } }, audit);
      return { view: this.viewOf({ ...row, seenAt }), created: before === undefined };
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
      const audit = this.entry(caller, this.find(key), 'schedule.delete', {});
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
      const row = { ...before, isPaused, updatedAt: now, seenAt: isPaused ? before.seenAt : now };
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
    const cron = findCronFault(spec.cron, this.options.clock.now());
    if (cron !== undefined) {
      const next = 'write it as "0 2 * * *": minute, hour, day of month, month, day of week';
      problems.push(
        problem('BAD_CRON', 'cron', `cannot read ${JSON.stringify(spec.cron.slice(0, 64))}: ${cron}`, next),
      );
    }
    const zone = findTimezoneFault(spec.timezone);
    if (zone !== undefined)
      problems.push(problem('UNKNOWN_TIMEZONE', 'timezone', zone, 'give an IANA name, such as Europe/Berlin'));
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

/** Times that are changed tick from now on: what the old ones missed is of no use. */
function changedRow(
  before: ScheduleRow | undefined,
  { namespace, name, spec }: ScheduleKey & { readonly spec: ScheduleSpec },
  now: number,
): ScheduleRow {
  if (before === undefined)
    return { namespace, name, spec, isPaused: false, createdAt: now, updatedAt: now, seenAt: now };
  const isSame = before.spec.cron === spec.cron && before.spec.timezone === spec.timezone;
  return { ...before, spec, updatedAt: now, seenAt: isSame ? before.seenAt : now };
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
