/** Starting runs: the workflow's version, the idempotency of the request id, the row and the command. */
import { ChurnMap } from '../../core/churn-map.ts';
import type { Clock } from '../../core/clock.ts';
import { YardmasterError } from '../../core/errors.ts';
import { createUlid, shardOf } from '../../core/ids.ts';
import { isJsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Random } from '../../core/random.ts';
import { inlineValue, type StoredValue } from '../../core/stored-value.ts';
import { decodeValue, scanValue } from '../../core/value.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import type { AuditRow, Caller, RunRow, ScheduleChange, Store } from '../store/port.ts';
import type { StartedRun, StartRunRequest } from './control-plane.ts';
import type { Runs } from './runs.ts';

const PARAMETERS_BLOB = 'params';
/** Of a start that nobody outside asked for. */
const NO_CALLER: Caller = { actor: undefined, userAgent: '', address: '' };

/** What is written with a start that is new, and not with a repeat. */
export interface StartExtras {
  readonly audit?: (runId: string) => AuditRow;
  readonly schedule?: (runId: string) => ScheduleChange;
}

export interface StartsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly runs: Runs;
  /** SHA-256 in hex. */
  readonly hash: (bytes: Uint8Array) => string;
  readonly latest: (namespace: string, name: string, version: number) => Promise<CompiledWorkflow>;
}

export class Starts {
  private readonly options: StartsOptions;
  /** Request ids that are being stored now: a repeat waits for the same answer. */
  private readonly underWay = new ChurnMap<{ readonly inputHash: string; readonly answer: Promise<StartedRun> }>();
  /** Rows of runs that are being started: the batch needs them when the run is created. */
  private readonly rows = new ChurnMap<RunRow>();

  constructor(options: StartsOptions) {
    this.options = options;
  }

  /** The row of a run whose start is being decided. */
  rowOf(runId: string): RunRow | undefined {
    return this.rows.get(runId);
  }

  async start(request: StartRunRequest, extras: StartExtras = {}): Promise<StartedRun> {
    checkParameters(request);
    const workflow = await this.options.latest(request.namespace, request.workflow, request.version);
    const inputHash = this.hashOf(request);
    if (request.requestId === '') return this.store(request, workflow, inputHash, extras);
    const key = `${request.namespace}/${request.requestId}`;
    const running = this.underWay.get(key);
    if (running !== undefined) return sameInput(request, running.inputHash, inputHash, await running.answer);
    const answer = this.findOrStore(request, workflow, inputHash, extras);
    this.underWay.set(key, { inputHash, answer });
    try {
      return await answer;
    } finally {
      this.underWay.delete(key);
    }
  }

  private async findOrStore(
    request: StartRunRequest,
    workflow: CompiledWorkflow,
    inputHash: string,
    extras: StartExtras,
  ): Promise<StartedRun> {
    const known = await this.options.store.findRunByRequest(request.namespace, request.requestId);
    return known === undefined
      ? this.store(request, workflow, inputHash, extras)
      : sameInput(request, known.inputHash, inputHash, known);
  }

  private async store(
    request: StartRunRequest,
    workflow: CompiledWorkflow,
    inputHash: string,
    extras: StartExtras,
  ): Promise<RunRow> {
    const now = this.options.clock.now();
    const runId = createUlid(now, this.options.random);
    const priority = request.priority ?? workflow.priority;
    const labels = { ...workflow.labels, ...request.labels };
    const row: RunRow = {
      runId,
      shard: shardOf(runId),
      namespace: request.namespace,
      workflow: workflow.name,
      version: workflow.version,
      status: 'RUNNING',
      priority,
      queuedAt: now,
      endedAt: undefined,
      requestId: request.requestId === '' ? undefined : request.requestId,
      inputHash,
      failureCode: undefined,
      labels,
      caller: request.caller ?? NO_CALLER,
    };
    const { params, attachment } = toStored(request.parameters);
    this.rows.set(runId, row);
    try {
      await new Promise<void>((resolve, reject) => {
        const requestId = row.requestId === undefined ? {} : { requestId: row.requestId };
        this.options.runs.submit({
          runId,
          command: {
            type: 'StartRun',
            runId,
            namespace: row.namespace,
            workflow,
            params,
            priority,
            labels,
            ...requestId,
          },
          attachment,
          onAnswer: () => resolve(),
          onError: reject,
          isClient: true,
          failures: 0,
          ...(extras.audit === undefined ? {} : { audit: extras.audit(runId) }),
          ...(extras.schedule === undefined ? {} : { schedule: extras.schedule(runId) }),
        });
      });
    } finally {
      this.rows.delete(runId);
    }
    return row;
  }

  private hashOf(request: StartRunRequest): string {
    if (request.requestId === '') return '';
    const head = new TextEncoder().encode(`${request.workflow}@${request.version}\n`);
    const bytes = new Uint8Array(head.length + request.parameters.length);
    bytes.set(head);
    bytes.set(request.parameters, head.length);
    return this.options.hash(bytes);
  }
}

function toStored(bytes: Uint8Array): {
  readonly params: StoredValue;
  readonly attachment: { readonly blobId: string; readonly bytes: Uint8Array } | undefined;
} {
  if (bytes.length <= limits.inlineEventBytesMax) return { params: inlineValue(bytes), attachment: undefined };
  return {
    params: { kind: 'blob', blobId: PARAMETERS_BLOB, size: bytes.length },
    attachment: { blobId: PARAMETERS_BLOB, bytes },
  };
}

function sameInput(request: StartRunRequest, known: string, asked: string, row: RunRow): StartedRun {
  if (known === asked) return { ...row, isRepeat: true };
  throw new YardmasterError(
    'REQUEST_ID_REUSED',
    `Cannot start "${request.workflow}" under request id "${request.requestId}": run "${row.runId}" was started under it with other input`,
    {
      meta: { runId: row.runId },
      next: 'use a new request id, or the same input',
    },
  );
}

function checkParameters(request: StartRunRequest): void {
  const { parameters, workflow } = request;
  const refuse = (fact: string, next: string): YardmasterError =>
    new YardmasterError('PARAMETERS_INVALID', `Cannot start "${workflow}": ${fact}`, { next });
  if (parameters.length > limits.parametersBytesMax) {
    throw refuse(
      `the parameters have ${parameters.length} bytes, at most ${limits.parametersBytesMax}`,
      'pass a reference instead of the data',
    );
  }
  const problem = scanValue(parameters);
  if (problem !== undefined) throw refuse(`the parameters are not JSON: ${problem}`, 'send a JSON object');
  if (parameters.length < 64 && !isJsonObject(decodeValue(parameters)))
    throw refuse('the parameters are not an object', 'send a JSON object');
}
