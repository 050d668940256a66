/**
 * New runs that are made from an earlier one: another try, which goes on where it ended (`retry`), and the same again from the
 * beginning (`rerun`). The earlier run is not changed.
 */
import { YardmasterError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import { decodeValue, encodeValue } from '../../core/value.ts';
import type { RunState } from '../engine/state.ts';
import { RETRYABLE_STATUSES, type RunStatus } from '../engine/status.ts';
import { takeOver } from '../engine/take-over.ts';
import type { AuditRow, Caller, RunRow } from '../store/port.ts';
import type { AuditFacts, AuditLog } from './audit-log.ts';
import type { Blobs } from './blobs.ts';
import type { ParameterChange, StartedRun } from './control-plane.ts';
import type { Retention } from './retention.ts';
import type { Runs } from './runs.ts';
import { checkParameters, type Prepared, type Starts, type StartsOptions, toStored } from './starts.ts';

export interface RetriesOptions extends Pick<StartsOptions, 'latest'> {
  readonly runs: Pick<Runs, 'inspect'>;
  readonly starts: Pick<Starts, 'once' | 'fit'>;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly retention: Pick<Retention, 'whileKept'>;
  readonly audit: Pick<AuditLog, 'entry'>;
}

interface Request {
  /** '' : none. */
  readonly requestId: string;
  readonly caller: Caller | undefined;
}

const NOTHING = new Uint8Array(0);

export class Retries {
  private readonly options: RetriesOptions;

  constructor(options: RetriesOptions) {
    this.options = options;
  }

  /** Throws RUN_NOT_RETRYABLE for a run that is open or COMPLETED. */
  retry(row: RunRow, { requestId, caller }: Request): Promise<StartedRun> {
    const { runId, namespace } = row;
    const prepare = async (): Promise<Prepared> => {
      const { status, workflow, params, steps } = await this.look(row, (state) => ({
        status: state.status,
        workflow: state.workflow,
        params: state.params,
        steps: isRetryable(state.status) ? takeOver(state) : [],
      }));
      // Only now is what was seen known to be durable.
      if (!isRetryable(status)) throw notRetryable(runId, status);
      const retry = { of: runId, steps };
      return { workflow, params, attachment: undefined, ...this.common(row, 'run.retry', caller, requestId), retry };
    };
    const start = { what: `retry run "${runId}"`, namespace, requestId, caller, prepare };
    // What is taken over must still be there when the new run is stored.
    return this.options.retention.whileKept(() =>
      this.options.starts.once({ ...start, input: { head: `retry ${runId}`, bytes: NOTHING } }),
    );
  }

  /** `latest`: with the newest version of the workflow instead of the same one. */
  rerun(
    row: RunRow,
    {
      requestId,
      caller,
      parameters,
      latest,
    }: Request & { readonly parameters: ParameterChange; readonly latest: boolean },
  ): Promise<StartedRun> {
    const { runId, namespace } = row;
    const what = `rerun run "${runId}"`;
    const prepare = async (): Promise<Prepared> => {
      const old = await this.look(row, ({ workflow, params }) => ({ workflow, params }));
      const bytes = changed(await this.options.blobs.read(runId, old.params), parameters);
      checkParameters(what, bytes);
      const workflow = latest ? await this.options.latest(namespace, row.workflow, 0) : old.workflow;
      const fitting = await this.options.starts.fit(what, workflow, bytes);
      const common = this.common(row, 'run.rerun', caller, requestId);
      return { workflow, ...toStored(fitting), ...common, rerunOf: runId };
    };
    const head = `rerun ${runId} ${latest ? 'latest' : 'same'} ${parameters.kind}`;
    const input = { head, bytes: parameters.kind === 'keep' ? NOTHING : parameters.bytes };
    return this.options.starts.once({ what, namespace, requestId, caller, input, prepare });
  }

  private async look<T>(row: RunRow, read: (state: RunState) => T): Promise<T> {
    const seen = await this.options.runs.inspect(row.runId, (state) => ({ value: read(state) }));
    if (seen !== undefined) return seen.value;
    throw new YardmasterError('RUN_NOT_FOUND', `Cannot find run "${row.runId}"`, { next: 'yardmaster runs list' });
  }

  private common(row: RunRow, action: AuditFacts['action'], caller: Caller | undefined, requestId: string) {
    const { namespace, runId, workflow, version, priority, labels } = row;
    const about = { namespace, action, kind: 'RUN', subject: runId, workflow, version, requestId } as const;
    const audit = (newRunId: string): AuditRow | undefined =>
      caller === undefined ? undefined : this.options.audit.entry({ ...about, caller, details: { run: newRunId } });
    return { priority, labels, audit };
  }
}

function isRetryable(status: RunStatus): boolean {
  return RETRYABLE_STATUSES.includes(status);
}

function notRetryable(runId: string, status: RunStatus): YardmasterError {
  const tail = runId.slice(-8);
  const [fact, next] =
    status === 'COMPLETED'
      ? ['it COMPLETED, so there is no step to start again', `yardmaster runs rerun ${tail}`]
      : [`it is ${status} and goes on by itself`, `yardmaster runs cancel ${tail}, or wait for its end`];
  return new YardmasterError('RUN_NOT_RETRYABLE', `Cannot retry run "${runId}": ${fact}`, {
    meta: { runId, status },
    next,
  });
}

/** Both are objects: `bytes` was checked when the earlier run was started, the change when it was read. */
function changed(bytes: Uint8Array, change: ParameterChange): Uint8Array {
  if (change.kind === 'keep') return bytes;
  if (change.kind === 'replace') return change.bytes;
  const [old, given] = [decodeValue(bytes), decodeValue(change.bytes)];
  return isJsonObject(old) && isJsonObject(given) ? encodeValue({ ...old, ...given }) : change.bytes;
}
