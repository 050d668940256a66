/** What is done to runs that there are: one is cancelled, paused, resumed, signalled, tried or run again, or all that fit are. */
import type { Clock } from '../../core/clock.ts';
import { isYardmasterError } from '../../core/errors.ts';
import type { PauseRun, ResumeRun } from '../engine/commands.ts';
import type { AuditRow, Caller, RunQuery, RunRow } from '../store/port.ts';
import type { AuditFacts, AuditLog } from './audit-log.ts';
import { actOnRuns, type BulkProgress } from './bulk.ts';
import type {
  CancelRunsRequest,
  RerunRunRequest,
  RetryRunRequest,
  RetryRunsRequest,
  SignalRunRequest,
  StartedRun,
} from './control-plane.ts';
import type { Retries } from './retries.ts';
import type { RunFinder } from './run-finder.ts';
import type { RunViews } from './run-views.ts';
import type { Runs } from './runs.ts';
import type { Signals } from './signals.ts';

/** Of one run in a bulk retry: somebody else was there before, or somebody gave its request id to another start. */
const NOT_RETRIED: ReadonlySet<string> = new Set(['RUN_NOT_FOUND', 'RUN_NOT_RETRYABLE', 'REQUEST_ID_REUSED']);

export interface RunChangesOptions {
  readonly clock: Clock;
  readonly runs: Pick<Runs, 'ask'>;
  readonly retries: Retries;
  readonly signals: Signals;
  readonly audit: AuditLog;
  readonly finder: RunFinder;
  readonly views: Pick<RunViews, 'list'>;
  /** Throws while nothing new is taken. */
  readonly admit: () => void;
}

export class RunChanges {
  private readonly options: RunChangesOptions;

  constructor(options: RunChangesOptions) {
    this.options = options;
  }

  async cancel(
    namespace: string,
    runId: string,
    reason: string,
    caller?: Caller,
  ): Promise<{ readonly alreadyEnding: boolean }> {
    this.options.admit();
    const row = await this.options.finder.find(namespace, runId);
    const audit = this.entryOfRun(caller, row, 'run.cancel', { reason });
    const answer = await this.options.runs.ask(row.runId, { type: 'CancelRun', reason }, audit);
    return { alreadyEnding: answer.type === 'cancel' && answer.already };
  }

  async pause(
    namespace: string,
    runId: string,
    reason: string,
    caller?: Caller,
  ): Promise<{ readonly isAccepted: boolean }> {
    return this.changePause(namespace, runId, { type: 'PauseRun', reason }, (row) =>
      this.entryOfRun(caller, row, 'run.pause', { reason }),
    );
  }

  async resume(namespace: string, runId: string, caller?: Caller): Promise<{ readonly isAccepted: boolean }> {
    return this.changePause(namespace, runId, { type: 'ResumeRun' }, (row) =>
      this.entryOfRun(caller, row, 'run.resume', {}),
    );
  }

  async signal(request: SignalRunRequest): Promise<{ readonly isRepeat: boolean }> {
    this.options.admit();
    const row = await this.options.finder.find(request.namespace, request.runId);
    const { caller, name: signal, requestId } = request;
    const audit = this.entryOfRun(caller, row, 'run.signal', { signal });
    return this.options.signals.send(row, request, audit === undefined ? undefined : { ...audit, requestId });
  }

  cancelAll({ reason, dryRun, caller, ...request }: CancelRunsRequest): AsyncIterable<BulkProgress> {
    const act = (row: RunRow): Promise<boolean> => this.cancelOnce(row, reason, caller);
    return this.act(request, dryRun ? undefined : act);
  }

  async retry({ namespace, runId, requestId, caller }: RetryRunRequest): Promise<StartedRun> {
    this.options.admit();
    return this.options.retries.retry(await this.options.finder.find(namespace, runId), { requestId, caller });
  }

  async rerun({ namespace, runId, ...request }: RerunRunRequest): Promise<StartedRun> {
    this.options.admit();
    return this.options.retries.rerun(await this.options.finder.find(namespace, runId), {
      caller: undefined,
      ...request,
    });
  }

  retryAll({ dryRun, caller, ...request }: RetryRunsRequest): AsyncIterable<BulkProgress> {
    const act = (row: RunRow): Promise<boolean> => this.retryOnce(row, caller);
    return this.act(request, dryRun ? undefined : act);
  }

  private act(
    request: Pick<CancelRunsRequest, 'namespace' | 'filter' | 'before' | 'signal'>,
    act: ((row: RunRow) => Promise<boolean>) | undefined,
  ): AsyncIterable<BulkProgress> {
    const list = { listRuns: (query: RunQuery) => this.options.views.list(query) };
    return actOnRuns({ ...request, store: list, clock: this.options.clock, act });
  }

  /** False: its end was decided before, or it is gone. */
  private async cancelOnce(row: RunRow, reason: string, caller: Caller | undefined): Promise<boolean> {
    this.options.admit();
    try {
      const audit = this.entryOfRun(caller, row, 'run.cancel', { reason });
      const answer = await this.options.runs.ask(row.runId, { type: 'CancelRun', reason, onlyFirst: true }, audit);
      return answer.type === 'cancel' && !answer.already;
    } catch (error) {
      // It ended and its retention was over since the page was read.
      if (isYardmasterError(error) && error.code === 'RUN_NOT_FOUND') return false;
      throw error;
    }
  }

  /** The request id is made from the run, so that a call that is repeated starts nothing twice. False: it was started before, or it is gone. */
  private async retryOnce(row: RunRow, caller: Caller | undefined): Promise<boolean> {
    this.options.admit();
    try {
      const started = await this.options.retries.retry(row, { requestId: `retry:${row.runId}`, caller });
      return started.isRepeat !== true;
    } catch (error) {
      if (isYardmasterError(error) && NOT_RETRIED.has(error.code)) return false;
      throw error;
    }
  }

  private async changePause(
    namespace: string,
    runId: string,
    command: PauseRun | ResumeRun,
    entryOf: (row: RunRow) => AuditRow | undefined,
  ): Promise<{ readonly isAccepted: boolean }> {
    this.options.admit();
    const row = await this.options.finder.find(namespace, runId);
    const answer = await this.options.runs.ask(row.runId, command, entryOf(row));
    return { isAccepted: answer.type === 'pause' && answer.isAccepted };
  }

  private entryOfRun(
    caller: Caller | undefined,
    { namespace, runId, workflow, version }: RunRow,
    action: AuditFacts['action'],
    details: Readonly<Record<string, string>>,
  ): AuditRow | undefined {
    return this.options.audit.entryOf(caller, {
      namespace,
      action,
      kind: 'RUN',
      subject: runId,
      workflow,
      version,
      details,
    });
  }
}
