/** Starting runs: the idempotency of the request id, the row and the command; and what a plain start is made from. */
import { ChurnMap } from '../../core/churn-map.ts';
import type { Clock } from '../../core/clock.ts';
import { type Problem, YardmasterError } from '../../core/errors.ts';
import { createUlidAfter, shardOf } from '../../core/ids.ts';
import { isJsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Random } from '../../core/random.ts';
import { inlineValue, type StoredValue } from '../../core/stored-value.ts';
import { decodeValue, scanValue } from '../../core/value.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import type { StartRun } from '../engine/commands.ts';
import type { ParameterChecks } from '../parameters/port.ts';
import type { AuditRow, Caller, RunRow, ScheduleChange, Store } from '../store/port.ts';
import type { Admission } from './admission.ts';
import type { Blobs } from './blobs.ts';
import { type CallStart, premiseOf } from './call-start.ts';
import type { StartedRun, StartRunRequest } from './control-plane.ts';
import type { Runs } from './runs.ts';
import { findSecretProblems, isWithin } from './secret-parameters.ts';

const PARAMETERS_BLOB = 'params';
/** Of a start that nobody outside asked for. */
export const NO_CALLER: Caller = { actor: undefined, userAgent: '', address: '' };

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
  readonly admission: Pick<Admission, 'learn' | 'take'>;
  readonly checks: ParameterChecks;
  readonly blobs: Blobs;
  /** SHA-256 in hex. */
  readonly hash: (bytes: Uint8Array) => string;
  readonly latest: (namespace: string, name: string, version: number) => Promise<CompiledWorkflow>;
}

/** One call that starts a run. */
export interface Start {
  /** For refusals: `start "etl"`. */
  readonly what: string;
  readonly namespace: string;
  /** '' : none. */
  readonly requestId: string;
  /** What the caller gave: tells a repeat from other input under the same request id. */
  readonly input: { readonly head: string; readonly bytes: Uint8Array };
  readonly caller: Caller | undefined;
  /** Not asked for a repeat. */
  readonly prepare: () => Promise<Prepared>;
}

/** What the new run is made from. */
export interface Prepared extends Pick<StartRun, 'workflow' | 'params' | 'retry' | 'rerunOf'> {
  /** The bytes of `params`, when they are a blob of the new run. */
  readonly attachment: Attachment | undefined;
  readonly priority: Priority;
  readonly labels: Readonly<Record<string, string>>;
  /** The entry of the audit log; a plain start has none. */
  readonly audit?: (runId: string) => AuditRow | undefined;
  /** What its tick changes in the schedule that starts it. */
  readonly schedule?: (runId: string) => ScheduleChange;
  /** Of a call. */
  readonly call?: CallStart;
}

interface Attachment {
  readonly blobId: string;
  readonly bytes: Uint8Array;
}

export class Starts {
  private readonly options: StartsOptions;
  /** Request ids that are being stored now: a repeat waits for the same answer. */
  private readonly underWay = new ChurnMap<{ readonly inputHash: string; readonly answer: Promise<StartedRun> }>();
  /** Rows of runs that are being started: the batch needs them when the run is created. */
  private readonly rows = new ChurnMap<RunRow>();
  private lastId = '';

  constructor(options: StartsOptions) {
    this.options = options;
  }

  /** The row of a run whose start is being decided. */
  rowOf(runId: string): RunRow | undefined {
    return this.rows.get(runId);
  }

  /** The id of a run that starts now: those that start in one moment keep their order. */
  nextId(): string {
    this.lastId = createUlidAfter(this.lastId, this.options.clock.now(), this.options.random);
    return this.lastId;
  }

  /** The row of a run that others start, until that is done. */
  hold(row: RunRow): void {
    this.rows.set(row.runId, row);
  }

  letGo(runId: string): void {
    this.rows.delete(runId);
  }

  async start(request: StartRunRequest, extras: StartExtras = {}): Promise<StartedRun> {
    const { namespace, requestId, caller, parameters } = request;
    const what = `start "${request.workflow}"`;
    checkParameters(what, parameters);
    const workflow = await this.options.latest(namespace, request.workflow, request.version);
    const prepare = async (): Promise<Prepared> => ({
      workflow,
      ...toStored(await this.fit(what, workflow, parameters)),
      priority: request.priority ?? workflow.priority,
      labels: { ...workflow.labels, ...request.labels },
      ...extras,
    });
    const input = { head: `${request.workflow}@${request.version}`, bytes: parameters };
    return this.once({ what, namespace, requestId, input, caller, prepare });
  }

  /** The parameters with the defaults of the schema. Throws PARAMETERS_INVALID with every problem. */
  async fit(what: string, workflow: CompiledWorkflow, parameters: Uint8Array): Promise<Uint8Array> {
    const schema = workflow.parameters;
    if (schema === undefined) return parameters;
    const secret = findSecretProblems(workflow, parameters);
    const { problems, problemCount, parameters: fitting } = await this.options.checks.check(schema, parameters);
    // What is said of a secret says it all; what the schema says of the same place, or within it, could show what stands there.
    const others = problems.filter((problem) => !secret.some((known) => isWithin(problem, known)));
    const found = [...secret, ...others];
    const count = found.length + problemCount - problems.length;
    if (count > 0) throw unfit(what, workflow, found, count);
    // A default could be the value of a secret.
    const byDefault = findSecretProblems(workflow, fitting);
    if (byDefault.length > 0) throw unfit(what, workflow, byDefault, byDefault.length);
    return fitting;
  }

