import { create } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Clock } from '../../core/clock.ts';
import { limits } from '../../core/limits.ts';
import { EMPTY_OBJECT_VALUE } from '../../core/value.ts';
import { RunStatus } from '../../gen/yardmaster/v1/run_pb.ts';
import {
  ExplainStepResponseSchema,
  type RunService,
  type StartRunRequest as WireStart,
} from '../../gen/yardmaster/v1/run_service_pb.ts';
import { findStep } from '../engine/state.ts';
import { CANCELLABLE_STATUSES } from '../engine/status.ts';
import type { ControlPlane, RunView, StartRunRequest } from '../runtime/control-plane.ts';
import { inBatches } from './batches.ts';
import { longestWaiting, writeExplanation } from './convert/explanation.ts';
import type { Faults } from './convert/faults.ts';
import { readPage } from './convert/paging.ts';
import { readValue } from './convert/payload.ts';
import { readPriority } from './convert/priority.ts';
import { writeRun, writeRunRow } from './convert/run.ts';
import { RunEventWriter } from './convert/run-event.ts';
import { readBulkFilter, readRunFilter, readRunsToken, writeRunsToken } from './convert/run-filter.ts';
import { cutText, readLabels, readName } from './convert/text.ts';
import { readDuration } from './convert/times.ts';
import { loadOutput, loadValues, NO_VALUES } from './convert/values.ts';
import { NAMESPACE, readRequest } from './requests.ts';

const REQUEST_ID_CHARS_MAX = 128;
const WAIT_MS_MAX = 60_000;
const EVENTS_PER_MESSAGE = 256;
const RUN_ID_PATTERN = /^[0-9a-zA-Z]{4,26}$/;

type Plane = Pick<
  ControlPlane,
  | 'startRun'
  | 'getRun'
  | 'listRuns'
  | 'cancelRun'
  | 'cancelRuns'
  | 'pauseRun'
  | 'resumeRun'
  | 'watchRun'
  | 'explainStep'
  | 'readValue'
>;

export interface RunServiceOptions {
  readonly controlPlane: Plane;
  readonly clock: Clock;
}

export function createRunService({ controlPlane, clock }: RunServiceOptions): ServiceImpl<typeof RunService> {
  return {
    async startRun(wire, context) {
      const { start, waitMs } = readRequest('start a run', (faults) => ({
        start: readStart(faults, wire),
        waitMs: readWait(faults, wire),
      }));
      const started = await controlPlane.startRun(start);
      const answer = { runId: started.runId, workflowVersion: started.version, created: started.isRepeat !== true };
      if (waitMs === 0) return answer;
      const view = await controlPlane.getRun(NAMESPACE, started.runId, { ms: waitMs, signal: context.signal });
      const values = await loadOutput(controlPlane, view.state);
      return { ...answer, run: writeRun(view, values, { now: clock.now(), omitSteps: true }) };
    },

    async getRun(request, context) {
      const { runId, waitMs } = readRequest('get a run', (faults) => ({
        runId: readRunId(faults, request.runId),
        waitMs: readWait(faults, request),
      }));
      const wait = waitMs > 0 ? { ms: waitMs, signal: context.signal } : undefined;
      const view = await controlPlane.getRun(NAMESPACE, runId, wait);
      const values = request.includeValues ? await loadValues(controlPlane, view.state) : NO_VALUES;
      return { run: writeRun(view, values, { now: clock.now(), omitSteps: request.omitSteps }) };
    },

    async listRuns(request) {
      const { page, filter } = readRequest('list runs', (faults) => ({
        page: readPage(faults, request),
        filter: readRunFilter(faults, request.filter),
      }));
      const before = readRunsToken(page.after, filter) || filter.before;
      const found = await controlPlane.listRuns({ ...filter, namespace: NAMESPACE, before, limit: page.limit });
      return { runs: found.runs.map(writeRunRow), nextPageToken: writeRunsToken(found.next, filter) };
    },

    async *watchRun(request, { signal }) {
      const runId = readRequest('watch a run', (faults) => readRunId(faults, request.runId));
      const view = await controlPlane.getRun(NAMESPACE, runId);
      const writer = new RunEventWriter(view);
      const fromPosition = Math.max(0, request.fromPosition - 1);
      const watch = { namespace: NAMESPACE, runId: view.row.runId, fromPosition, live: request.live, signal };
      for await (const batch of inBatches(controlPlane.watchRun(watch), EVENTS_PER_MESSAGE, clock)) {
        const events = batch.flatMap((event) => writer.write(event) ?? []);
        if (events.length > 0) yield { events };
      }
    },

    async cancelRun(request) {
      const runId = readRequest('cancel a run', (faults) => readRunId(faults, request.runId));
      const { alreadyEnding } = await controlPlane.cancelRun(NAMESPACE, runId, cutText(request.reason));
      const { state } = await controlPlane.getRun(NAMESPACE, runId);
      return { accepted: !alreadyEnding, status: RunStatus[state.status] };
    },

    ...createPauseCalls(controlPlane),

    async *cancelRuns(request, { signal }) {
      const { before, ...filter } = readRequest('cancel runs', (faults) =>
        readBulkFilter(faults, request.filter, CANCELLABLE_STATUSES),
      );
      const { dryRun } = request;
      const reason = cutText(request.reason);
      const progress = controlPlane.cancelRuns({ namespace: NAMESPACE, filter, before, reason, dryRun, signal });
      for await (const { matched, changed, runIds, isDone } of progress) {
        yield { matched, cancelled: changed, runIds: [...runIds], done: isDone };
      }
    },

    async explainStep(request) {
      const runId = readRequest('explain a step', (faults) => readRunId(faults, request.runId));
      const view = await controlPlane.getRun(NAMESPACE, runId);
      const path = request.stepPath === '' ? longestWaiting(view) : request.stepPath;
      const explained = await controlPlane.explainStep(NAMESPACE, view.row.runId, path);
      return create(ExplainStepResponseSchema, writeExplanation(explained, findNode(view, path)));
    },
  };
}

