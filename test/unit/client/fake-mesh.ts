/** A control plane of a few lines behind the real API: one run that a test moves along. */
import { create, fromJson } from '@bufbuild/protobuf';
import { timestampFromMs, ValueSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { ErrorInfoSchema } from '../../../src/gen/google/rpc/error_details_pb.ts';
import { ProblemSetSchema } from '../../../src/gen/yardmaster/v1/errors_pb.ts';
import { PayloadSchema } from '../../../src/gen/yardmaster/v1/payload_pb.ts';
import { type RunEvent, RunEventSchema } from '../../../src/gen/yardmaster/v1/run_event_pb.ts';
import type { RunFilter } from '../../../src/gen/yardmaster/v1/run_filter_pb.ts';
import { type Run, RunSchema, RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import {
  type RerunRunRequest,
  RunService,
  type SignalRunRequest,
} from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { StepKind, StepStatus } from '../../../src/gen/yardmaster/v1/step_state_pb.ts';
import { WorkflowService } from '../../../src/gen/yardmaster/v1/workflow_service_pb.ts';

export const RUN_ID = '01k0000000000000009c41e7b2';

/** The run that a retry or a rerun starts. */
export const NEXT_ID = '01k0000000000000001d50aa61';

export class FakeMesh {
  readonly calls: string[] = [];
  readonly watchedFrom: number[] = [];
  readonly openWaits = { now: 0, most: 0 };
  events: RunEvent[] = [];
  run: Run = create(RunSchema, {
    runId: RUN_ID,
    workflow: 'Nightly',
    workflowVersion: 3,
    status: RunStatus.RUNNING,
    createTime: timestampFromMs(1_000),
    startTime: timestampFromMs(1_000),
    totalSteps: 2,
    steps: ['extract', 'load'].map((path) => ({
      path,
      stepId: path,
      kind: StepKind.AGENT,
      status: StepStatus.PENDING,
    })),
  });
  readonly signals: SignalRunRequest[] = [];
  /** What lists show, and bulk calls act on. */
  listed: Run[] = [];
  /** Of those: whose end was decided before a bulk cancel came to them. */
  late = 0;
  /** What was asked for, call by call. */
  readonly filters: (RunFilter | undefined)[] = [];
  readonly reruns: RerunRunRequest[] = [];
  /** Streams of `watchRun` that end after this many events, one number for each. */
  cuts: number[] = [];
  failures: ConnectError[] = [];
  #wakers: (() => void)[] = [];

  push(event: RunEvent['event']): void {
    const position = this.events.length + 1;
    this.events.push(create(RunEventSchema, { runId: RUN_ID, position, time: timestampFromMs(1_000), event }));
    if (event.case === 'runEnded') {
      const output = create(PayloadSchema, { kind: { case: 'value', value: fromJson(ValueSchema, 'ok') } });
      this.run = { ...this.run, status: event.value.status, output, endTime: timestampFromMs(5_000) };
    }
    for (const wake of this.#wakers.splice(0)) wake();
  }

  finish(status: RunStatus = RunStatus.COMPLETED): void {
    this.push({
      case: 'runEnded',
      value: { $typeName: 'yardmaster.v1.RunEnded', status, unconsumedSignals: 0, cleanupErrors: [] },
    });
  }

  readonly routes = (router: ConnectRouter): void => {
    const mesh = this;
    router.service(WorkflowService, {
      listWorkflows: () => ({ workflows: [] }),
      getWorkflow: ({ name, version }) => {
        mesh.#record(`getWorkflow ${name} v${version}`);
        const properties = { table: { type: 'string' }, limit: { type: 'integer' } };
        return { workflow: { name, version: 3, parameters: { type: 'object', properties } } };
      },
    });
    router.service(RunService, {
      startRun: () => {
        mesh.#record('startRun');
        return { runId: RUN_ID, workflowVersion: 3, created: true };
      },
      async getRun(request, context) {
        mesh.#record(request.wait === undefined ? 'getRun' : 'getRun wait');
        if (request.wait !== undefined) await mesh.#waitForEnd(context.signal);
        return { run: mesh.run };
      },
      listRuns: (request) => {
        mesh.filters.push(request.filter);
        return { runs: mesh.listed };
      },
      signalRun: (request) => {
        mesh.#record('signalRun');
        mesh.signals.push(request);
        return { created: true, status: mesh.run.status };
      },
      async *cancelRuns(request) {
        mesh.#record(request.dryRun ? 'cancelRuns dry' : 'cancelRuns');
        mesh.filters.push(request.filter);
        const runIds = mesh.listed.map(({ runId }) => runId);
        const matched = runIds.length;
        const half = Math.floor(matched / 2);
        if (half > 0) yield { matched: half, cancelled: request.dryRun ? 0 : half, runIds: runIds.slice(0, half) };
        if (mesh.cuts.shift() !== undefined) return;
        yield { matched, cancelled: request.dryRun ? 0 : matched - mesh.late, runIds, done: true };
      },
      retryRun(request) {
        mesh.#record(`retryRun ${request.runId} ${request.requestId}`);
        return { runId: NEXT_ID, created: true };
      },
      async *retryRuns(request) {
        mesh.#record(request.dryRun ? 'retryRuns dry' : 'retryRuns');
        mesh.filters.push(request.filter);
        const runIds = mesh.listed.map(({ runId }) => runId);
        const matched = runIds.length;
        if (mesh.cuts.shift() !== undefined) return;
        yield { matched, retried: request.dryRun ? 0 : matched - mesh.late, runIds, done: true };
      },
      rerunRun(request) {
        mesh.#record('rerunRun');
        mesh.reruns.push(request);
        return { runId: NEXT_ID, workflowVersion: 3, created: true };
      },
      async *watchRun(request, context) {
        mesh.#record('watchRun');
        mesh.watchedFrom.push(request.fromPosition);
        let next = Math.max(1, request.fromPosition);
        for (let left = mesh.cuts.shift() ?? Number.POSITIVE_INFINITY; ; left--) {
          if (left <= 0) throw new ConnectError('the node is going away', Code.Unavailable);
          while (mesh.events.length < next) await mesh.#nextEvent(context.signal);
          const event = mesh.events[next - 1];
          if (event === undefined) return;
          next++;
          yield { events: [event] };
          if (event.event.case === 'runEnded') return;
        }
      },
    });
  };

  #record(call: string): void {
    this.calls.push(call);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }

  async #waitForEnd(signal: AbortSignal): Promise<void> {
    this.openWaits.most = Math.max(this.openWaits.most, ++this.openWaits.now);
    while (this.run.endTime === undefined) await this.#nextEvent(signal);
    this.openWaits.now--;
  }

  #nextEvent(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wakers.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  }
}

export function refusal(): ConnectError {
  return new ConnectError('Cannot start workflow "Nigtly": no such workflow', Code.NotFound, undefined, [
    {
      desc: ErrorInfoSchema,
      value: {
        reason: 'WORKFLOW_NOT_FOUND',
        domain: 'yardmaster',
        metadata: { nearest: 'Nightly', next: 'run Nightly' },
      },
    },
    { desc: ProblemSetSchema, value: { problems: [{ code: 'UNKNOWN', message: 'no', line: 4, column: 2 }] } },
  ]);
}