  /** With a request id that has a run: that one. */
  async once(start: Start): Promise<StartedRun> {
    if (start.requestId === '') return this.store(start, '');
    const inputHash = this.hashOf(start.input);
    const key = `${start.namespace}/${start.requestId}`;
    const running = this.underWay.get(key);
    if (running !== undefined) return sameInput(start, running.inputHash, inputHash, await running.answer);
    const answer = this.findOrStore(start, inputHash);
    this.underWay.set(key, { inputHash, answer });
    try {
      return await answer;
    } finally {
      this.underWay.delete(key);
    }
  }

  private async findOrStore(start: Start, inputHash: string): Promise<StartedRun> {
    const known = await this.options.store.findRunByRequest(start.namespace, start.requestId);
    return known === undefined ? this.store(start, inputHash) : sameInput(start, known.inputHash, inputHash, known);
  }

  private async store(start: Start, inputHash: string): Promise<RunRow> {
    const prepared = await start.prepare();
    const { workflow, retry, rerunOf } = prepared;
    await this.options.admission.learn(start.namespace, workflow.name);
    const now = this.options.clock.now();
    const runId = this.nextId();
    const row: RunRow = {
      runId,
      shard: shardOf(runId),
      namespace: start.namespace,
      workflow: workflow.name,
      version: workflow.version,
      status: 'RUNNING',
      priority: prepared.priority,
      queuedAt: now,
      endedAt: undefined,
      requestId: start.requestId === '' ? undefined : start.requestId,
      inputHash,
      failureCode: undefined,
      labels: prepared.labels,
      retryOf: retry?.of,
      rerunOf,
      parentRunId: prepared.call?.parent.runId,
      parentStep: prepared.call?.parent.path,
      caller: start.caller ?? NO_CALLER,
    };
    this.rows.set(runId, row);
    try {
      if (retry === undefined) await this.submit(start.what, row, prepared);
      else await this.options.blobs.withSource(runId, retry.of, () => this.submit(start.what, row, prepared));
    } finally {
      this.rows.delete(runId);
    }
    return row;
  }

  /** `what`: as in Start. Rejects with CONCURRENCY_LIMIT and QUEUE_FULL. */
  private async submit(what: string, row: RunRow, prepared: Prepared): Promise<void> {
    const { runId, namespace, priority, labels, requestId } = row;
    const { workflow, params, attachment, retry, rerunOf, call } = prepared;
    const audit = prepared.audit?.(runId);
    const schedule = prepared.schedule?.(runId);
    const isQueued = this.options.admission.take(what, row);
    return new Promise((resolve, reject) => {
      this.options.runs.submit({
        runId,
        command: {
          type: 'StartRun',
          runId,
          namespace,
          workflow,
          params,
          priority,
          labels,
          ...(requestId === undefined ? {} : { requestId }),
          ...(retry === undefined ? {} : { retry }),
          ...(rerunOf === undefined ? {} : { rerunOf }),
          ...(isQueued ? { queued: true } : {}),
          ...(call === undefined ? {} : { parent: call.parent }),
          ...(call?.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
        },
        attachment,
        onAnswer: () => resolve(),
        onError: reject,
        isClient: true,
        failures: 0,
        ...(audit === undefined ? {} : { audit }),
        ...(schedule === undefined ? {} : { schedule }),
        ...(call === undefined ? {} : { premise: premiseOf(call, runId, reject) }),
      });
    });
  }

  private hashOf({ head, bytes }: Start['input']): string {
    const start = new TextEncoder().encode(`${head}\n`);
    const all = new Uint8Array(start.length + bytes.length);
    all.set(start);
    all.set(bytes, start.length);
    return this.options.hash(all);
  }
}

/** As values of a new run. */
export function toStored(bytes: Uint8Array): {
  readonly params: StoredValue;
  readonly attachment: Attachment | undefined;
} {
  if (bytes.length <= limits.inlineEventBytesMax) return { params: inlineValue(bytes), attachment: undefined };
  return {
    params: { kind: 'blob', blobId: PARAMETERS_BLOB, size: bytes.length },
    attachment: { blobId: PARAMETERS_BLOB, bytes },
  };
}

function sameInput({ what, requestId }: Start, known: string, asked: string, row: RunRow): StartedRun {
  if (known === asked) return { ...row, isRepeat: true };
  throw new YardmasterError(
    'REQUEST_ID_REUSED',
    `Cannot ${what} under request id "${requestId}": run "${row.runId}" was started under it with other input`,
    {
      meta: { runId: row.runId },
      next: 'use a new request id, or the same input',
    },
  );
}

function unfit(what: string, { name }: CompiledWorkflow, found: readonly Problem[], count: number): YardmasterError {
  const fact = count === 1 ? found[0]?.message : `its parameters have ${count} problems`;
  return new YardmasterError('PARAMETERS_INVALID', `Cannot ${what}: ${fact}`, {
    problems: found.slice(0, limits.problemsMax),
    meta: { problemCount: String(count) },
    next: `yardmaster workflows get ${name} --json shows what it takes`,
  });
}

/** `what`: as in Start. */
export function checkParameters(what: string, parameters: Uint8Array): void {
  const refuse = (fact: string, next: string): YardmasterError =>
    new YardmasterError('PARAMETERS_INVALID', `Cannot ${what}: ${fact}`, { next });
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