function createPauseCalls(controlPlane: Plane): Pick<ServiceImpl<typeof RunService>, 'pauseRun' | 'resumeRun'> {
  const statusOf = async (runId: string): Promise<RunStatus> => {
    const { state } = await controlPlane.getRun(NAMESPACE, runId);
    return RunStatus[state.status];
  };
  return {
    async pauseRun(request) {
      const runId = readRequest('pause a run', (faults) => readRunId(faults, request.runId));
      const { isAccepted } = await controlPlane.pauseRun(NAMESPACE, runId, cutText(request.reason));
      return { accepted: isAccepted, status: await statusOf(runId) };
    },

    async resumeRun(request) {
      const runId = readRequest('resume a run', (faults) => readRunId(faults, request.runId));
      const { isAccepted } = await controlPlane.resumeRun(NAMESPACE, runId);
      return { accepted: isAccepted, status: await statusOf(runId) };
    },
  };
}

function readWait(faults: Faults, { wait }: { readonly wait?: Duration | undefined }): number {
  return Math.min(WAIT_MS_MAX, readDuration(faults, 'wait', wait) ?? 0);
}

function readStart(faults: Faults, wire: WireStart): StartRunRequest {
  if (wire.requestId.length > REQUEST_ID_CHARS_MAX) {
    faults.add('request_id', `has ${wire.requestId.length} characters; at most ${REQUEST_ID_CHARS_MAX} are allowed`);
  }
  const { parameters } = wire;
  if (parameters !== undefined && parameters.kind.case !== 'structValue') faults.add('parameters', 'is not an object');
  return {
    namespace: NAMESPACE,
    workflow: readName(faults, 'workflow', wire.workflow),
    version: wire.version,
    parameters:
      parameters === undefined
        ? EMPTY_OBJECT_VALUE
        : (readValue(faults, 'parameters', parameters, limits.parametersBytesMax) ?? EMPTY_OBJECT_VALUE),
    requestId: wire.requestId,
    priority: readPriority(wire.priority),
    labels: readLabels(faults, 'labels', wire.labels),
  };
}

/** A run id, or a tail of one; people may type it in capitals. */
function readRunId(faults: Faults, runId: string): string {
  if (!RUN_ID_PATTERN.test(runId)) faults.add('run_id', 'is not a run id, nor at least 4 characters of its end');
  return runId.toLowerCase();
}

function findNode({ state }: RunView, path: string) {
  return findStep(state, path)?.node;
}
