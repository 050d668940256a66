/** The calls that make a new run from an earlier one: each is audited under the earlier run. */
import type { ServiceImpl } from '@connectrpc/connect';
import { limits } from '../../core/limits.ts';
import type { RunService, RerunRunRequest as WireRerun } from '../../gen/yardmaster/v1/run_service_pb.ts';
import { RETRYABLE_STATUSES } from '../engine/status.ts';
import type { AuditFacts, Caller, ControlPlane, ParameterChange } from '../runtime/control-plane.ts';
import { audited } from './audited.ts';
import { readCaller } from './caller.ts';
import type { Faults } from './convert/faults.ts';
import { readValue } from './convert/payload.ts';
import { readBulkFilter } from './convert/run-filter.ts';
import { readRequestId } from './convert/text.ts';
import { NAMESPACE, readRequest } from './requests.ts';
import { readRunId } from './run-changes.ts';

type Plane = Pick<ControlPlane, 'retryRun' | 'retryRuns' | 'rerunRun' | 'noteRefusal'>;
type Retries = Pick<ServiceImpl<typeof RunService>, 'retryRun' | 'retryRuns' | 'rerunRun'>;

/** Whoever cancelled a run did not mean it to start again with the rest. */
const RETRIED_IN_BULK = { allowed: RETRYABLE_STATUSES, usual: ['FAILED', 'TIMED_OUT'] } as const;

export function createRunRetries(controlPlane: Plane): Retries {
  return {
    async retryRun(request, context) {
      const caller = readCaller(context);
      const describe = () => factsOf('run.retry', request, caller);
      const started = await audited(controlPlane, describe, async () => {
        const retry = readRequest('retry a run', (faults) => ({
          runId: readRunId(faults, request.runId),
          requestId: readRequestId(faults, 'request_id', request.requestId),
        }));
        return controlPlane.retryRun({ ...retry, namespace: NAMESPACE, caller });
      });
      return { runId: started.runId, created: started.isRepeat !== true };
    },

    async *retryRuns(request, context) {
      const { signal } = context;
      const caller = readCaller(context);
      const { before, ...filter } = readRequest('retry runs', (faults) =>
        readBulkFilter(faults, request.filter, RETRIED_IN_BULK),
      );
      const { dryRun } = request;
      const progress = controlPlane.retryRuns({ namespace: NAMESPACE, filter, before, dryRun, caller, signal });
      for await (const { matched, changed, runIds, isDone } of progress) {
        yield { matched, retried: changed, runIds: [...runIds], done: isDone };
      }
    },

    async rerunRun(request, context) {
      const caller = readCaller(context);
      const describe = () => factsOf('run.rerun', request, caller);
      const started = await audited(controlPlane, describe, async () => {
        const rerun = readRequest('rerun a run', (faults) => ({
          runId: readRunId(faults, request.runId),
          requestId: readRequestId(faults, 'request_id', request.requestId),
          parameters: readChange(faults, request),
        }));
        return controlPlane.rerunRun({ ...rerun, latest: request.latest, namespace: NAMESPACE, caller });
      });
      return { runId: started.runId, workflowVersion: started.version, created: started.isRepeat !== true };
    },
  };
}

function factsOf(
  action: AuditFacts['action'],
  { runId, requestId }: { readonly runId: string; readonly requestId: string },
  caller: Caller,
): AuditFacts {
  return { namespace: NAMESPACE, caller, action, kind: 'RUN', subject: runId.toLowerCase(), requestId };
}

function readChange(faults: Faults, { parameters, replaceParameters }: WireRerun): ParameterChange {
  if (parameters === undefined) {
    if (replaceParameters)
      faults.add('parameters', 'is not set, and "replace_parameters" says that nothing else stays');
    return { kind: 'keep' };
  }
  if (parameters.kind.case !== 'structValue') faults.add('parameters', 'is not an object');
  const bytes = readValue(faults, 'parameters', parameters, limits.parametersBytesMax);
  return bytes === undefined ? { kind: 'keep' } : { kind: replaceParameters ? 'replace' : 'merge', bytes };
}
