import { create } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Clock } from '../../core/clock.ts';
import { limits } from '../../core/limits.ts';
import { EMPTY_OBJECT_VALUE } from '../../core/value.ts';
import {
  ExplainStepResponseSchema,
  type RunService,
  type StartRunRequest as WireStart,
} from '../../gen/yardmaster/v1/run_service_pb.ts';
import { findStep } from '../engine/frames.ts';
import type { AuditFacts, Caller, ControlPlane, StartRunRequest } from '../runtime/control-plane.ts';
import { audited } from './audited.ts';
import { inBatches } from './batches.ts';
import { readCaller } from './caller.ts';
import { EstimateWriter } from './convert/estimate.ts';
import { longestWaiting, writeExplanation } from './convert/explanation.ts';
import type { Faults } from './convert/faults.ts';
import { readPage } from './convert/paging.ts';
import { readValue } from './convert/payload.ts';
import { readPriority } from './convert/priority.ts';
import { writeRun, writeRunRow } from './convert/run.ts';
import { RunEventWriter } from './convert/run-event.ts';
import { readRunFilter, readRunsToken, writeRunsToken } from './convert/run-filter.ts';
import { readLabels, readName, readRequestId } from './convert/text.ts';
import { readDuration } from './convert/times.ts';
import { loadOutput, loadValues, NO_VALUES } from './convert/values.ts';
import { NAMESPACE, readRequest } from './requests.ts';
import { createRunChanges, readRunId } from './run-changes.ts';
import { createRunRetries } from './run-retries.ts';
import { watchOutput } from './watch-output.ts';

const WAIT_MS_MAX = 60_000;
const EVENTS_PER_MESSAGE = 256;

type Plane = Pick<
  ControlPlane,
  | 'startRun'
  | 'getRun'
  | 'listRuns'
  | 'listCalls'
  | 'watchRun'
  | 'explainStep'
  | 'watchOutput'
  | 'readValue'
  | 'noteRefusal'
  | 'estimateEnd'
  | 'incidentOf'
> &
  Parameters<typeof createRunChanges>[0] &
  Parameters<typeof createRunRetries>[0];

export interface RunServiceOptions {
  readonly controlPlane: Plane;
  readonly clock: Clock;
}

export function createRunService({ controlPlane, clock }: RunServiceOptions): ServiceImpl<typeof RunService> {
  return {
    async startRun(wire, context) {
      const caller = readCaller(context);
      const describe = () => startFacts(wire, caller);
      const { started, waitMs } = await audited(controlPlane, describe, async () => {
        const { start, waitMs } = readRequest('start a run', (faults) => ({
          start: readStart(faults, wire, caller),
          waitMs: readWait(faults, wire),
        }));
        return { started: await controlPlane.startRun(start), waitMs };
      });
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
      const { omitSteps } = request;
      const made = omitSteps ? {} : { made: await controlPlane.listCalls(NAMESPACE, view.row.runId) };
      return { run: writeRun(view, values, { now: clock.now(), omitSteps, ...made }) };
    },

    async listRuns(request) {
      const { page, filter } = readRequest('list runs', (faults) => ({
        page: readPage(faults, request),
        filter: readRunFilter(faults, request.filter),
      }));
      const before = readRunsToken(page.after, filter) || filter.before;
      const found = await controlPlane.listRuns({ ...filter, namespace: NAMESPACE, before, limit: page.limit });
      const runs = found.runs.map((row) => writeRunRow(row, controlPlane.incidentOf(row.runId)));
      return { runs, nextPageToken: writeRunsToken(found.next, filter) };
    },

    async *watchRun(request, { signal }) {
      const runId = readRequest('watch a run', (faults) => readRunId(faults, request.runId));
      const view = await controlPlane.getRun(NAMESPACE, runId);
      const writer = new RunEventWriter(view);
      const estimates = request.live ? new EstimateWriter(view, controlPlane) : undefined;
      const fromPosition = Math.max(0, request.fromPosition - 1);
      const watch = { namespace: NAMESPACE, runId: view.row.runId, fromPosition, live: request.live, signal };
      for await (const batch of inBatches(controlPlane.watchRun(watch), EVENTS_PER_MESSAGE, clock)) {
        const events = batch.flatMap((event) => writer.write(event) ?? []);
        // The end is the last event.
        const goesOn = events.length > 0 && events.at(-1)?.event.case !== 'runEnded';
        if (goesOn) events.push(...(estimates?.write(clock.now()) ?? []));
        if (events.length > 0) yield { events };
      }
    },

    watchOutput: (request, { signal }) => watchOutput(controlPlane, request, signal),
    ...createRunChanges(controlPlane),
    ...createRunRetries(controlPlane),

    async explainStep(request) {
      const runId = readRequest('explain a step', (faults) => readRunId(faults, request.runId));
      const view = await controlPlane.getRun(NAMESPACE, runId);
      const path = request.stepPath === '' ? longestWaiting(view) : request.stepPath;
      const explained = await controlPlane.explainStep(NAMESPACE, view.row.runId, path);
      return create(ExplainStepResponseSchema, writeExplanation(explained, findStep(view.state, path)));
    },
  };
}

function readWait(faults: Faults, { wait }: { readonly wait?: Duration | undefined }): number {
  return Math.min(WAIT_MS_MAX, readDuration(faults, 'wait', wait) ?? 0);
}

/** No run came of it: what was refused is a start of the workflow. */
function startFacts({ workflow, version, requestId }: WireStart, caller: Caller): AuditFacts {
  const subject = { kind: 'WORKFLOW', subject: workflow, workflow, version } as const;
  return { namespace: NAMESPACE, caller, action: 'run.start', ...subject, requestId };
}

function readStart(faults: Faults, wire: WireStart, caller: Caller): StartRunRequest {
  const requestId = readRequestId(faults, 'request_id', wire.requestId);
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
    requestId,
    priority: readPriority(wire.priority),
    labels: readLabels(faults, 'labels', wire.labels),
    caller,
  };
}
