/** The calls that change a run which is there: each is audited. */
import type { ServiceImpl } from '@connectrpc/connect';
import { limits } from '../../core/limits.ts';
import { NULL_VALUE } from '../../core/value.ts';
import { RunStatus } from '../../gen/yardmaster/v1/run_pb.ts';
import type { RunService, SignalRunRequest as WireSignal } from '../../gen/yardmaster/v1/run_service_pb.ts';
import { CANCELLABLE_STATUSES } from '../engine/status.ts';
import type { AuditFacts, Caller, ControlPlane, SignalRunRequest } from '../runtime/control-plane.ts';
import { audited } from './audited.ts';
import { readCaller } from './caller.ts';
import type { Faults } from './convert/faults.ts';
import { readValue } from './convert/payload.ts';
import { readBulkFilter } from './convert/run-filter.ts';
import { cutText, readName, readRequestId } from './convert/text.ts';
import { NAMESPACE, readRequest } from './requests.ts';

type Plane = Pick<
  ControlPlane,
  'getRun' | 'cancelRun' | 'cancelRuns' | 'pauseRun' | 'resumeRun' | 'signalRun' | 'noteRefusal'
>;
type Changes = Pick<
  ServiceImpl<typeof RunService>,
  'cancelRun' | 'cancelRuns' | 'pauseRun' | 'resumeRun' | 'signalRun'
>;

const RUN_ID_PATTERN = /^[0-9a-zA-Z]{4,26}$/;

export function createRunChanges(controlPlane: Plane): Changes {
  const statusOf = async (runId: string): Promise<RunStatus> => {
    const { state } = await controlPlane.getRun(NAMESPACE, runId);
    return RunStatus[state.status];
  };
  return {
    async cancelRun(request, context) {
      const caller = readCaller(context);
      const describe = () => factsOf('run.cancel', request.runId, request.reason, caller);
      const { runId, alreadyEnding } = await audited(controlPlane, describe, async () => {
        const runId = readRequest('cancel a run', (faults) => readRunId(faults, request.runId));
        return { runId, ...(await controlPlane.cancelRun(NAMESPACE, runId, cutText(request.reason), caller)) };
      });
      return { accepted: !alreadyEnding, status: await statusOf(runId) };
    },

    async *cancelRuns(request, context) {
      const { signal } = context;
      const caller = readCaller(context);
      const { before, ...filter } = readRequest('cancel runs', (faults) =>
        readBulkFilter(faults, request.filter, { allowed: CANCELLABLE_STATUSES }),
      );
      const { dryRun } = request;
      const reason = cutText(request.reason);
      const progress = controlPlane.cancelRuns({
        namespace: NAMESPACE,
        filter,
        before,
        reason,
        dryRun,
        caller,
        signal,
      });
      for await (const { matched, changed, runIds, isDone } of progress) {
        yield { matched, cancelled: changed, runIds: [...runIds], done: isDone };
      }
    },

    async pauseRun(request, context) {
      const caller = readCaller(context);
      const describe = () => factsOf('run.pause', request.runId, request.reason, caller);
      const { runId, isAccepted } = await audited(controlPlane, describe, async () => {
        const runId = readRequest('pause a run', (faults) => readRunId(faults, request.runId));
        return { runId, ...(await controlPlane.pauseRun(NAMESPACE, runId, cutText(request.reason), caller)) };
      });
      return { accepted: isAccepted, status: await statusOf(runId) };
    },

    async resumeRun(request, context) {
      const caller = readCaller(context);
      const describe = () => factsOf('run.resume', request.runId, '', caller);
      const { runId, isAccepted } = await audited(controlPlane, describe, async () => {
        const runId = readRequest('resume a run', (faults) => readRunId(faults, request.runId));
        return { runId, ...(await controlPlane.resumeRun(NAMESPACE, runId, caller)) };
      });
      return { accepted: isAccepted, status: await statusOf(runId) };
    },

    async signalRun(request, context) {
      const caller = readCaller(context);
      const describe = () => signalFacts(request, caller);
      const { runId, isRepeat } = await audited(controlPlane, describe, async () => {
        const signal = readRequest('signal a run', (faults) => readSignal(faults, request));
        return { runId: signal.runId, ...(await controlPlane.signalRun({ ...signal, caller })) };
      });
      return { created: !isRepeat, status: await statusOf(runId) };
    },
  };
}

function readSignal(faults: Faults, request: WireSignal): Omit<SignalRunRequest, 'caller'> {
  const { payload } = request;
  const bytes = payload === undefined ? undefined : readValue(faults, 'payload', payload, limits.signalPayloadBytesMax);
  return {
    namespace: NAMESPACE,
    runId: readRunId(faults, request.runId),
    name: readName(faults, 'name', request.name),
    payload: bytes ?? NULL_VALUE,
    requestId: readRequestId(faults, 'request_id', request.requestId),
  };
}

function signalFacts({ runId, name, requestId }: WireSignal, caller: Caller): AuditFacts {
  const subject = { kind: 'RUN', subject: runId.toLowerCase(), requestId } as const;
  return { namespace: NAMESPACE, caller, action: 'run.signal', ...subject, details: { signal: name } };
}

function factsOf(action: AuditFacts['action'], runId: string, reason: string, caller: Caller): AuditFacts {
  const details = reason === '' ? {} : { reason };
  return { namespace: NAMESPACE, caller, action, kind: 'RUN', subject: runId.toLowerCase(), details };
}

/** A run id, or a tail of one; people may type it in capitals. */
export function readRunId(faults: Faults, runId: string): string {
  if (!RUN_ID_PATTERN.test(runId)) faults.add('run_id', 'is not a run id, nor at least 4 characters of its end');
  return runId.toLowerCase();
}
