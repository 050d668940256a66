import { create } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Clock } from '../../core/clock.ts';
import { limits } from '../../core/limits.ts';
import { EMPTY_OBJECT_VALUE } from '../../core/value.ts';
import { RunStatus } from '../../gen/yardmaster/v1/run_pb.ts';
import {
  type CancelRunRequest,
  ExplainStepResponseSchema,
  type RunService,
  type StartRunRequest as WireStart,
} from '../../gen/yardmaster/v1/run_service_pb.ts';
import type { AuditFacts, Caller, ControlPlane, RunView, StartRunRequest } from '../runtime/control-plane.ts';
import { audited } from './audited.ts';
import { inBatches } from './batches.ts';
import { readCaller } from './caller.ts';
import { enumReader } from './convert/enums.ts';
import { longestWaiting, writeExplanation } from './convert/explanation.ts';
import type { Faults } from './convert/faults.ts';
import { cutPage, readPage } from './convert/paging.ts';
import { readValue } from './convert/payload.ts';
import { readPriority } from './convert/priority.ts';
import { writeRun, writeRunRow } from './convert/run.ts';
import { RunEventWriter } from './convert/run-event.ts';
import { cutText, readLabels, readName } from './convert/text.ts';
import { readDuration } from './convert/times.ts';
import { loadOutput, loadValues, NO_VALUES } from './convert/values.ts';
import { NAMESPACE, readRequest } from './requests.ts';

const REQUEST_ID_CHARS_MAX = 128;
const WAIT_MS_MAX = 60_000;
const EVENTS_PER_MESSAGE = 256;
const RUN_ID_PATTERN = /^[0-9a-zA-Z]{4,26}$/;

const readStatus = enumReader(RunStatus, 'UNKNOWN');

type Plane = Pick<
  ControlPlane,
  'startRun' | 'getRun' | 'listRuns' | 'cancelRun' | 'watchRun' | 'explainStep' | 'readValue' | 'noteRefusal'
>;

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
      return { run: writeRun(view, values, { now: clock.now(), omitSteps: request.omitSteps }) };
    },

    async listRuns(request) {
      const { page, workflow } = readRequest('list runs', (faults) => ({
        page: readPage(faults, request),
        workflow: request.workflow === '' ? undefined : readName(faults, 'workflow', request.workflow),
      }));
      const status = readStatus(request.status);
      const found = await controlPlane.listRuns({
        namespace: NAMESPACE,
        ...(workflow !== undefined && { workflow }),
        ...(status !== 'UNKNOWN' && { status }),
        before: page.after,
        limit: page.limit + 1,
      });
      const { items, nextPageToken } = cutPage(found, page.limit, (row) => row.runId);
      return { runs: items.map(writeRunRow), nextPageToken };
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

    async cancelRun(request, context) {
      const caller = readCaller(context);
      const describe = () => cancelFacts(request, caller);
      const { runId, alreadyEnding } = await audited(controlPlane, describe, async () => {
        const runId = readRequest('cancel a run', (faults) => readRunId(faults, request.runId));
        return { runId, ...(await controlPlane.cancelRun(NAMESPACE, runId, cutText(request.reason), caller)) };
      });
      const { state } = await controlPlane.getRun(NAMESPACE, runId);
      return { accepted: !alreadyEnding, status: RunStatus[state.status] };
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

function readWait(faults: Faults, { wait }: { readonly wait?: Duration | undefined }): number {
  return Math.min(WAIT_MS_MAX, readDuration(faults, 'wait', wait) ?? 0);
}

/** No run came of it: what was refused is a start of the workflow. */
function startFacts({ workflow, version, requestId }: WireStart, caller: Caller): AuditFacts {
  const subject = { kind: 'WORKFLOW', subject: workflow, workflow, version } as const;
  return { namespace: NAMESPACE, caller, action: 'run.start', ...subject, requestId };
}

function cancelFacts({ runId, reason }: CancelRunRequest, caller: Caller): AuditFacts {
  const subject = runId.toLowerCase();
  return { namespace: NAMESPACE, caller, action: 'run.cancel', kind: 'RUN', subject, details: { reason } };
}

function readStart(faults: Faults, wire: WireStart, caller: Caller): StartRunRequest {
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
    caller,
  };
}

/** A run id, or a tail of one; people may type it in capitals. */
function readRunId(faults: Faults, runId: string): string {
  if (!RUN_ID_PATTERN.test(runId)) faults.add('run_id', 'is not a run id, nor at least 4 characters of its end');
  return runId.toLowerCase();
}

function findNode({ state }: RunView, path: string) {
  return state.workflow.nodes[state.workflow.indexById.get(path) ?? -1];
}
