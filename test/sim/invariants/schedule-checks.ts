/**
 * Schedules by what is durable: each tick starts one run at most, in the commit that says that it was handled; none is passed over
 * but what the policy allows; overlap and pauses are kept; and a new version of a workflow keeps the place of its schedule.
 */
import { isRunOver } from '../../../src/control-plane/engine/status.ts';
import type { MemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import type { Batch, RunRow, ScheduleRow, ScheduleSpec } from '../../../src/control-plane/store/port.ts';
import type { HostObserver } from '../control-plane-host.ts';
import type { Verdict } from '../failure.ts';

/** Of the product: a tick that is less late was not missed, and older ones than so many are gone. */
const ON_TIME_MS = 60_000;
const LOOKED_AT_MAX = 100;
/** Why a start may be refused here. */
const REFUSALS: ReadonlySet<string> = new Set(['CONCURRENCY_LIMIT', 'QUEUE_FULL']);

export class ScheduleChecks {
  /** Ticks by what became of them, and in how many commits others were passed over. */
  readonly counts = new Map<string, number>();
  private readonly data: () => MemoryData;
  private readonly verdict: Verdict;
  /** Wall ms. */
  private readonly now: () => number;
  private readonly everyMs = new Map<string, number>();
  /** As they were durable when the last batch had landed. */
  private readonly rows = new Map<string, ScheduleRow>();
  /** Runs by schedule and tick. */
  private readonly runs = new Map<string, string>();

  constructor(data: () => MemoryData, verdict: Verdict, now: () => number) {
    this.data = data;
    this.verdict = verdict;
    this.now = now;
  }

  /** It ticks at the whole multiples of `everyMs`. */
  know(name: string, everyMs: number): void {
    this.everyMs.set(name, everyMs);
  }

  /** The same observer, and these checks. */
  beside(observer: HostObserver): HostObserver {
    return {
      onCommit: (batch) => {
        this.takeRegistered();
        observer.onCommit(batch);
      },
      onLanded: (batch) => {
        observer.onLanded(batch);
        this.landed(batch);
      },
      onLeave: (call, response, bytes) => observer.onLeave(call, response, bytes),
      onStreamError: (call, error) => observer.onStreamError(call, error),
      onUp: () => observer.onUp(),
    };
  }

  /** All is well since `sinceMs`, and was so for a while: what was due before then has been handled. */
  checkHandled(sinceMs: number): void {
    for (const row of this.data().schedules.values()) {
      const due = Math.floor(sinceMs / this.everyOf(row)) * this.everyOf(row);
      this.verdict.check(
        row.isPaused || row.createdAt >= due || row.seenAt >= due,
        'no tick is forgotten',
        () => `${row.name} has seen ${clock(row.seenAt)}, and ${clock(due)} was due`,
      );
    }
  }

  /** Registrations write rows beside the batches. Nothing else of the same schedule is under way then. */
  private takeRegistered(): void {
    for (const row of this.data().schedules.values()) {
      const before = this.rows.get(row.name);
      if (row === before) continue;
      this.rows.set(row.name, row);
      this.verdict.check(row.isOfWorkflow, 'only a registration writes beside the batches', () => row.name);
      this.verdict.check(
        before === undefined || place(before) === place(row),
        'a new version keeps the place and the pause of its schedule',
        () => `${place(row)} instead of ${before === undefined ? '' : place(before)}`,
      );
    }
  }

  private landed(batch: Batch): void {
    const inserted = batch.runs.flatMap((change) => (change.type === 'insert' ? [change.row] : []));
    for (const run of inserted) this.checkRun(run, batch);
    for (const change of batch.schedules) {
      if (change.type !== 'put') continue;
      const before = this.rows.get(change.row.name);
      this.rows.set(change.row.name, change.row);
      if (before !== undefined) this.checkMove(before, change.row, inserted);
    }
  }

  /** A run that a tick has started. */
  private checkRun(run: RunRow, { schedules }: Batch): void {
    const { schedule = '', 'scheduled-at': time } = run.labels;
    if (time === undefined) return;
    const at = Date.parse(time);
    const known = this.runs.get(`${schedule} ${at}`);
    this.runs.set(`${schedule} ${at}`, run.runId);
    this.verdict.check(
      known === undefined,
      'a tick starts one run',
      () => `${schedule} at ${clock(at)} has started ${known} and ${run.runId}`,
    );
    const isStored = schedules.some(
      (change) => change.type === 'put' && change.row.name === schedule && change.row.seenAt === at,
    );
    this.verdict.check(
      isStored,
      'a run and the place of its schedule are one commit',
      () => `${run.runId} of ${schedule} at ${clock(at)} comes without it`,
    );
    const before = this.rows.get(schedule);
    if (before !== undefined) this.checkOverlap(before, run);
  }

  private checkOverlap({ name, spec, lastRunId }: ScheduleRow, run: RunRow): void {
    const last = lastRunId === undefined ? undefined : this.data().runs.get(lastRunId);
    if (last === undefined || spec.overlap === 'allow') return;
    const isRight = isRunOver(last.status) || (spec.overlap === 'cancelOther' && last.status === 'ENDING');
    this.verdict.check(
      isRight,
      'runs of a schedule overlap only where it says so',
      () => `${name} (${spec.overlap}) starts ${run.runId} while ${last.runId} is ${last.status}`,
    );
  }

  private checkMove(before: ScheduleRow, row: ScheduleRow, inserted: readonly RunRow[]): void {
    if (row.seenAt === before.seenAt) return;
    const { lastTick } = row;
    const isTick = lastTick !== undefined && lastTick.at === row.seenAt && row.seenAt > before.seenAt;
    const isResume = before.isPaused && !row.isPaused && row.seenAt > before.seenAt;
    this.verdict.check(
      isTick || isResume,
      'a schedule moves on by its ticks alone',
      () => `${row.name} goes from ${clock(before.seenAt)} to ${clock(row.seenAt)}`,
    );
    if (isTick && !isResume) this.checkTick(before, row, inserted);
  }

  private checkTick(before: ScheduleRow, row: ScheduleRow, inserted: readonly RunRow[]): void {
    const { name, lastTick, lastRunId, spec } = row;
    if (lastTick === undefined) return;
    const { at, outcome, errorCode } = lastTick;
    this.count(outcome);
    const tell = (): string => `${name} at ${clock(at)}: ${outcome} ${errorCode}`;
    this.verdict.check(at % this.everyOf(row) === 0 && at <= this.now(), 'a tick is one of its cron', tell);
    this.verdict.check(!before.isPaused, 'a paused schedule does nothing', tell);
    const isStarted = inserted.some(({ runId }) => runId === lastRunId);
    this.verdict.check((outcome === 'STARTED') === isStarted, 'a tick that says so has started a run', tell);
    if (outcome === 'SKIPPED')
      this.verdict.check(spec.overlap === 'skip' && lastRunId !== undefined, 'a tick is skipped for a run', tell);
    if (outcome === 'FAILED') this.verdict.check(REFUSALS.has(errorCode), 'a tick fails when it is refused', tell);
    if (outcome === 'MISSED')
      this.verdict.check(this.mayPassOver(spec, at, false), 'a tick is missed when it may be', tell);
    const every = this.everyOf(row);
    const ticks = Math.floor((this.now() - before.seenAt) / every);
    const first = (Math.floor(before.seenAt / every) + 1) * every;
    if (first < at) this.count('PASSED_OVER');
    for (let tick = first, left = ticks; tick < at; tick += every, left -= 1)
      this.verdict.check(
        left > LOOKED_AT_MAX || this.mayPassOver(spec, tick, true),
        'a tick is passed over when it may be',
        () => `${name} passes over ${clock(tick)} (${spec.catchUp} in ${spec.catchUpWindowMs} ms); ${tell()}`,
      );
  }

  /** `isFollowed`: a later one stands for it. */
  private mayPassOver({ catchUp, catchUpWindowMs }: ScheduleSpec, tick: number, isFollowed: boolean): boolean {
    const lateMs = this.now() - tick;
    if (lateMs < ON_TIME_MS) return false;
    return catchUp === 'none' || (catchUp === 'one' && isFollowed) || lateMs > catchUpWindowMs;
  }

  private count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  private everyOf({ name }: ScheduleRow): number {
    return this.everyMs.get(name) ?? 1;
  }
}

/** What a registration leaves alone. */
function place({ seenAt, isPaused, lastRunId, lastTick }: ScheduleRow): string {
  return JSON.stringify({ seenAt, isPaused, lastRunId, lastTick });
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}
